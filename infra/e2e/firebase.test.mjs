// Gives our tokens to Google's own code: the Firebase client SDK with the Auth emulator, and
// firebase-admin. Gives the emulator's ID tokens to our code.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { cert, initializeApp as initializeAdmin } from 'firebase-admin/app';
import { getAuth as getAdminAuth } from 'firebase-admin/auth';
import { deleteApp, initializeApp } from 'firebase/app';
import {
  connectAuthEmulator, inMemoryPersistence, initializeAuth, signInWithCustomToken, signOut,
} from 'firebase/auth';

import { PROJECT, startEmulator } from './emulator.mjs';
import {
  assertSession, assertSignedBy, decodeJwt, exchange, json, nextSecond, runLatchkey, scratch, serve, serviceAccount,
  serviceAccountFile, stopAll, timeless,
} from './support.mjs';

const account = { email: 'james@yopmail.com', password: 'violet tractor 47 umbrella', name: 'james' };

// If this is set, firebase-admin signs nothing.
delete process.env.FIREBASE_AUTH_EMULATOR_HOST;

let server, emulator, app, auth, created;

before(async () => {
  server = await serve();
  emulator = await startEmulator();
  app = initializeApp({ apiKey: 'any', projectId: PROJECT });
  auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, `http://${emulator}`, { disableWarnings: true });

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
  const admin = initializeAdmin({ credential: cert(serviceAccount(server)) });
  const ours = decodeJwt(created.jwt_token).payload;
  const theirs = decodeJwt(await getAdminAuth(admin).createCustomToken(created.uid, ours.claims)).payload;
  assert.deepEqual(timeless(ours), timeless(theirs));
  assert.equal(ours.exp - ours.iat, theirs.exp - theirs.iat);
});

test('the token is signed by the service account and by nothing else in its header', () => {
  const { client_email, private_key } = serviceAccount(server);
  const { header, payload } = decodeJwt(created.jwt_token);
  assert.deepEqual(header, { alg: 'RS256', typ: 'JWT' });
  assert.equal(payload.iss, client_email);
  assert.equal(payload.sub, client_email);
  assertSignedBy(created.jwt_token, private_key);
});

test('the demo service account is a private file in the form Google gives', () => {
  const account = serviceAccount(server);
  assert.equal(statSync(serviceAccountFile(server)).mode & 0o777, 0o600);
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

describe('in emulator mode', () => {
  let emulated, session, idToken;

  before(async () => {
    emulated = await serve([], { env: { FIREBASE_AUTH_EMULATOR_HOST: emulator } });
    session = assertSession((await exchange(`${emulated.origin}/create-account`, json('POST', account))).body);
    idToken = await (await signInWithCustomToken(auth, session.jwt_token)).user.getIdToken();
  });

  after(() => signOut(auth));

  test('the ID token of a user who signed in with our token verifies', async () => {
    const { status, body } = await verify(emulated, idToken);
    assert.equal(status, 200, JSON.stringify(body));
    const { valid, kind, uid, provider, claims } = body;
    assert.deepEqual({ valid, kind, uid, provider }, {
      valid: true, kind: 'firebase_id_token', uid: session.uid, provider: 'custom',
    });
    assert.deepEqual(claims, decodeJwt(idToken).payload);
  });

  test('/me accepts it like an access token', async () => {
    const { status, body } = await ask(emulated, '/me', idToken);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body, { user: session.user });
  });

  test('a custom token is no ID token, and the refusal names its kind', async () => {
    const { status, body } = await verify(emulated, session.jwt_token);
    assert.deepEqual({ status, code: body.code }, { status: 401, code: 'auth/argument-error' });
    assert.match(body.message, /custom token/);
  });

  test('a deployment that is not in emulator mode refuses it', async () => {
    const { status, body } = await verify(server, idToken);
    assert.deepEqual({ status, code: body.code }, { status: 401, code: 'auth/argument-error' });
    assert.match(body.message, /emulator/);
  });

  test('a logout everywhere ends it and its refreshed successors, until the next sign-in', async () => {
    // An auth_time has whole seconds, so a sign-in ends only by a logout in a later second.
    await nextSecond();
    const { refresh_token } = session;
    const logout = json('POST', { refresh_token, everywhere: true });
    assert.equal((await exchange(`${emulated.origin}/logout`, logout)).status, 200);

    const refreshed = await auth.currentUser.getIdToken(true);
    for (const ended of [idToken, refreshed]) {
      const { status, body } = await ask(emulated, '/verify?check_revoked=true', ended);
      assert.deepEqual({ status, code: body.code }, { status: 401, code: 'auth/id-token-revoked' });
      assert.equal((await ask(emulated, '/me', ended)).status, 401);
      assert.equal((await verify(emulated, ended)).status, 200, 'only who asks is told that it was revoked');
    }

    await nextSecond();
    const login = await exchange(`${emulated.origin}/login`, json('POST', account));
    const { user } = await signInWithCustomToken(auth, login.body.jwt_token);
    const again = await ask(emulated, '/verify?check_revoked=true', await user.getIdToken());
    assert.equal(again.status, 200, JSON.stringify(again.body));
  });

  const deployments = { Lambda: { AWS_LAMBDA_FUNCTION_NAME: 'login' }, 'Cloud Run': { K_SERVICE: 'x' } };
  for (const [name, deployment] of Object.entries(deployments)) {
    test(`it does not start on ${name}, where anybody could sign in as anybody`, () => {
      const env = { FIREBASE_AUTH_EMULATOR_HOST: emulator, ...deployment };
      const { status, stdout, stderr } = runLatchkey(['serve', '--port', '0', '--data-dir', scratch('data')], { env });
      assert.equal(status, 2, stdout + stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /FIREBASE_AUTH_EMULATOR_HOST/);
      assert.match(stderr, new RegExp(Object.keys(deployment)[0]));
    });
  }
});

function verify({ origin }, token) {
  return exchange(`${origin}/verify`, json('POST', { token }));
}

function ask({ origin }, path, token) {
  return exchange(origin + path, { headers: { authorization: `Bearer ${token}` } });
}

/**
 * Signs in, checks the user, and signs out again, so that no test depends on the session of
 * another.
 */
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
