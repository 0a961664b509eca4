// A key in AWS KMS signs custom tokens: its certificate, tokens of logins, and the Firebase SDK.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { deleteApp, initializeApp } from 'firebase/app';
import { connectAuthEmulator, inMemoryPersistence, initializeAuth, signInWithCustomToken } from 'firebase/auth';

import { PROJECT, startEmulator } from './emulator.mjs';
import { startKms } from './kms.mjs';
import { post } from './requests.mjs';
import { ask, assertSignedBy, decodeJwt, doLatchkey, runLatchkey, scratch, serve, stopAll, succeed } from './support.mjs';

const EMAIL = `signer@${PROJECT}.iam.gserviceaccount.com`;
const ACCOUNT = { email: 'james@yopmail.com', password: 'violet tractor 47 umbrella' };
const AUDIENCE = 'https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit';

let kms, arn, env, server, emulator, certificate;

before(async () => {
  [kms, emulator] = await Promise.all([startKms(), startEmulator()]);
  arn = await kms.key();
  const file = join(scratch('certificate'), 'key.pem');
  const told = await doLatchkey(['firebase', 'key', 'create', '--kms', arn, '--email', EMAIL, '--out', file], kms);
  assert.ok(told.includes(`gcloud iam service-accounts keys upload ${file} --iam-account=${EMAIL}`), told);
  certificate = new X509Certificate(readFileSync(file));
  env = { ...kms.env, FIREBASE_SIGNER: 'kms', FIREBASE_KMS_KEY_ID: arn, FIREBASE_CLIENT_EMAIL: EMAIL };
  server = await serve([], { env: { ...env, FIREBASE_AUTH_EMULATOR_HOST: emulator } });
});

after(stopAll);

test('the key signs its own certificate, which names nobody and is good for years', () => {
  assert.ok(certificate.verify(certificate.publicKey), 'the key in KMS signed it');
  assert.equal(certificate.subject, 'CN=latchkey');
  assert.ok(Date.parse(certificate.validFrom) <= Date.now(), certificate.validFrom);
  assert.ok(Date.parse(certificate.validTo) > Date.now() + 9 * 365 * 86_400_000, certificate.validTo);
  assert.equal(certificate.publicKey.asymmetricKeyDetails.modulusLength, 2048);
});

test('custom tokens are as those of a key file, and the key of the certificate verifies them', async () => {
  const session = await succeed(server, post('/create-account', ACCOUNT));
  const { header, payload } = decodeJwt(session.jwt_token);
  assert.deepEqual(header, { typ: 'JWT', alg: 'RS256' });
  const { iat, exp, ...claims } = payload;
  assert.deepEqual(claims, { iss: EMAIL, sub: EMAIL, aud: AUDIENCE, uid: session.uid });
  assert.equal(exp - iat, 3600);
  assertSignedBy(session.jwt_token, certificate.publicKey.export({ type: 'spki', format: 'pem' }));
  const refreshed = await succeed(server, post('/refresh', { refresh_token: session.refresh_token }));
  assertSignedBy(refreshed.jwt_token, certificate.publicKey.export({ type: 'spki', format: 'pem' }));
});

test('the Firebase SDK signs in with such a token', async () => {
  const session = await succeed(server, post('/login', ACCOUNT));
  const app = initializeApp({ apiKey: 'any', projectId: PROJECT });
  const auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, `http://${emulator}`, { disableWarnings: true });
  const { user } = await signInWithCustomToken(auth, session.jwt_token);
  assert.equal(user.uid, session.uid);
  await deleteApp(app);
});

test('the tool judges such a token, and one by another key, by the key in KMS', async () => {
  const { jwt_token: token } = await succeed(server, post('/login', ACCOUNT));
  const good = runLatchkey(['token', 'inspect', token], { env });
  assert.equal(good.status, 0, good.stdout + good.stderr);
  const bad = `${token.slice(0, token.lastIndexOf('.') + 1)}${'A'.repeat(342)}`;
  assert.match(runLatchkey(['token', 'inspect', bad], { env }).stdout, /signature is not by this key/);
});

test('a key that is not there is a 503, with the remedy in the log and no secret', async () => {
  const missing = { FIREBASE_KMS_KEY_ID: arn.replace(/[^/]+$/, '00000000-0000-4000-8000-000000000000') };
  const broken = await serve([], { env: { ...env, ...missing, FIREBASE_SYNC: 'off' } });
  const { status, body } = await ask(broken, post('/create-account', ACCOUNT));
  assert.deepEqual([status, body.code], [503, 'unavailable']);
  const log = broken.tail();
  assert.match(log, /no custom token can be signed now/);
  assert.match(log, /KMS answered 400 NotFoundException: there is no such key: correct FIREBASE_KMS_KEY_ID/);
  assert.ok(!log.includes('a-secret-key-of-aws') && !JSON.stringify(body).includes('KMS'), log);
});
