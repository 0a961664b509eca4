// Tokens of other kinds, which people send as ID tokens by mistake.

import {
  CUSTOM_TOKEN_AUDIENCE, PROJECT, UID, at, cases, claims, header, hmac, part, token, unsigned, withClaims,
} from './minting.mjs';

const HOUR = 3600;
const SERVICE_ACCOUNT = 'firebase-adminsdk@acme-login.iam.gserviceaccount.com';
const SESSION_COOKIE_ISSUER = `https://session.firebase.google.com/${PROJECT}`;

/** Before a token is made, `world.own` is set to a session of the service. */
export function kindCases(world) {
  return [
    ...cases('kind', signed(), (now, [head, body]) => token(head, body(now))),
    ...cases('kind', byHmac(), (now, [head, body]) => hmac(head, body(now), 'a database secret of forty characters …')),
    ...cases('kind', emulated(), (now, body) => unsigned({ alg: 'none', typ: 'JWT' }, body(now))),
    ...cases('kind', texts(world), at),
  ];
}

/** Rows with a header and claims that depend on the time. */
function signed() {
  const noKid = header({ kid: undefined });
  const by = (iss, more) => [header(), notFirebase({ iss, ...more })];
  return {
    'a custom token': [noKid, custom],
    'a custom token with claims and a tenant': [noKid, (now) => ({ ...custom(now), claims: { a: 1 }, tenant_id: 't' })],
    'an expired custom token': [noKid, (now) => custom(now - 2 * HOUR)],
    'a custom token with a kid': [header(), custom],
    'a legacy custom token signed by RSA': [noKid, legacy()],
    'a session cookie': by(SESSION_COOKIE_ISSUER),
    'a Google ID token': by('https://accounts.google.com', { aud: '618.apps.googleusercontent.com' }),
    'a Google ID token of the old issuer': by('accounts.google.com', { azp: '618', hd: 'acme.com' }),
    'a Google ID token for the project': by('https://accounts.google.com'),
    'an App Check token': by('https://firebaseappcheck.googleapis.com/618', { aud: ['projects/618'] }),
    'a token of a blocking function': [header(), notFirebase({ aud: 'https://acme-login.cloudfunctions.net/f' })],
    'a token of a service account': by(SERVICE_ACCOUNT, { aud: 'https://firestore.googleapis.com/' }),
    'a Supabase token': by('https://x.supabase.co/auth/v1', { aud: 'authenticated', role: 'anon' }),
    'a Cognito ID token': by('https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x', { token_use: 'id' }),
    'an Auth0 token': by('https://acme.auth0.com/', { aud: 'https://api.acme.com' }),
    'an Apple token': by('https://appleid.apple.com', { aud: 'com.acme.login' }),
    'an Entra token': by('https://login.microsoftonline.com/t/v2.0', { aud: 'b', ver: '2.0' }),
    'a forged access token of this service': [header({ typ: 'at+jwt' }), notFirebase({ iss: 'http://127.0.0.1:8080' })],
  };
}

function byHmac() {
  const head = { alg: 'HS256', typ: 'JWT' };
  return {
    'a legacy custom token': [head, legacy()],
    'a legacy custom token with a kid': [header({ alg: 'HS256' }), legacy()],
    'a legacy custom token of version 1': [head, legacy({ v: 1 })],
    'a legacy custom token whose version is text': [head, legacy({ v: '0' })],
    'a legacy custom token without a uid': [head, legacy({ d: {} })],
    'a legacy custom token without data': [head, legacy({ d: undefined })],
    'a legacy custom token whose data are null': [head, legacy({ d: null })],
    'a legacy custom token whose data are text': [head, legacy({ d: 'uid' })],
    'a legacy custom token whose uid is null': [head, legacy({ d: { uid: null } })],
    'a Supabase key': [head, (now) => ({ iss: 'supabase', ref: 'x', role: 'anon', iat: now })],
    'a shared-secret token': [head, (now) => ({ user_id: '1700x', email: 'a@b.example', exp: now + HOUR })],
    'an ID token by HS256 without a kid': [head, claims],
  };
}

/** Tokens in the format of the Auth emulator. */
function emulated() {
  const cookie = notFirebase({ iss: SESSION_COOKIE_ISSUER });
  return { 'an unsigned custom token': custom, 'an unsigned session cookie': cookie };
}

function texts(world) {
  return {
    'an opaque refresh token': () => world.own.refresh_token,
    'a custom token of this service': () => world.own.jwt_token,
    'an access token of this service': () => world.own.access_token,
    'a Firebase refresh token': `AMf-vBx${'qZ3_'.repeat(40)}`,
    'a Google access token': `ya29.a0AfB_${'x1-'.repeat(50)}`,
    'a Firebase API key': 'AIzaSyA-0123456789abcdefghijklmnopqrstuv',
    'a PASETO': `v4.public.${part({ sub: UID })}`,
    'a UUID': '0190c2f4-7d3a-7bbb-8f4f-56a3af5a6d15',
    'a certificate': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    'JSON serialisation': (now) => jsonSerialisation(withClaims(now, {})),
    'an encrypted token': [header({ alg: 'RSA-OAEP', enc: 'A256GCM' }), 'k', 'i', 'c', 't'].map(part).join('.'),
  };
}

function custom(now) {
  const { iss, sub, aud } = { iss: SERVICE_ACCOUNT, sub: SERVICE_ACCOUNT, aud: CUSTOM_TOKEN_AUDIENCE };
  return { iss, sub, aud, iat: now, exp: now + HOUR, uid: UID };
}

/** Custom tokens in the format from before 2016. */
function legacy(changes) {
  return (now) => ({ v: 0, iat: now, d: { uid: UID }, ...changes });
}

/** The claims of every OpenID Connect issuer. */
function notFirebase(changes) {
  return (now) => claims(now, { firebase: undefined, user_id: undefined, auth_time: undefined, ...changes });
}

/** RFC 7515 section 7.2.1. */
function jsonSerialisation(compact) {
  const [head, payload, signature] = compact.split('.');
  return JSON.stringify({ payload, signatures: [{ protected: head, signature }] });
}
