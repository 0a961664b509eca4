// Whatever ends at Latchkey ends for the Firebase SDK too, also if Firebase could not be told at
// once.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { deleteApp, initializeApp } from 'firebase/app';
import {
  connectAuthEmulator, GoogleAuthProvider, inMemoryPersistence, initializeAuth, linkWithCredential,
  signInWithCredential, signInWithCustomToken,
} from 'firebase/auth';

import { firebaseUser, PROJECT, startEmulator, startRefusingRevoked } from './emulator.mjs';
import { doLatchkey, exchange, freePorts, HUNG_MS, json, nextSecond, serve, stopAll } from './support.mjs';

const PASSWORD = 'violet tractor 47 umbrella';
const NEW_PASSWORD = 'purple kettle 12 mountain';

let server, emulator, front, number = 0;
const apps = [];

before(async () => {
  emulator = await startEmulator();
  front = await startRefusingRevoked(emulator);
  server = await serve([], { env: { FIREBASE_AUTH_EMULATOR_HOST: emulator, RATE_LIMITS: 'off' } });
});

after(async () => {
  for (const app of apps) await deleteApp(app);
  front?.close();
  await stopAll();
});

/** The Firebase SDK of one device. */
function device() {
  const app = initializeApp({ apiKey: 'any', projectId: PROJECT }, `device ${apps.length}`);
  apps.push(app);
  const auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, `http://${front.host}`, { disableWarnings: true });
  return auth;
}

/** An account whose owner has signed in at Firebase in an earlier second than this one. */
async function person(at = server) {
  const email = `james${number += 1}@yopmail.com`;
  const session = await succeed(at, 'POST', '/create-account', { email, password: PASSWORD });
  const { user } = await signInWithCustomToken(device(), session.jwt_token);
  const idToken = await user.getIdToken();
  assert.equal((await verify(at, idToken)).status, 200);
  await nextSecond();
  return { email, session, user, idToken };
}

/** Links a Google account of a thief to the Firebase user, as whoever holds the sign-in can. */
async function linkThief({ user, email }) {
  const sub = `thief of ${email}`;
  const credential = GoogleAuthProvider.credential(JSON.stringify({ sub, email: `${number}@thief.example` }));
  await linkWithCredential(user, credential);
  return credential;
}

async function succeed({ origin }, method, path, body, token) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const answer = await exchange(origin + path, json(method, body, headers));
  assert.ok(answer.status === 200 || answer.status === 201, `${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

function verify({ origin }, idToken) {
  return exchange(`${origin}/verify?check_revoked=true`, json('POST', { token: idToken }));
}

/** The sign-in is over: no fresh ID token, and neither /me nor /verify accepts the old one. */
async function assertOver(at, { user, idToken }, code, refusal) {
  await assert.rejects(user.getIdToken(true), { code });
  const me = await exchange(`${at.origin}/me`, { headers: { authorization: `Bearer ${idToken}` } });
  const verified = await verify(at, idToken);
  assert.deepEqual([me.status, verified.status, verified.body.code], [401, 401, refusal]);
}

/** The thief's Google account opens nothing of the person any more. */
async function assertThiefIsOut(credential, uid) {
  const { user } = await signInWithCredential(device(), credential);
  assert.notEqual(user.uid, uid);
}

async function settled(check, ms = HUNG_MS) {
  const deadline = Date.now() + ms;
  while (!await check()) {
    assert.ok(Date.now() < deadline, 'Firebase is not told');
    await sleep(100);
  }
}

test('a logout everywhere', async () => {
  const one = await person();
  const thief = await linkThief(one);
  const { refresh_token } = one.session;
  const answer = await succeed(server, 'POST', '/logout', { refresh_token, everywhere: true });
  assert.equal(answer.firebase, 'ended');
  await assertOver(server, one, 'auth/user-token-expired', 'auth/id-token-revoked');
  await assertThiefIsOut(thief, one.session.uid);
});

test('a new password, whose own session signs in', async () => {
  const one = await person();
  const thief = await linkThief(one);
  const body = { current_password: PASSWORD, new_password: NEW_PASSWORD };
  const session = await succeed(server, 'POST', '/me/password', body, one.session.access_token);
  await assertOver(server, one, 'auth/user-token-expired', 'auth/id-token-revoked');
  await assertThiefIsOut(thief, one.session.uid);
  const { user } = await signInWithCustomToken(device(), session.jwt_token);
  assert.equal(user.uid, one.session.uid);
  assert.equal((await verify(server, await user.getIdToken(true))).status, 200);
});

test('a disabled account', async () => {
  const one = await person();
  const thief = await linkThief(one);
  const env = { FIREBASE_AUTH_EMULATOR_HOST: emulator };
  await doLatchkey(['users', 'disable', one.email, '--data-dir', server.data], { env });
  await assertOver(server, one, 'auth/user-disabled', 'auth/user-disabled');
  await assertThiefIsOut(thief, one.session.uid);
});

test('a disabled account, by a tool that does not know Firebase: the server tells it', async () => {
  const one = await person();
  await doLatchkey(['users', 'disable', one.email, '--data-dir', server.data]);
  await settled(async () => (await firebaseUser(emulator, one.session.uid)).disabled);
  await assertOver(server, one, 'auth/user-disabled', 'auth/user-disabled');
});

for (const [method, path] of [['DELETE', '/me'], ['POST', '/me/delete']]) {
  test(`a deletion by ${method} ${path}`, async () => {
    const one = await person();
    const thief = await linkThief(one);
    const answer = await succeed(server, method, path, { password: PASSWORD }, one.session.access_token);
    assert.deepEqual(answer, { deleted: true, firebase: 'ended' });
    await assertOver(server, one, 'auth/invalid-refresh-token', 'auth/id-token-revoked');
    assert.equal(await firebaseUser(emulator, one.session.uid), undefined);
    await assertThiefIsOut(thief, one.session.uid);
  });
}

test('Identity Toolkit is down at that moment: all four end as soon as it is back', async () => {
  // A port of its own before the emulator, which can be closed and opened.
  const [port] = await freePorts(1);
  const [host, emulatorPort] = emulator.split(':');
  const open = () => new Promise((resolve) => {
    const line = http.createServer((request, response) => {
      const { url: path, method, headers } = request;
      request.pipe(http.request({ host, port: emulatorPort, path, method, headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      }));
    }).listen(port, '127.0.0.1', () => resolve(line));
  });
  let line = await open();
  const own = await serve([], { env: { FIREBASE_AUTH_EMULATOR_HOST: `127.0.0.1:${port}`, RATE_LIMITS: 'off' } });
  const people = [await person(own), await person(own), await person(own), await person(own)];
  const [everywhere, changed, disabled, deleted] = people;
  line.closeAllConnections();
  await new Promise((done) => line.close(done));

  const { refresh_token } = everywhere.session;
  assert.equal((await succeed(own, 'POST', '/logout', { refresh_token, everywhere: true })).firebase, 'pending');
  const body = { current_password: PASSWORD, new_password: NEW_PASSWORD };
  await succeed(own, 'POST', '/me/password', body, changed.session.access_token);
  await doLatchkey(['users', 'disable', disabled.email, '--data-dir', own.data]);
  const gone = await succeed(own, 'POST', '/me/delete', { password: PASSWORD }, deleted.session.access_token);
  assert.equal(gone.firebase, 'pending');
  for (const { user } of people) await user.getIdToken(true);

  line = await open();
  const users = () => Promise.all(people.map(({ session }) => firebaseUser(emulator, session.uid)));
  await settled(async () => {
    const [first, second, third, fourth] = await users();
    return first.validSince && second.validSince && third.disabled && !fourth;
  }, 2 * HUNG_MS);
  await assertOver(own, everywhere, 'auth/user-token-expired', 'auth/id-token-revoked');
  await assertOver(own, changed, 'auth/user-token-expired', 'auth/id-token-revoked');
  await assertOver(own, disabled, 'auth/user-disabled', 'auth/user-disabled');
  await assertOver(own, deleted, 'auth/invalid-refresh-token', 'auth/id-token-revoked');
  line.closeAllConnections();
  line.close();
});
