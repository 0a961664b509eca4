// Signs in at an OpenID provider and at the Firebase Auth emulator, and exchanges the ID tokens.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { deleteApp, initializeApp } from 'firebase/app';
import {
  GoogleAuthProvider, connectAuthEmulator, inMemoryPersistence, initializeAuth, signInAnonymously,
  signInWithCredential, signInWithCustomToken,
} from 'firebase/auth';

import { PROJECT, firebaseUser, startEmulator } from './emulator.mjs';
import { startProvider } from './oidcprovider.mjs';
import { post } from './requests.mjs';
import { ask, exchange, json, serve, stopAll } from './support.mjs';

const ACCOUNTS = {
  ann: { email: 'ann@yopmail.com', email_verified: true, name: 'Ann' },
  bob: { email: 'bob@yopmail.com', email_verified: false, name: 'Bob' },
};
const apps = [];
let provider, emulator, server;

before(async () => {
  [provider, emulator] = await Promise.all([startProvider(ACCOUNTS), startEmulator()]);
  const { issuer, jwks } = provider;
  const of = (id, client) => ({ id, issuer, jwks, client_ids: [client], email: 'trusted' });
  const providers = [of('acme', 'app-rs'), of('acme-es', 'app-es'), { id: 'firebase' }];
  const env = { IDENTITY_PROVIDERS: JSON.stringify(providers), FIREBASE_AUTH_EMULATOR_HOST: emulator };
  server = await serve([], { env });
});

after(async () => {
  for (const app of apps) await deleteApp(app);
  provider?.close();
  await stopAll();
});

const offer = (name, id_token, more = {}) => ask(server, post('/exchange', { provider: name, id_token, ...more }));

async function accepted(answer) {
  const { status, body } = await answer;
  assert.equal(status, 200, `${body.code}: ${body.message}`);
  return body;
}

async function refused(answer, status, code) {
  const { status: found, body } = await answer;
  assert.deepEqual([found, body.code], [status, code], JSON.stringify(body));
  return body;
}

const bearer = ({ access_token }) => ({ authorization: `Bearer ${access_token}` });
const identities = async (session) => {
  const { body } = await exchange(`${server.origin}/me/identities`, { headers: bearer(session) });
  return body.identities.map((identity) => identity.provider);
};
const unlink = (session, name) => exchange(
  `${server.origin}/me/identities/${name}`, { method: 'DELETE', headers: bearer(session) },
);

// --- An OpenID provider of one's own

for (const [name, client] of [['acme', 'app-rs'], ['acme-es', 'app-es']]) {
  test(`a sign-in at ${name} opens one account, again and again`, async () => {
    const nonce = 'n-0S6_WzA2Mj';
    const token = await provider.signIn({ client, account: 'ann', nonce });
    const { alg } = JSON.parse(Buffer.from(token.split('.')[0], 'base64url'));
    assert.equal(alg, client === 'app-rs' ? 'RS256' : 'ES256');
    const first = await accepted(offer(name, token, { nonce }));
    assert.deepEqual([first.user.email, first.user.email_verified, first.user.name], ['ann@yopmail.com', true, 'Ann']);
    // The first answer may have been lost.
    assert.equal((await accepted(offer(name, token, { nonce }))).uid, first.uid);
    const later = await provider.signIn({ client, account: 'ann', nonce: 'another' });
    assert.equal((await accepted(offer(name, later, { nonce: 'another' }))).uid, first.uid);
  });
}

test('both ways in lead to the account of the verified address, and one of them can be taken away', async () => {
  const token = await provider.signIn({ client: 'app-rs', account: 'ann', nonce: 'a' });
  const session = await accepted(offer('acme', token, { nonce: 'a' }));
  assert.deepEqual(await identities(session), ['acme', 'acme-es']);
  assert.deepEqual((await unlink(session, 'acme-es')).body, { unlinked: true });
  assert.deepEqual(await identities(session), ['acme']);
  assert.deepEqual((await unlink(session, 'acme-es')).body, { unlinked: false });
  await refused(unlink(session, 'acme'), 409, 'last_way_in');
  // The provider vouches for the address, so that the way in comes back by its next sign-in.
  const again = await provider.signIn({ client: 'app-es', account: 'ann', nonce: 'b' });
  const { uid } = await accepted(offer('acme-es', again, { nonce: 'b' }));
  assert.equal(uid, session.uid);
});

test('an address that the provider does not vouch for makes an account whose address is not verified', async () => {
  const token = await provider.signIn({ client: 'app-rs', account: 'bob', nonce: 'c' });
  const { user } = await accepted(offer('acme', token, { nonce: 'c' }));
  assert.deepEqual([user.email, user.email_verified], ['bob@yopmail.com', false]);
});

test('a token for another app, with another nonce or without one is refused by its rule', async () => {
  const token = await provider.signIn({ client: 'app-es', account: 'ann', nonce: 'd' });
  await refused(offer('acme', token, { nonce: 'd' }), 401, 'id_token_invalid');
  await refused(offer('acme-es', token, { nonce: 'e' }), 401, 'nonce_mismatch');
  await refused(offer('acme-es', token), 401, 'nonce_mismatch');
  const bare = await provider.signIn({ client: 'app-es', account: 'ann' });
  await refused(offer('acme-es', bare, { nonce: 'd' }), 401, 'nonce_mismatch');
  await accepted(offer('acme-es', token, { nonce: 'd' }));
});

// --- Firebase

function device() {
  const app = initializeApp({ apiKey: 'any', projectId: PROJECT }, `device ${apps.length}`);
  apps.push(app);
  const auth = initializeAuth(app, { persistence: inMemoryPersistence });
  connectAuthEmulator(auth, `http://${emulator}`, { disableWarnings: true });
  return auth;
}

/** A sign-in with Google at the emulator, which accepts claims in the place of a token. */
async function withGoogle(claims) {
  const credential = GoogleAuthProvider.credential(JSON.stringify(claims));
  const { user } = await signInWithCredential(device(), credential);
  return user;
}

test('a user of Firebase gets an account with the same uid, and signs in there by our token', async () => {
  const google = { sub: 'g-1181', email: 'carl@gmail.com', email_verified: true };
  const user = await withGoogle(google);
  const session = await accepted(offer('firebase', await user.getIdToken()));
  assert.equal(session.uid, user.uid);
  assert.deepEqual([session.user.email, session.user.email_verified], [google.email, true]);
  // On another device the custom token opens the same user of Firebase, with Google still linked.
  const { user: elsewhere } = await signInWithCustomToken(device(), session.jwt_token);
  assert.equal(elsewhere.uid, user.uid);
  assert.deepEqual(elsewhere.providerData.map(({ providerId }) => providerId), ['google.com']);
  const { displayName, customAttributes } = await firebaseUser(emulator, user.uid);
  assert.deepEqual([displayName ?? '', JSON.parse(customAttributes).role_id], ['', 1]);
  // The next native sign-in opens the same account.
  const later = await withGoogle(google);
  assert.equal((await accepted(offer('firebase', await later.getIdToken()))).uid, user.uid);
  await refused(unlink(session, 'firebase'), 409, 'last_way_in');
});

test('a user of Firebase who is nobody is refused', async () => {
  const { user } = await signInAnonymously(device());
  await refused(offer('firebase', await user.getIdToken()), 401, 'anonymous_token');
});

test('another sign-in is linked to the account of a session, and unlinked again', async () => {
  const user = await withGoogle({ sub: 'g-2244', email: 'dora@gmail.com', email_verified: true });
  const session = await accepted(offer('firebase', await user.getIdToken()));
  const token = await provider.signIn({ client: 'app-rs', account: 'eve', nonce: 'f' });
  const body = { provider: 'acme', id_token: token, nonce: 'f', link: true };
  const linked = await accepted(exchange(`${server.origin}/exchange`, json('POST', body, bearer(session))));
  assert.equal(linked.uid, session.uid);
  assert.deepEqual(await identities(linked), ['firebase', 'acme']);
  assert.deepEqual((await unlink(linked, 'acme')).body, { unlinked: true });
  assert.deepEqual(await identities(linked), ['firebase']);
  const again = await provider.signIn({ client: 'app-rs', account: 'eve', nonce: 'g' });
  const other = await accepted(offer('acme', again, { nonce: 'g' }));
  assert.notEqual(other.uid, session.uid);
});
