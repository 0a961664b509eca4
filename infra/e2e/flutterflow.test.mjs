// /flutterflow.json, imported as FlutterFlow imports it, and its calls sent to the real server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { CALIBRATION } from './flutterflow/calibration.mjs';
import { imported, missingVariables, request } from './flutterflow/model.mjs';
import { HUNG_MS, assertSession, decodeJwt, exchange, serve, stopAll } from './support.mjs';
import { certificate, publish } from './tokens/certificates.mjs';
import { keys, withClaims } from './tokens/minting.mjs';

/** The Firebase project of a laptop. */
const PROJECT = 'demo-latchkey';

let server, group, google;

before(async () => {
  google = await publish({ [keys.first.kid]: certificate(keys.first, keys.first) }, '/certificates');
  const env = { EMAIL_SIGN_IN: 'existing', FIREBASE_CERTS_URL: google.url, IDENTITY_PROVIDERS: '[{"id": "firebase"}]' };
  server = await serve([], { env });
  const { status, headers, body } = await exchange(`${server.origin}/flutterflow.json`);
  assert.equal(status, 200);
  assert.match(headers['content-disposition'][0], /^attachment; filename="latchkey-flutterflow\.json"$/);
  group = imported(body);
});
after(async () => {
  await stopAll();
  google?.close();
});

for (const { title, document, group: expected, calls } of CALIBRATION) {
  test(`the model imports as FlutterFlow did: ${title}`, () => {
    const { calls: made, ...named } = imported(document);
    assert.deepEqual(named, expected);
    assert.deepEqual(made, calls);
    // Key by key: an object of JavaScript compares without regard to order.
    assert.deepEqual(made.map(({ variables }) => Object.keys(variables)), calls.map(({ variables }) => Object.keys(variables)));
  });
}

const TOKEN = { headers: { Authorization: 'Bearer [access_token]' }, variables: { access_token: 'String' } };
const PLAIN = { headers: {}, variables: {} };

/** Every call: its method, its URL, its headers and variables, and the body. */
const CALLS = {
  createAccount: ['POST', '/create-account', PLAIN, { email: '<email>', password: '<password>', name: '<name>' }],
  login: ['POST', '/login', PLAIN, { email: '<email>', password: '<password>' }],
  refresh: ['POST', '/refresh', PLAIN, { refresh_token: '<refresh_token>' }],
  logout: ['POST', '/logout', PLAIN, { refresh_token: '<refresh_token>', everywhere: false }],
  forgotPassword: ['POST', '/password/forgot', PLAIN, { email: '<email>' }],
  resetPassword: ['POST', '/password/reset', PLAIN, { challenge: '<challenge>', code: '<code>', new_password: '<new_password>' }],
  askForLoginCode: ['POST', '/login/email', PLAIN, { email: '<email>' }],
  loginByCode: ['POST', '/login/email/complete', PLAIN, { challenge: '<challenge>', code: '<code>' }],
  exchange: ['POST', '/exchange', PLAIN, { provider: '<provider>', id_token: '<id_token>' }],
  completeExchange: ['POST', '/exchange/complete', PLAIN, { challenge: '<challenge>', code: '<code>' }],
  me: ['GET', '/me', TOKEN],
  updateMe: ['PATCH', '/me', TOKEN, { name: '<name>' }],
  deleteAccount: ['POST', '/me/delete', TOKEN, { password: '<password>' }],
  changePassword: ['POST', '/me/password', TOKEN, { current_password: '<current_password>', new_password: '<new_password>' }],
  sessions: ['GET', '/me/sessions', TOKEN],
  endSession: ['DELETE', '/me/sessions/[id]', { ...TOKEN, variables: { id: 'String', access_token: 'String' } }],
  verify: ['GET', '/verify', { ...TOKEN, variables: { check_revoked: 'String', access_token: 'String' }, query: { check_revoked: '[check_revoked]' } }],
};

test('each call of the import is complete as soon as its variables have names', () => {
  assert.deepEqual({ name: group.name, baseUrl: group.baseUrl }, { name: 'Latchkey', baseUrl: server.origin });
  const expected = Object.entries(CALLS).map(([name, [method, url, { headers, variables, query = {} }, body]]) => {
    const sent = body && { bodyType: 'JSON', body: JSON.stringify(body, null, 2) };
    return { name, method, url, headers, query, variables, ...sent };
  });
  const known = group.calls.filter(({ name }) => name in CALLS);
  assert.deepEqual(known, expected);
  assert.deepEqual(known.map(missingVariables).map((names) => names.length), [3, 2, 1, 1, 1, 3, 1, 2, 2, 2, 0, 1, 1, 2, 0, 0, 0]);
});

/** Sends a call as an app does. */
function send(name, values, how) {
  const call = group.calls.find((each) => each.name === name);
  const { url, ...sent } = request(group, call, values, how);
  return exchange(url, sent, { tail: server.tail });
}

async function succeed(name, values, how) {
  const { status, body } = await send(name, values, how);
  assert.ok(status >= 200 && status < 300, `${name}: ${status} ${JSON.stringify(body)}`);
  return body;
}

// The first has everything that breaks a JSON text, and the last is as long as a password may be.
const PASSWORDS = ['a"b\\c <tag> {x} $y', 'крокодил 🦀 ["]', `"${'x'.repeat(254)}\\`];

for (const [index, password] of PASSWORDS.entries()) {
  test(`an account lives its whole life through the import, with password ${index + 1}`, async () => {
    const values = { email: `builder-${index}@yopmail.com`, password, name: 'James "Jim" O\\Brien 🦀', check_revoked: 'true' };
    const next = { ...values, current_password: password, new_password: `${password.slice(0, 200)} again` };
    const created = assertSession(await succeed('createAccount', values));
    assert.equal(created.user.name, values.name);
    const first = assertSession(await succeed('login', values));
    const second = assertSession(await succeed('refresh', first));
    assert.deepEqual((await succeed('me', second)).user, second.user);
    assert.equal((await succeed('updateMe', { ...second, name: 'Jim' })).user.name, 'Jim');
    assert.equal((await succeed('verify', { ...values, ...second })).revocation_checked, true);
    const { sessions } = await succeed('sessions', second);
    const other = sessions.find(({ current }) => !current);
    assert.deepEqual(await succeed('endSession', { ...second, id: other.id }), { ended: true });
    const third = assertSession(await succeed('changePassword', { ...next, ...second }));
    assert.deepEqual(await succeed('logout', third), { logged_out: true, sessions_ended: 1, firebase: '' });
    const last = assertSession(await succeed('login', { ...values, password: next.new_password }));
    assert.deepEqual(await succeed('deleteAccount', { ...last, password: next.new_password }), { deleted: true, firebase: '' });
    // A line break in a value is escaped too, so that the answer is about the account.
    const gone = await send('login', { ...values, password: 'two\nlines\tand a tab' });
    assert.deepEqual([gone.status, gone.body.code], [401, 'invalid_credentials']);
  });
}

/** The last mail to an address, which a laptop keeps. */
async function mail(email) {
  await server.line((line) => line.startsWith(`Mail to ${email}`), HUNG_MS);
  const { body } = await exchange(`${server.origin}/outbox/mails`);
  return body.mails.find(({ to }) => to === email);
}

test('a code by mail logs in through the import', async () => {
  const email = 'code@yopmail.com';
  await succeed('createAccount', { email, password: PASSWORDS[0], name: 'James' });
  const { challenge } = await succeed('askForLoginCode', { email });
  const { code } = await mail(email);
  const session = assertSession(await succeed('loginByCode', { challenge, code }));
  assert.equal(session.user.email, email);
  const again = await send('loginByCode', { challenge, code });
  assert.deepEqual([again.status, again.body.code], [401, 'code_invalid']);
});

test('a Google sign-in of Firebase gets a session through the import, with a code if its address is not proven', async () => {
  const signIn = (sub, email, email_verified) => withClaims(Math.floor(Date.now() / 1000), {
    iss: `https://securetoken.google.com/${PROJECT}`, aud: PROJECT, sub, user_id: sub, email, email_verified, firebase: { identities: {}, sign_in_provider: 'google.com' },
  });
  const provider = 'firebase';
  const email = 'native@gmail.com';
  const session = await succeed('exchange', { provider, id_token: signIn('native-uid', email, true) });
  assert.deepEqual([session.uid, session.user.email, session.user.email_verified], ['native-uid', email, true]);
  // The token for signInWithCustomToken is of the very same Firebase user.
  assert.equal(decodeJwt(session.jwt_token).payload.uid, 'native-uid');
  assert.equal((await succeed('me', session)).user.id, 'native-uid');

  const taken = 'older@yopmail.com';
  const older = assertSession(await succeed('createAccount', { email: taken, password: PASSWORDS[0], name: 'James' }));
  const { status, body } = await send('exchange', { provider, id_token: signIn('unproven-uid', taken, false) });
  assert.deepEqual([status, body.code], [409, 'email_confirmation_needed']);
  const { code } = await mail(taken);
  const linked = assertSession(await succeed('completeExchange', { challenge: body.next.challenge, code }));
  assert.equal(linked.uid, older.uid);
});

test('a call without escaping works with plain values, and names the mistake with others', async () => {
  const raw = { escapes: false };
  const plain = { email: 'raw@yopmail.com', password: 'violet tractor 47 umbrella', name: 'James' };
  await succeed('createAccount', plain, raw);
  await succeed('login', plain, raw);
  const { status, body } = await send('login', { ...plain, password: 'a"b and more' }, raw);
  assert.deepEqual([status, body.code], [400, 'invalid_request']);
  assert.match(body.detail, /quot/i);
});

test('a variable that has no name yet, or no value, is told as such', async () => {
  const call = group.calls.find(({ name }) => name === 'login');
  // FlutterFlow sends the text as it stands while no variable has this name.
  const unnamed = await exchange(`${group.baseUrl}/login`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: call.body });
  assert.deepEqual([unnamed.status, unnamed.body.code], [400, 'placeholder_not_filled']);
  assert.match(unnamed.body.detail, /FlutterFlow/);
  const empty = await send('login', { email: '', password: '' });
  assert.deepEqual(empty.body.fields.map(({ field, code }) => [field, code]), [['email', 'required'], ['password', 'required']]);
});
