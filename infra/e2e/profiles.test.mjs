// The profile of an account in the Firebase SDK: in the first ID token, and after a change.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { deleteApp, initializeApp } from 'firebase/app';
import {
  connectAuthEmulator, createUserWithEmailAndPassword, inMemoryPersistence, initializeAuth, signInWithCustomToken,
} from 'firebase/auth';

import { firebaseUser, PROJECT, startEmulator } from './emulator.mjs';
import { decodeJwt, doLatchkey, exchange, json, serve, stopAll } from './support.mjs';

const PASSWORD = 'violet tractor 47 umbrella';
const apps = [];

let server, emulator, env;

before(async () => {
  emulator = await startEmulator();
  env = { FIREBASE_AUTH_EMULATOR_HOST: emulator };
  server = await serve([], { env });
});

after(async () => {
  for (const app of apps) await deleteApp(app);
  await stopAll();
});

function device() {
  const app = initializeApp({ apiKey: 'any', projectId: PROJECT }, `device ${apps.length}`);
  apps.push(app);
  const auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, `http://${emulator}`, { disableWarnings: true });
  return auth;
}

async function succeed(method, path, body, token) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const answer = await exchange(server.origin + path, json(method, body, headers));
  assert.ok(answer.status === 200 || answer.status === 201, `${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const users = (...args) => doLatchkey(['users', ...args, '--data-dir', server.data], { env });

/** The claims of a fresh ID token that show a profile. */
async function shown(user) {
  const { role_id, name, email, email_verified } = decodeJwt(await user.getIdToken(true)).payload;
  return { role_id, name, email, email_verified };
}

test('the first ID token and those after a change have name, role and the verified address', async () => {
  const credentials = { email: 'james@yopmail.com', password: PASSWORD };
  const session = await succeed('POST', '/create-account', { ...credentials, name: 'James' });
  const { user } = await signInWithCustomToken(device(), session.jwt_token);
  assert.equal(user.displayName, 'James');
  assert.deepEqual(await shown(user), { role_id: 1, name: 'James', email: undefined, email_verified: false });

  await users('set-role', credentials.email, '7');
  await succeed('PATCH', '/me', { name: 'Jim' }, session.access_token);
  assert.deepEqual(await shown(user), { role_id: 7, name: 'Jim', email: undefined, email_verified: false });

  await users('set-verified', credentials.email, 'true', '--keep-password');
  const { jwt_token } = await succeed('POST', '/login', credentials);
  const { user: again } = await signInWithCustomToken(device(), jwt_token);
  const verified = { role_id: 7, name: 'Jim', email: credentials.email, email_verified: true };
  assert.deepEqual(await shown(again), verified);
  assert.equal(again.uid, user.uid);
});

test('an address that a native Firebase user has is left out', async () => {
  const email = 'native@yopmail.com';
  const { user: native } = await createUserWithEmailAndPassword(device(), email, PASSWORD);
  const session = await succeed('POST', '/create-account', { email, password: PASSWORD, name: 'James' });
  await users('set-verified', email, 'true', '--keep-password');
  const { jwt_token } = await succeed('POST', '/login', { email, password: PASSWORD });
  const { user } = await signInWithCustomToken(device(), jwt_token);
  assert.deepEqual([user.uid, user.email, user.displayName], [session.uid, null, 'James']);
  assert.equal((await firebaseUser(emulator, native.uid)).email, email);
});

test('latchkey firebase sync tells what differs, and then nothing', async () => {
  await succeed('POST', '/create-account', { email: 'third@yopmail.com', password: PASSWORD });
  const sync = (...args) => doLatchkey(['firebase', 'sync', '--data-dir', server.data, ...args], { env });
  const before = await sync('--dry-run');
  assert.match(before, /^2 unchanged, 0 would be created, 1 would be updated, 0 without their address, 0 failed$/);
  const withoutUsers = `http://${emulator}/emulator/v1/projects/${PROJECT}/accounts`;
  assert.equal((await exchange(withoutUsers, { method: 'DELETE', headers: { authorization: 'Bearer owner' } })).status, 200);
  assert.match(await sync(), /^0 unchanged, 3 created, 0 updated, 0 without their address, 0 failed$/);
  assert.match(await sync(), /^3 unchanged, 0 created, 0 updated, 0 without their address, 0 failed$/);
});
