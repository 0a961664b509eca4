// Every function on the Lambda runtime answers as `latchkey serve` does, whatever way the request comes in, and what
// one of the two made is good at the other.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startWorld } from './lambda.mjs';
import { bearer, form, get, post, preflight, text } from './requests.mjs';
import { assertSession, shape, stopAll } from './support.mjs';
import { certificate, publish } from './tokens/certificates.mjs';
import { keys, withClaims } from './tokens/minting.mjs';

/** Of each function, a path that no other function has; all but the last read a body there. */
const FUNCTIONS = {
  'create-account': '/create-account',
  login: '/login',
  refresh: '/refresh',
  verify: '/verify',
  jwt: '/jwt/decode',
  logout: '/logout',
  account: '/me/password',
  'well-known': '/health',
};
/** Of the demo account, which all of them share. */
const PROJECT = 'demo-latchkey';
const CERTIFICATES = '/x509';
const API_KEY = { 'x-api-key': 'an API key that only these tests know' };
const PAYLOAD = { user_id: '7' };
const PASSWORD = 'violet tractor 47 umbrella';
const WRONG = 'not the password';
const ID = { 'x-request-id': 'e2e-1' };
const ORIGIN = 'https://app.example';
const COMPARED = /^(content-type|cache-control|access-control-.*|x-request-id|www-authenticate|retry-after)$/;

let ask, james, published;
let accounts = 0;

before(async () => {
  published = await publish({ [keys.first.kid]: certificate(keys.first, keys.first) }, CERTIFICATES);
  const variables = {
    FIREBASE_CERTS_URL: published.url,
    JWT_SHARED_SECRET: 'a shared secret that only these tests know',
    API_KEY: API_KEY['x-api-key'],
  };
  ask = await startWorld(Object.keys(FUNCTIONS), { variables });
  james = await newAccount();
});

after(async () => {
  await stopAll();
  published?.close();
});

// --- The same answers
//
// A row is a name, what must come ("409 email_taken"), how to make the request (anew for every way of asking, as most
// can be asked only once), and what else holds. The values of a body are compared if it is an error or the row says
// "same", its keys and types always.

const cases = {
  'create-account': [
    ['a new account', '201', () => post('/create-account', { ...newcomer(), name: 'Ann' }), assertSession],
    ['a new username', '201', () => post('/create-account', { ...newcomer(), username: `ann-${accounts}` })],
    ['a new account from a form', '201', () => form('/create-account', newcomer()), assertSession],
    ['a taken address', '409 email_taken', () => post('/create-account', { ...newcomer(), email: james.email })],
    ['no address', '400 invalid_request', () => post('/create-account', { password: PASSWORD })],
    ['a short password', '400 weak_password', () => post('/create-account', { ...newcomer(), password: 'short' })],
    ['a chosen role', '400', () => post('/create-account', { ...newcomer(), role_id: 9 }), names('role_id')],
  ],
  login: [
    ['a login', '200', () => post('/login', credentials(james)), sessionOfJames],
    ['a login from a form', '200', () => form('/login', credentials(james)), sessionOfJames],
    ['a login without a type', '200', () => ({ ...post('/login', credentials(james)), headers: {} }), sessionOfJames],
    ['a login with an id', '200', () => post('/login', credentials(james), ID), identifiedByIt],
    ['a wrong password', '401 invalid_credentials', async () => logIn(await newAccount(), WRONG)],
    ['an unknown address', '401 invalid_credentials', () => post('/login', newcomer())],
    ['an error as problem+json', '401', () => post('/login', newcomer(), { accept: 'application/problem+json' })],
    ['a key given twice', '400', () => text('/login', '{"email":"a@b.example","email":"c@d.example","password":"x"}')],
    ['a body nested too deep', '400', () => text('/login', `{"email":${'['.repeat(40)}${']'.repeat(40)}}`)],
    ['a NUL in a text', '400', () => post('/login', { ...newcomer(), email: 'a\0@b.example' })],
    ['a body that is not UTF-8', '400', () => text('/login', Buffer.from('{"email":"\xff"}', 'latin1'))],
  ],
  refresh: [
    ['a refresh', '200', async () => post('/refresh', await newRefreshToken()), sessionOfJames],
    ['no refresh token at all', '401 refresh_token_invalid', () => post('/refresh', { refresh_token: 'A'.repeat(43) })],
  ],
  verify: [
    ['a token in the body', '200', () => post('/verify', { token: james.session.access_token }), verifiedJames],
    ['a token in the header', '200', () => get('/verify', bearer(james)), verifiedJames],
    ['a token that may be revoked', '200', () => get('/verify?check_revoked=true', bearer(james)), verifiedJames],
    ['a Firebase ID token', '200', () => post('/verify', { token: idToken(james.session.uid) }), idTokenOfJames],
    ['a Firebase ID token that may be revoked', '200',
      () => post('/verify?check_revoked=true', { token: signedInNow() }), idTokenOfJames],
    ['an expired ID token', '401 auth/id-token-expired', () => post('/verify', { token: idToken('u', { exp: 1 }) })],
    ['an ID token of another project', '401 auth/argument-error',
      () => post('/verify', { token: idToken('u', { aud: 'p' }) })],
    ['a token of the shared secret', '200', async () => post('/verify', { token: await encoded() }),
      has({ kind: 'shared_secret', uid: PAYLOAD.user_id })],
    ['a custom token to verify', '401 auth/argument-error',
      () => post('/verify', { token: james.session.jwt_token })],
    ['no token', '400 token_missing', () => get('/verify')],
    ['something that is no token', '401', () => post('/verify', { token: 'not-a-token' }), challenged],
  ],
  jwt: [
    ['a token decoded', '200', () => post('/jwt/decode', { token: james.session.access_token }), decodedJames],
    ['a token decoded from a form', '200', () => form('/jwt/decode', { token: james.session.access_token }), decodedJames],
    ['a custom token decoded', '200', () => post('/jwt/decode', { token: james.session.jwt_token }),
      has({ verified: false, kind: 'firebase_custom_token' })],
    ['something that is no token to decode', '400 token_malformed', () => post('/jwt/decode', { token: 'not-a-token' })],
    ['nothing to decode', '400 invalid_request', () => post('/jwt/decode', {})],
    ['a token to encode', '200', () => post('/jwt/encode', { payload: PAYLOAD }, API_KEY), has({ expires_in: 3600 })],
    ['a token to encode from a form', '200', () => form('/jwt/encode', { payload: JSON.stringify(PAYLOAD) }, API_KEY)],
    ['nothing to encode', '400 payload_required', () => post('/jwt/encode', {}, API_KEY)],
    ['a token to encode without a key', '401 invalid_api_key', () => post('/jwt/encode', { payload: PAYLOAD })],
  ],
  logout: [
    ['a logout', '200 same', async () => post('/logout', await newRefreshToken()), has({ sessions_ended: 1 })],
    ['a logout everywhere', '200 same', logoutEverywhere, has({ logged_out: true })],
    ['a second logout', '200 same', logoutAgain, has({ logged_out: true })],
    ['a logout of nothing', '400', () => post('/logout', {})],
  ],
  account: [
    ['who am I', '200 same', () => get('/me', bearer(james))],
    ['who am I, by an ID token', '200 same', () => get('/me', { authorization: `Bearer ${signedInNow()}` })],
    ['who am I, without a token', '401', () => get('/me'), challenged],
    ['a new name', '200 same', () => post('/me', { name: 'James' }, bearer(james), 'PATCH')],
    ['a new password', '200', async () => changePassword(await newAccount(), PASSWORD), assertSession],
    ['a new password, not knowing the old', '401', async () => changePassword(await newAccount(), WRONG)],
    ['the sessions', '200', () => get('/me/sessions', bearer(james)), currentIsAmongThem],
    ['the end of a session that never was', '200 same',
      () => ({ method: 'DELETE', path: `/me/sessions/${'A'.repeat(16)}`, headers: bearer(james) }), has({ ended: false })],
    ['the end of an account', '200 same', async () => endAccount(await newAccount()), has({ deleted: true })],
  ],
  'well-known': [
    ['the key set', '200 same', () => get('/.well-known/jwks.json')],
    ['the discovery document', '200 same', () => get('/.well-known/openid-configuration')],
    ['health', '200 same', () => get('/health'), has({ status: 'ok' })],
  ],
};

for (const [fn, path] of Object.entries(FUNCTIONS)) {
  cases[fn].push(
    ['an unknown path', '404', () => get('/no-such-path')],
    ['a method that is not there', '405', () => ({ method: 'PUT', path })],
    ['a preflight', 'same', () => preflight(path), allowed],
  );
  if (fn === 'well-known') continue;
  cases[fn].push(
    ['malformed JSON', '400', () => text(path, '{"email":', bearer(james))],
    ['a body over 16 KiB', '413', () => post(path, { email: 'a'.repeat(17 * 1024) }, bearer(james))],
    ['a body of another type', '415', () => text(path, '<a/>', { ...bearer(james), 'content-type': 'text/xml' })],
  );
}

for (const [fn, rows] of Object.entries(cases)) {
  describe(fn, () => {
    for (const [name, ...row] of rows) test(name, (t) => compare(t, fn, ...row));
  });
}

async function compare(t, fn, expected, request, check) {
  const [, status, code] = expected.match(/^(\d*) ?(.*)$/);
  const known = { status: Number(status), code: code === 'same' ? '' : code, same: code === 'same', check };

  const first = await request();
  const reference = face(await ask.serve(fn, fromABrowser(first)), known);
  for (const way of waysToSend(first.body)) {
    await t.test(way, async () => {
      const answer = await ask[way](fn, fromABrowser(await request()));
      assert.deepEqual(face(answer, known), reference);
    });
  }
}

// Without an Origin the CORS headers might be left out, and there would be nothing to compare.
function fromABrowser(request) {
  return { ...request, headers: { origin: ORIGIN, ...request.headers } };
}

function waysToSend(body) {
  if (body === undefined) return ['event', 'url'];
  // An event is text, and cargo-lambda's function URL refuses to make one of other bytes by itself.
  return Buffer.isBuffer(body) ? ['base64'] : ['event', 'base64', 'url'];
}

/** What two answers to one request must have in common, checked against what is known of either. */
function face(answer, { status, code, same, check }) {
  const { body } = answer;
  if (status) assert.equal(answer.status, status, JSON.stringify(body));
  const headers = Object.entries(answer.headers).filter(([name]) => COMPARED.test(name));
  for (const [name, values] of headers) assert.equal(values.length, 1, `${name} is there ${values.length} times`);
  const { 'content-type': [type] = [], 'x-request-id': [id] = [] } = answer.headers;
  assert.ok(id, 'no x-request-id');
  if (body !== '') assert.match(type, /^application\/(json; charset=utf-8|problem\+json)/);
  const failed = answer.status >= 400;
  if (failed) assert.equal(body.request_id, id);
  if (code) assert.equal(body.code, code);
  check?.(body, answer);
  const varies = (name) => name === 'x-request-id' || name === 'retry-after';
  return {
    status: answer.status,
    headers: Object.fromEntries(headers.map(([name, [value]]) => [name, varies(name) ? 'some' : value])),
    body: failed ? timelessError(body) : same ? body : shape(body),
  };
}

/** Of two requests with tokens of an hour, the second one's may be of another second. */
function timelessError({ report, ...body }) {
  return { ...body, request_id: 'some', ...report !== undefined && { report: report.replace(/\d+/g, '0') } };
}

// --- One backend, two ways to run it

for (const [here, there] of [['serve', 'url'], ['url', 'serve']]) {
  describe(`made at ${here}, used at ${there}`, () => {
    test('failures are counted, and a client that logged in before is not held to those of strangers', async () => {
      const account = await newAccount();
      for (let failure = 0; failure < 5; failure += 1) {
        assert.equal((await ask[here]('login', logIn(account, WRONG))).status, 401);
      }
      // The first delay is over sooner than a slow machine asks again; so after the second and the third one.
      for (const seconds of [1, 2]) {
        await sleep(seconds * 1000);
        assert.equal((await ask[here]('login', logIn(account, WRONG))).status, 401);
      }
      const refused = await ask[there]('login', logIn(account, PASSWORD));
      assert.deepEqual([refused.status, refused.body.code], [429, 'too_many_attempts']);
      assert.match(refused.headers['retry-after'][0], /^[1-4]$/);
      const { refresh_token } = account.session;
      const known = await succeed(there, 'login', post('/login', { ...credentials(account), refresh_token }));
      assert.equal(known.uid, account.session.uid);
    });
    test('an account logs in, and so does one made twice under one idempotency key', async () => {
      const account = newcomer();
      const request = post('/create-account', account, { 'idempotency-key': crypto.randomUUID() });
      const { uid } = await succeed(here, 'create-account', request);
      assert.equal((await succeed(there, 'login', post('/login', account))).uid, uid);
      assert.equal((await succeed(there, 'create-account', request)).uid, uid);
    });

    test('a refresh token refreshes, there and back', async () => {
      const { uid, refresh_token } = await newSession(here);
      const session = await succeed(there, 'refresh', post('/refresh', { refresh_token }));
      assert.equal(session.uid, uid);
      const back = await succeed(here, 'refresh', post('/refresh', { refresh_token: session.refresh_token }));
      assert.equal(back.uid, uid);
    });

    test('an access token verifies', async () => {
      const { uid, access_token } = await newSession(here);
      const { valid, kind, uid: found } = await succeed(there, 'verify', post('/verify', { token: access_token }));
      assert.deepEqual({ valid, kind, found }, { valid: true, kind: 'access_token', found: uid });
    });

    test('a logout ends the session that the other gave', async () => {
      const session = await newSession(there);
      const { refresh_token } = session;
      await succeed(here, 'logout', post('/logout', { refresh_token }));
      const refreshed = await ask[there]('refresh', post('/refresh', { refresh_token }));
      assert.equal(refreshed.status, 401, JSON.stringify(refreshed.body));
      const verified = await ask[there]('verify', get('/verify?check_revoked=true', bearer({ session })));
      assert.equal(verified.body.code, 'token_revoked', JSON.stringify(verified.body));
    });
  });
}

// Each process fetches them once, however many invocations it has answered.
test('the keys of ID tokens survive from one invocation to the next', () => {
  const processes = ['serve', 'verify', 'account'];
  assert.equal(published.requests.length, processes.length);
});

// --- Requests

/** An ID token as Firebase gives it to whoever signed in as `uid` five minutes ago; `changes` may spoil it. */
function idToken(uid, changes) {
  const now = Math.floor(Date.now() / 1000);
  return withClaims(now, { aud: PROJECT, iss: `https://securetoken.google.com/${PROJECT}`, sub: uid, ...changes });
}

async function encoded() {
  return (await succeed('serve', 'jwt', post('/jwt/encode', { payload: PAYLOAD }, API_KEY))).token;
}

function signedInNow() {
  return idToken(james.session.uid, { auth_time: Math.floor(Date.now() / 1000) });
}

function logIn({ email }, password) {
  return post('/login', { email, password });
}

function changePassword(account, current_password) {
  return post('/me/password', { current_password, new_password: 'amber tractor 48 umbrella' }, bearer(account));
}

function endAccount(account) {
  return post('/me', { password: account.password }, bearer(account), 'DELETE');
}

async function logoutEverywhere() {
  const { session } = await newAccount();
  return post('/logout', { refresh_token: session.refresh_token, everywhere: true });
}

async function logoutAgain() {
  const request = post('/logout', await newRefreshToken());
  await succeed('serve', 'logout', request);
  return request;
}

// --- Accounts

function newcomer() {
  accounts += 1;
  return { email: `someone-${accounts}@yopmail.com`, password: PASSWORD };
}

function credentials({ email, password }) {
  return { email, password };
}

async function newAccount() {
  const account = newcomer();
  return { ...account, session: await succeed('serve', 'create-account', post('/create-account', account)) };
}

async function newSession(way = 'serve') {
  return succeed(way, 'login', post('/login', credentials(james)));
}

async function newRefreshToken() {
  const { refresh_token } = await newSession();
  return { refresh_token };
}

async function succeed(way, fn, request) {
  const { status, body } = await ask[way](fn, request);
  assert.ok(status === 200 || status === 201, `${fn} by ${way} answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

// --- Checks

function has(members) {
  return (body) => {
    for (const [name, value] of Object.entries(members)) assert.equal(body[name], value, JSON.stringify(body));
  };
}

function sessionOfJames(session) {
  assert.equal(assertSession(session).uid, james.session.uid);
}

function verifiedJames(body) {
  has({ valid: true, kind: 'access_token', uid: james.session.uid })(body);
}

function idTokenOfJames(body) {
  has({ valid: true, kind: 'firebase_id_token', uid: james.session.uid, provider: 'password' })(body);
}

function decodedJames(body) {
  has({ verified: false, kind: 'access_token', uid: james.session.uid, expired: false })(body);
  assert.deepEqual(body.problems, []);
}

function identifiedByIt(_, { headers }) {
  assert.equal(headers['x-request-id'][0], ID['x-request-id']);
}

function names(field) {
  return ({ message, fields }) => {
    const named = message.includes(field) || fields.some((each) => each.field === field);
    assert.ok(named, `${field} is not named: ${message}`);
  };
}

function currentIsAmongThem({ sessions }) {
  assert.equal(sessions.filter(({ current }) => current).length, 1, JSON.stringify(sessions));
}

function challenged(_, { headers }) {
  assert.match(headers['www-authenticate']?.[0] ?? '', /^Bearer/);
}

function allowed(_, { status, headers }) {
  assert.ok(status === 200 || status === 204, `a preflight was answered with ${status}`);
  assert.deepEqual(headers['access-control-allow-origin'], ['*']);
  assert.equal(headers['access-control-allow-credentials'], undefined);
  const [methods = ''] = headers['access-control-allow-methods'] ?? [];
  for (const each of ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS']) assert.ok(methods.includes(each), methods);
}
