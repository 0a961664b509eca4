// Verifies our access tokens with jose, as any backend would. The verifier knows only the URL of
// our key set. Meanwhile the keys of the running server are rotated and revoked.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

import { keysOf, leadMs, ringAgeMs } from './keys.mjs';
import { post } from './requests.mjs';
import { HUNG_MS, ask, decodeJwt, serve, stopAll, succeed, within } from './support.mjs';

const TIMES = { KEYS_TTL_SECONDS: 1, JWKS_MAX_AGE_SECONDS: 1 };
const PACE_MS = 50;
const ACCOUNT = { email: 'james@yopmail.com', password: 'violet tractor 47 umbrella' };

let server, keys, session, first;
/**
 * Verifiers: one caches the key set for as long as we allow, and one fetches it only once, at the
 * start.
 */
let diligent, lazy;

before(async () => {
  server = await serve([], { env: { ...TIMES, TOKEN_PROFILE: 'access' } });
  keys = keysOf({ ...TIMES, DATA_DIR: server.data });
  const url = new URL(`${server.origin}/.well-known/jwks.json`);
  diligent = createRemoteJWKSet(url, { cacheMaxAge: TIMES.JWKS_MAX_AGE_SECONDS * 1000, cooldownDuration: 0 });
  lazy = createRemoteJWKSet(url, { cacheMaxAge: Infinity, cooldownDuration: Infinity });
  session = await succeed(server, post('/create-account', ACCOUNT));
  first = session.access_token;
});

after(stopAll);

/** The answer of our own /verify: the status, and the error code if it refuses. */
async function ours(token) {
  const { status, body } = await ask(server, post('/verify', { token }));
  return [status, ...body.code ? [body.code] : []];
}

function verify(token, keySet, changes) {
  return jwtVerify(token, keySet, {
    issuer: server.origin, audience: server.origin, typ: 'at+jwt', algorithms: ['RS256'],
    requiredClaims: ['sub', 'exp', 'iat', 'jti', 'sid', 'auth_time'], ...changes,
  });
}

function refuses(token, keySet, code, changes) {
  return assert.rejects(verify(token, keySet, changes), { code });
}

function kid(token) {
  return decodeJwt(token).header.kid;
}

/** Refreshes the session until another key than `old` signs its access token. Returns the token. */
async function signedByAnother(old) {
  let token;
  const refreshed = async () => {
    do {
      session = await succeed(server, post('/refresh', { refresh_token: session.refresh_token }));
      token = session.access_token;
      assert.deepEqual(await ours(token), [200]);
      await sleep(PACE_MS);
    } while (kid(token) === old);
    return token;
  };
  return within(HUNG_MS, refreshed(), () => `${old} still signs`);
}

test('jose accepts an access token by the key set, only for its issuer, audience and type', async () => {
  const { payload, protectedHeader } = await verify(first, diligent);
  assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'at+jwt', kid: kid(first) });
  const { sub, email, exp, iat } = payload;
  assert.deepEqual({ sub, email, life: exp - iat }, { sub: session.uid, email: ACCOUNT.email, life: 3600 });
  await verify(first, lazy);
  await refuses(first, diligent, 'ERR_JWT_CLAIM_VALIDATION_FAILED', { issuer: 'https://another.example' });
  await refuses(first, diligent, 'ERR_JWT_CLAIM_VALIDATION_FAILED', { audience: 'https://another.example' });
  await refuses(first, diligent, 'ERR_JWT_CLAIM_VALIDATION_FAILED', { typ: 'JWT' });
  await refuses(`${first.slice(0, -8)}AAAAAAAA`, diligent, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
});

test('after a rotation the next key signs, and jose has it already if it fetched the key set once', async (t) => {
  const began = Date.now();
  await keys.do('rotate');
  const second = await signedByAnother(kid(first));
  t.diagnostic(`it signs ${((Date.now() - began) / 1000).toFixed(1)} s after the rotation began`);
  for (const keySet of [diligent, lazy]) {
    await verify(second, keySet);
    await verify(first, keySet);
  }
  assert.deepEqual(await ours(first), [200]);
});

test('a revoked key is refused by us, and by jose when it has fetched the key set again', async (t) => {
  const second = session.access_token;
  await keys.do('revoke', kid(second));
  const began = Date.now();
  const refused = async () => {
    while ((await ours(second))[0] === 200) await sleep(PACE_MS);
  };
  await within(HUNG_MS, refused(), () => 'it is still accepted');
  t.diagnostic(`it is refused ${((Date.now() - began) / 1000).toFixed(1)} s after the command`);
  assert.deepEqual(await ours(second), [401, 'token_invalid']);
  await sleep(TIMES.JWKS_MAX_AGE_SECONDS * 1000);
  await refuses(second, diligent, errors.JWKSNoMatchingKey.code);
  // A verifier that does not fetch the set again cannot know of the revocation.
  await verify(second, lazy);

  const third = await signedByAnother(kid(second));
  assert.notEqual(kid(third), kid(first));
  await verify(third, diligent);
  assert.deepEqual(await ours(first), [200], 'a token of the first key is still accepted');
  await verify(first, diligent);
});
