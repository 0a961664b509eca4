// Two verifiers of ID tokens: Google's firebase-admin, and a `latchkey serve`.

import assert from 'node:assert/strict';

import { exchange, json } from '../support.mjs';

const GOOGLE_KEYS = 'https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com';

/** The published `verifyIdToken` of firebase-admin, except that it fetches its keys from `url`. */
export function sdkJudge(auth, url) {
  const { keyFetcher } = auth.idTokenVerifier.signatureVerifier;
  assert.equal(keyFetcher.clientCertUrl, GOOGLE_KEYS);
  keyFetcher.clientCertUrl = url;
  return async (token) => {
    try {
      return { accepted: true, claims: await auth.verifyIdToken(token), code: '' };
    } catch (error) {
      // For some tokens the SDK fails with an error of JavaScript itself.
      return { accepted: false, code: error.code ?? error.name, message: error.message };
    }
  };
}

/** `POST /verify`, or `GET /verify` with `bearer`, for a token that is too long for a body. */
export function ourJudge(server) {
  return async (token, { bearer = false } = {}) => {
    const inHeader = { method: 'GET', headers: { authorization: `Bearer ${token}` } };
    const request = bearer ? inHeader : json('POST', { token });
    const { status, body } = await exchange(`${server.origin}/verify`, request, { tail: server.tail });
    assert.ok(status === 200 || [400, 401, 413].includes(status), `status ${status}: ${JSON.stringify(body)}`);
    const accepted = status === 200 && body.kind === 'firebase_id_token';
    return { accepted, code: status === 200 ? `200 ${body.kind}` : body.code, message: body.message, body };
  };
}

/** Our answer on a token that both accept, beside the answer that follows from the SDK's claims. */
export function verification({ claims }, { body }) {
  const text = (value) => (typeof value === 'string' ? value : '');
  const provider = claims.firebase?.sign_in_provider;
  const date = (seconds) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  const { valid, uid, email, email_verified, name, role_id, issued_at, expires_at } = body;
  return {
    actual: {
      valid, uid, email, email_verified, name, role_id, provider: body.provider, issued_at, expires_at,
      // The SDK always adds a uid to the claims.
      claims: { ...body.claims, uid: body.claims.sub },
    },
    expected: {
      valid: true,
      uid: claims.uid,
      email: text(claims.email),
      email_verified: claims.email_verified === true,
      name: text(claims.name),
      role_id: 0,
      provider: typeof provider === 'string' ? provider : 'unknown',
      issued_at: date(claims.iat),
      expires_at: date(claims.exp),
      claims,
    },
  };
}
