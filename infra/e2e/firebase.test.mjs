// Our tokens in the hands of Google's own code: the Firebase client SDK against the Auth emulator, and firebase-admin.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { cert, initializeApp as initializeAdmin } from 'firebase-admin/app';
import { getAuth as getAdminAuth } from 'firebase-admin/auth';
import { deleteApp, initializeApp } from 'firebase/app';
import {
  connectAuthEmulator, inMemoryPersistence, initializeAuth, signInWithCustomToken, signOut,
} from 'firebase/auth';

import { assertSession, decodeJwt, exchange, freePorts, json, scratch, serve, start, stopAll } from './support.mjs';

const PROJECT = 'demo-latchkey';
// It compiles its API description at every start: 12 s of processor time, of a processor that others may want too.
const EMULATOR_START_MS = 180_000;
const account = { email: 'james@yopmail.com', password: 'violet tractor 47 umbrella', name: 'james' };

// With this set, firebase-admin would sign nothing.
delete process.env.FIREBASE_AUTH_EMULATOR_HOST;

let server, app, auth, created;

before(async () => {
  server = await serve();
  const emulator = await startEmulator();
  app = initializeApp({ apiKey: 'any', projectId: PROJECT });
  auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, emulator, { disableWarnings: true });

  const answer = await exchange(`${server.origin}/create-account`, json('POST', account));
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  created = assertSession(answer.body);
});

after(async () => {
  if (app) await deleteApp(app);
  await stopAll();
});

test('the token of a new account signs in as that account', async () => {
  const { claims } = await signInWith(created.jwt_token);
  assert.equal(claims.firebase.sign_in_provider, 'custom');
  assert.equal(claims.sub, created.uid);
});

test('a login signs in as the same account', async () => {
  const session = await succeed('/login', { email: account.email, password: account.password });
  assert.equal(session.uid, created.uid);
  await signInWith(session.jwt_token);
});

test('a refresh signs in as the same account', async () => {
  const { refresh_token } = await succeed('/login', { email: account.email, password: account.password });
  const session = await succeed('/refresh', { refresh_token });
  assert.equal(session.uid, created.uid);
  const { claims } = await signInWith(session.jwt_token);
  assert.equal(claims.firebase.sign_in_provider, 'custom');
  assert.equal(claims.sub, created.uid);
});

test('firebase-admin mints the same token from the same service account', async () => {
  const admin = initializeAdmin({ credential: cert(serviceAccount()) });
  const ours = decodeJwt(created.jwt_token).payload;
  const theirs = decodeJwt(await getAdminAuth(admin).createCustomToken(created.uid, ours.claims)).payload;
  assert.deepEqual(timeless(ours), timeless(theirs));
  assert.equal(ours.exp - ours.iat, theirs.exp - theirs.iat);
});

test('the token is signed by the service account and by nothing else in its header', () => {
  const { client_email, private_key } = serviceAccount();
  const { header, payload } = decodeJwt(created.jwt_token);
  assert.deepEqual(header, { alg: 'RS256', typ: 'JWT' });
  assert.equal(payload.iss, client_email);
  assert.equal(payload.sub, client_email);

  const [, signed, signature] = created.jwt_token.match(/^(.*)\.(.*)$/);
  assert.ok(verify('sha256', Buffer.from(signed), createPublicKey(private_key), Buffer.from(signature, 'base64url')));
});

test('the demo service account is a private file in the form Google gives', () => {
  const account = serviceAccount();
  assert.equal(statSync(serviceAccountFile()).mode & 0o777, 0o600);
  assert.equal(account.type, 'service_account');
  assert.equal(account.project_id, PROJECT);
  assert.match(account.client_email, /^[^@\s]+@demo-latchkey\.iam\.gserviceaccount\.com$/);
  assert.match(account.private_key, /^-----BEGIN PRIVATE KEY-----\n[\s\S]+\n-----END PRIVATE KEY-----\n$/);
  for (const name of ['private_key_id', 'client_id', 'token_uri']) assert.ok(account[name], name);
});

test('a wrong password gets no token', async () => {
  const wrong = { email: account.email, password: 'not the password' };
  const { status, body } = await exchange(`${server.origin}/login`, json('POST', wrong));
  assert.equal(status, 401);
  assert.equal(body.code, 'invalid_credentials');
  assert.ok(!JSON.stringify(body).includes('token'));
});

/** Signs in, checks the user, and signs out again, so that no test can live on another's session. */
async function signInWith(token) {
  const { user } = await signInWithCustomToken(auth, token);
  assert.equal(user.uid, created.uid);
  const claims = decodeJwt(await user.getIdToken()).payload;
  await signOut(auth);
  return { claims };
}

async function succeed(path, request) {
  const { status, body } = await exchange(server.origin + path, json('POST', request));
  assert.equal(status, 200, JSON.stringify(body));
  return assertSession(body);
}

function serviceAccountFile() {
  return join(server.data, 'firebase-service-account.json');
}

function serviceAccount() {
  return JSON.parse(readFileSync(serviceAccountFile()));
}

function timeless({ iat, exp, ...rest }) {
  return rest;
}

async function startEmulator() {
  const [authPort, hub, logging] = await freePorts(3);
  const folder = scratch('emulator');
  const on = (port) => ({ host: '127.0.0.1', port });
  const emulators = { auth: on(authPort), hub: on(hub), logging: on(logging), ui: { enabled: false } };
  writeFileSync(join(folder, 'firebase.json'), JSON.stringify({ emulators }));

  const tool = createRequire(import.meta.url).resolve('firebase-tools/lib/bin/firebase.js');
  const args = [tool, 'emulators:start', '--only', 'auth', '--project', PROJECT, '--config', 'firebase.json'];
  // CI and NO_UPDATE_NOTIFIER keep it from calling home; HOME and TMPDIR keep its files out of the user's folders.
  const env = { PATH: process.env.PATH, HOME: folder, TMPDIR: folder, CI: '1', NO_UPDATE_NOTIFIER: '1' };
  const emulator = start('the Auth emulator', process.execPath, args, { cwd: folder, env });
  await emulator.line((line) => line.includes('All emulators ready'), EMULATOR_START_MS);
  return `http://127.0.0.1:${authPort}`;
}
