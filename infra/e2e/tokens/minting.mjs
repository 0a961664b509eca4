// Makes tokens by hand: good ones, and ones that are wrong in exactly one way.

import { createHmac, sign } from 'node:crypto';

import { ecKey, rsaKey } from './certificates.mjs';

export const PROJECT = 'acme-login';
export const ISSUER = `https://securetoken.google.com/${PROJECT}`;
export const CUSTOM_TOKEN_AUDIENCE =
  'https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit';
export const UID = 'rWAa8hGWJoP9GTTcqNTqmQhaxUM2';

/** Values that are wrong for every claim that is a text or a time. */
export const NO_VALUE = {
  missing: undefined, null: null, 'a truth value': true, 'an object': {}, 'an empty array': [],
};

/** All keys. All are published except for the stranger's. */
export const keys = {
  first: rsaKey('5d1f9b2cfd8c1e0b7a3349ad5f7f8a6c21b4e0d7'),
  second: rsaKey('b8a3e51f0c6d92747e1d2c90ab64f3857d0e91c4'),
  large: rsaKey('2e7d04f86b1c35a9c0d8e6f7417a92b3546c8d1e', 3072),
  short: rsaKey('91c0de4f7a2b6835d1e9f8073b5c6a4820dfe1b7', 1024),
  elliptic: ecKey('c4b7a9e0d3f21586794e0a1b8c6d5f32e7094ba1'),
  // A kid is text. This is the text that the number 1 turns into.
  one: rsaKey('1'),
  stranger: rsaKey('f00dfeed5a1e7c90b2d48e36a7019c5b8d2e4f61'),
};

/** The header of an ID token. A change to undefined leaves a member out. */
export function header(changes) {
  return { alg: 'RS256', kid: keys.first.kid, typ: 'JWT', ...changes };
}

/** The issuers and the audience of Google's own ID tokens, in the tests of `/exchange`. */
export const GOOGLE = {
  issuers: ['https://accounts.google.com', 'accounts.google.com'],
  audience: '1234567890-acme.apps.googleusercontent.com',
};

let isOfGoogle = false;

/** Makes every token of this process one of Google itself, and not of Firebase. */
export function asGoogle() {
  isOfGoogle = true;
}

function googleClaims(now, changes) {
  return {
    iss: GOOGLE.issuers[0],
    aud: GOOGLE.audience,
    azp: GOOGLE.audience,
    sub: '110169484474386276334',
    iat: now - 60,
    exp: now + 3540,
    email: 'james@gmail.com',
    email_verified: true,
    ...changes,
  };
}

/** The claims of an ID token after a sign-in with a password five minutes ago. */
export function claims(now, changes) {
  if (isOfGoogle) return googleClaims(now, changes);
  return {
    iss: ISSUER,
    aud: PROJECT,
    auth_time: now - 300,
    user_id: UID,
    sub: UID,
    iat: now - 60,
    exp: now + 3540,
    email: 'james@yopmail.com',
    email_verified: true,
    firebase: { identities: { email: ['james@yopmail.com'] }, sign_in_provider: 'password' },
    ...changes,
  };
}

/** One part of a token. Bytes and texts stay as they are, and any other value becomes JSON. */
export function part(value) {
  const isText = typeof value === 'string' || Buffer.isBuffer(value);
  return Buffer.from(isText ? value : JSON.stringify(value)).toString('base64url');
}

/** Two encoded parts, and a good signature over them. */
export function sealed(first, second, { key = keys.first, hash = 'sha256', options = {} } = {}) {
  const signature = sign(hash, Buffer.from(`${first}.${second}`), { key: key.privateKey, ...options });
  return `${first}.${second}.${signature.toString('base64url')}`;
}

export function token(head, body, how) {
  return sealed(part(head), part(body), how);
}

/** A good ID token, except for `changes` to its claims. */
export function withClaims(now, changes, how) {
  return token(header({ kid: (how?.key ?? keys.first).kid }), claims(now, changes), how);
}

/** A good ID token, except for `changes` to its header. */
export function withHeader(now, changes, how) {
  return token(header(changes), claims(now), how);
}

/**
 * The cases of a table, named by its keys. Each makes its token from its row, for a time in
 * seconds.
 */
export function cases(group, table, make, more) {
  const one = ([what, row]) => ({ name: `${group}: ${what}`, make: (now) => make(now, row), ...more });
  return Object.entries(table).map(one);
}

/** The value of a row. A row that depends on the time is a function of it. */
export function at(now, row) {
  return typeof row === 'function' ? row(now) : row;
}

/** A token signed with a secret. */
export function hmac(head, body, secret) {
  const text = `${part(head)}.${part(body)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** A token without a signature, like those of the Auth emulator. */
export function unsigned(head, body) {
  return `${part(head)}.${part(body)}.`;
}
