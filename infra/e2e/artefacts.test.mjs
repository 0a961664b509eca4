// Runs every function as it is deployed, optimised and linked, on AWS's emulator of the Lambda
// runtime. Each route gets good and bad requests, in events of API Gateway and in events that SAM
// generates. The answers must keep the contract.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { startCloud, startFunction } from './emulator.mjs';
import { bearer, get, post, preflight, text } from './requests.mjs';
import { STEPS, rotations } from './rotation/stages.mjs';
import { HUNG_MS, assertSession, decodeJwt, repository, stopAll, tools, within } from './support.mjs';

const NAMES = ['create-account', 'login', 'refresh', 'verify', 'jwt', 'logout', 'account', 'well-known', 'rotate-keys'];
const API_KEY = { 'x-api-key': 'an API key that only these tests know' };
const PASSWORD = 'violet tractor 47 umbrella';
const NEXT_PASSWORD = 'amber tractor 48 umbrella';
const ORIGIN = { origin: 'https://app.example' };
/** The gateway's domain in our events and in SAM's. It is the issuer if none is configured. */
const ISSUERS = {
  event: 'https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com',
  base64: 'https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com',
  generated: 'https://id.execute-api.us-east-1.amazonaws.com',
};

let functions, secrets, variables;
let accounts = 0;

before(async () => {
  ({ secrets, variables } = await startCloud());
  await secrets.create('latchkey/shared', 'a shared secret that only these tests know');
  await secrets.create('latchkey/api-key', API_KEY['x-api-key']);
  variables = { ...variables, SHARED_SECRET_ID: 'latchkey/shared', API_KEY_SECRET_ID: 'latchkey/api-key' };
  const started = await Promise.all(NAMES.map((name) => startFunction(name, variables)));
  functions = Object.fromEntries(NAMES.map((name, index) => [name, started[index]]));
});

after(stopAll);

// --- Each route, in each kind of event
//
// A row has a function, a name, the expected answer ("401 invalid_credentials"), the request, and a
// further check. The request is made for an account that logged in by the same kind of event.

const rows = [
  ['create-account', 'a new account', '201', () => post('/create-account', newcomer()), assertSession],
  ['create-account', 'a taken address', '409 email_taken', ({ email }) => post('/create-account', { ...newcomer(), email })],
  ['login', 'a login', '200', ({ email, password }) => post('/login', { email, password }), assertSession],
  ['login', 'a wrong password', '401 invalid_credentials', ({ email }) => post('/login', { email, password: 'wrong one' })],
  ['refresh', 'a refresh', '200', ({ session }) => post('/refresh', { refresh_token: session.refresh_token }), assertSession],
  ['refresh', 'no refresh token', '401 refresh_token_invalid', () => post('/refresh', { refresh_token: 'A'.repeat(43) })],
  ['verify', 'a token in the body', '200', ({ session }) => post('/verify', { token: session.access_token }), isValid],
  ['verify', 'a token in the header', '200', ({ session }) => get('/verify', bearer({ session })), isValid],
  ['verify', 'no token', '400 token_missing', () => get('/verify')],
  ['verify', 'something that is no token', '401', () => post('/verify', { token: 'not-a-token' })],
  ['jwt', 'a token to encode', '200', () => post('/jwt/encode', { payload: { user_id: '7' } }, API_KEY)],
  ['jwt', 'a token to encode without a key', '401 invalid_api_key', () => post('/jwt/encode', { payload: { user_id: '7' } })],
  ['jwt', 'a token decoded', '200', ({ session }) => post('/jwt/decode', { token: session.jwt_token })],
  ['jwt', 'something to decode that is no token', '400 token_malformed', () => post('/jwt/decode', { token: 'not-a-token' })],
  ['account', 'who am I', '200', ({ session }) => get('/me', bearer({ session }))],
  ['account', 'who am I, without a token', '401', () => get('/me')],
  ['account', 'another name', '200', ({ session }) => post('/me', { name: 'Ann' }, bearer({ session }), 'PATCH')],
  ['account', 'a role that is chosen', '400', ({ session }) => post('/me', { role_id: 9 }, bearer({ session }), 'PATCH')],
  ['account', 'the sessions', '200', ({ session }) => get('/me/sessions', bearer({ session }))],
  ['account', 'the sessions, without a token', '401', () => get('/me/sessions')],
  ['account', 'the end of a session that never was', '200', ({ session }) => remove(`/me/sessions/${'A'.repeat(16)}`, session)],
  ['account', 'the end of a session, without a token', '401', () => ({ method: 'DELETE', path: '/me/sessions/A' })],
  ['account', 'a new password, not knowing the old', '401 invalid_credentials', (account) => change(account, 'wrong one')],
  ['account', 'a new password', '200', (account) => change(account, account.password), assertSession],
  ['logout', 'a logout', '200', ({ session }) => post('/logout', { refresh_token: session.refresh_token })],
  ['logout', 'a logout of nothing', '400', () => post('/logout', {})],
  ['login', 'a login with the new password', '200', ({ email }) => post('/login', { email, password: NEXT_PASSWORD })],
  ['well-known', 'the key set', '200', () => get('/.well-known/jwks.json')],
  ['well-known', 'the discovery document', '200', () => get('/.well-known/openid-configuration')],
  ['well-known', 'health', '200', () => get('/health')],
  ['well-known', 'a path that is none', '404', () => get('/no-such-path')],
];

/** One path of each function, for the answers that all functions give alike. */
const PATHS = {
  'create-account': '/create-account', login: '/login', refresh: '/refresh', verify: '/verify', jwt: '/jwt/decode',
  logout: '/logout', account: '/me/password', 'well-known': '/health',
};
for (const [name, path] of Object.entries(PATHS)) {
  rows.push(
    [name, 'a method that is not there', '405', () => ({ method: 'PUT', path })],
    [name, 'a preflight', '200', () => preflight(path), () => {}],
  );
  if (name === 'well-known') continue;
  rows.push(
    [name, 'a body over 16 KiB', '413', ({ session }) => post(path, { email: 'a'.repeat(17 * 1024) }, bearer({ session }))],
    [name, 'a body of another type', '415',
      ({ session }) => text(path, '<a/>', { ...bearer({ session }), 'content-type': 'text/xml' })],
  );
}
rows.push(
  ['account', 'the end of an account, not knowing its password', '401', ({ session }) => end(session, 'wrong one')],
  ['account', 'the end of an account', '200', ({ session }) => end(session, NEXT_PASSWORD), isDeleted],
);

// SAM needs seconds to generate an event. So it generates the good and bad requests of each route,
// and leaves out those that all functions answer alike.
const generated = rows.filter(([name, what]) => !/^(a body|a preflight|a method)/.test(what) || name === 'login');
const KINDS = { event: rows, base64: rows.filter(([name]) => name !== 'well-known'), generated };

for (const [kind, chosen] of Object.entries(KINDS)) {
  describe(`by an event: ${kind}`, () => {
    let account;

    before(async () => {
      account = { ...newcomer(), kind };
      const made = await functions['create-account'][kind](withOrigin(post('/create-account', account)));
      account.session = assertSession(held(made, '201'));
      assert.equal(decodeJwt(account.session.access_token).payload.iss, ISSUERS[kind]);
    });

    for (const [name, what, expected, request, check] of chosen) {
      test(`${name}: ${what}`, async () => {
        const answer = await functions[name][kind](withOrigin(request(account)));
        const body = held(answer, expected);
        check?.(body);
        // Like a client, the test uses the newest session.
        if (body.refresh_token && name !== 'create-account') account.session = body;
      });
    }
  });
}

test('each route of the template is asked here', () => {
  const script = 'import json, sys; from samcli.yamlhelper import yaml_parse; '
    + 'print(json.dumps(yaml_parse(open(sys.argv[1]).read())["Resources"]))';
  const python = spawnSync(join(tools, 'bin', 'python'), ['-c', script, join(repository, 'template.yaml')], { encoding: 'utf8' });
  const made = Object.values(JSON.parse(python.stdout)).filter(({ Type }) => Type === 'AWS::Serverless::Function');
  assert.deepEqual(made.map(({ Properties }) => Properties.CodeUri.split('/').at(-1)).sort(), [...NAMES].sort());
  const asked = new Set(rows.map(([name, , , request]) => {
    const { path } = request({ session: {} });
    return `${name} ${path.split('?')[0].replace(/^\/me\/sessions\/.+/, '/me/sessions/{id}')}`;
  }));
  for (const { Properties: { CodeUri, Events = {} } } of made) {
    const name = CodeUri.split('/').at(-1);
    for (const { Properties: { Path } } of Object.values(Events)) {
      // A function without a path gets every path that no other function has.
      if (Path) assert.ok(asked.has(`${name} ${Path}`), `${name} ${Path} is not asked`);
    }
  }
});

// --- Events that are no requests

test('rotate-keys takes the four steps, and refuses one out of order', async () => {
  const id = 'latchkey/steps';
  await secrets.create(id, '{"keys":[]}');
  const invoke = async (event) => {
    const failed = await functions['rotate-keys'].invoke(event);
    return { status: failed?.errorMessage === undefined ? 200 : 500, body: failed };
  };
  const secret = rotations(secrets, id, invoke);
  const early = await secret.begin();
  const refused = await secret.step('testSecret', early);
  assert.equal(refused.status, 500);
  assert.match(refused.cause, /createSecret comes first/);
  for (const step of STEPS) {
    const { status, cause } = await secret.step(step, early);
    assert.equal(status, 200, `${step}: ${cause}`);
  }
  assert.deepEqual((await secret.labelled()).AWSCURRENT, [early]);
  const { keys } = JSON.parse((await secrets.read(id, { VersionId: early })).SecretString);
  // Two keys for access tokens and two for refresh tokens: the one that signs and the next one.
  assert.deepEqual(keys.map(({ alg }) => alg).sort(), ['HS256', 'HS256', 'RS256', 'RS256']);
  assert.equal((await secret.step('createSecret', crypto.randomUUID())).status, 500);
});

test('a configuration that cannot work fails the start, with a sentence that names the variable', async () => {
  const broken = await startFunction('login', { ...variables, RATE_LIMITS: 'off' });
  // The emulator's answer for a function that ended.
  assert.equal(await broken.invoke({}), '');
  const said = () => /"cause":"RATE_LIMITS[^"]+"/.test(broken.child.tail());
  const heard = async () => {
    while (!said()) await sleep(100);
  };
  await within(HUNG_MS, heard(), () => broken.child.tail());
});

test('a function that is idle is gone when it is stopped', async () => {
  const idle = await startFunction('well-known', variables);
  held(await idle.event(withOrigin(get('/health'))), '200');
  process.kill(idle.child.pid, 'SIGTERM');
  await within(HUNG_MS, idle.child.exited, () => `it is still there; ${idle.child.tail()}`);
});

// --- Requests

function newcomer() {
  accounts += 1;
  return { email: `someone-${accounts}@yopmail.com`, password: PASSWORD };
}

function withOrigin(request) {
  return { ...request, headers: { ...ORIGIN, ...request.headers } };
}

function change(account, current_password) {
  return post('/me/password', { current_password, new_password: NEXT_PASSWORD }, bearer(account));
}

function end(session, password) {
  return post('/me', { password }, bearer({ session }), 'DELETE');
}

function remove(path, session) {
  return { method: 'DELETE', path, headers: bearer({ session }) };
}

// --- Checks

/**
 * The body of an answer. Fails unless the answer keeps the contract and has this status and code.
 */
function held({ status, headers, body }, expected) {
  const [number, code] = expected.split(' ');
  assert.equal(status, Number(number), JSON.stringify(body));
  for (const [name, values] of Object.entries(headers)) assert.equal(values.length, 1, `${name} is there ${values.length} times`);
  assert.ok(headers['x-request-id'], 'no x-request-id');
  assert.deepEqual(headers['access-control-allow-origin'], ['*']);
  if (body === '') return body;
  assert.deepEqual(headers['content-type'], ['application/json; charset=utf-8']);
  const cached = Array.isArray(body.keys) || body.jwks_uri !== undefined;
  assert.match(headers['cache-control'][0], cached ? /^public, max-age=\d+/ : /^no-store$/);
  if (status < 400) return body;
  assert.equal(body.request_id, headers['x-request-id'][0]);
  assert.equal(body.status, status);
  if (code) assert.equal(body.code, code);
  return body;
}

function isValid(body) {
  assert.deepEqual([body.valid, body.kind], [true, 'access_token'], JSON.stringify(body));
}

function isDeleted(body) {
  assert.equal(body.deleted, true);
}
