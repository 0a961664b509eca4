// Tokens signed with the shared secret: tokens to accept with their verification, tokens to refuse,
// and tokens on which we are stricter than the libraries. Each token is made for a given time in
// seconds.

import { hmac, part } from './minting.mjs';

export const SECRET = 'a shared secret of more than forty characters';
const ANOTHER = 'another secret of more than forty characters ..';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Claims, and the members of the verification object that differ from the default. */
export const ACCEPTED = {
  'a text as user_id': (now) => [{ user_id: '1532x88', exp: now + 300 }, { uid: '1532x88' }],
  'a number as user_id': (now) => [{ user_id: 1532, exp: now + 300 }, { uid: '1532' }],
  'a uid': (now) => [{ uid: 'b3', exp: now + 300 }, { uid: 'b3' }],
  'a sub beside a user_id': (now) => [{ user_id: 7, sub: 'c4', exp: now + 300 }, { uid: 'c4' }],
  'no expiry': (now) => [{ user_id: '5', iat: now - 86_400 }, { uid: '5' }],
  'no time at all': () => [{ user_id: '6', email: 'james@yopmail.com' }, { uid: '6', email: 'james@yopmail.com' }],
  'no claim at all': () => [{}, {}],
  'a fraction in every time': (now) => [{ uid: '8', iat: now - 1.25, nbf: now - 0.5, exp: now + 300.75 }, { uid: '8' }],
  'good from now on': (now) => [{ uid: '9', iat: now, nbf: now, exp: now + 60 }, { uid: '9' }],
  'good for thirty years': (now) => [{ uid: '10', exp: now + 30 * 31_536_000 }, { uid: '10' }],
  'a whole user': (now) => {
    const user = { email: 'zoë@yopmail.com', email_verified: true, name: 'Zoë 🦊', role_id: 3 };
    return [{ sub: 'd5', ...user, iat: now - 60, exp: now + 300 }, { uid: 'd5', ...user }];
  },
  'what a builder typed': (now) => {
    const typed = { issued_at: '2026-05-27T15:00:00Z', list: [1, 2.5, null, true], deep: { er: '' }, iss: 'bubble' };
    return [{ user_id: 'e6', ...typed, exp: now + 300 }, { uid: 'e6' }];
  },
};

/**
 * Tokens that all refuse: claims, with the secret and the algorithm. Without a secret, the token
 * has no signature.
 */
export const REFUSED = {
  'expired a second ago': (now) => ({ claims: { uid: 'a', exp: now - 1 }, code: 'token_expired' }),
  'expired just now': (now) => ({ claims: { uid: 'a', exp: now }, code: 'token_expired' }),
  'expired by a fraction': (now) => ({ claims: { uid: 'a', exp: now - 0.25 }, code: 'token_expired' }),
  'expired in 1970': () => ({ claims: { uid: 'a', exp: 0 }, code: 'token_expired' }),
  'not valid yet': (now) => ({ claims: { uid: 'a', nbf: now + 60, exp: now + 300 } }),
  'another secret': (now) => ({ claims: { uid: 'a', exp: now + 300 }, secret: ANOTHER }),
  'another secret, and expired': (now) => ({ claims: { uid: 'a', exp: now - 60 }, secret: ANOTHER }),
  'the secret and a line break': (now) => ({ claims: { uid: 'a', exp: now + 300 }, secret: `${SECRET}\n` }),
  HS384: (now) => ({ claims: { uid: 'a', exp: now + 300 }, algorithm: 'HS384' }),
  HS512: (now) => ({ claims: { uid: 'a', exp: now + 300 }, algorithm: 'HS512' }),
  // Neither the algorithm nor a claim says which kind of token this is.
  none: (now) => ({ claims: { uid: 'a', exp: now + 300 }, secret: undefined, code: 'auth/argument-error' }),
};

/** Handmade tokens that we refuse and that some libraries accept. */
export const STRICTER = {
  'issued in the future': {
    acceptedBy: ['jsonwebtoken', 'jose'], code: 'token_invalid', make: (now) => good({ iat: now + 600, exp: now + 900 }),
  },
  'an expiry as text': { acceptedBy: ['PyJWT'], code: 'token_invalid', make: (now) => good({ exp: `${now + 300}` }) },
  'a start as text': { acceptedBy: ['PyJWT'], code: 'token_invalid', make: (now) => good({ nbf: `${now}` }) },
  'a critical extension': {
    acceptedBy: ['jsonwebtoken'], code: 'token_invalid',
    make: (now) => hmac({ alg: 'HS256', crit: ['exam'], exam: 1 }, { exp: now + 300 }, SECRET),
  },
  'a claim given twice': {
    acceptedBy: ['jsonwebtoken', 'jose', 'PyJWT'], code: 'auth/argument-error',
    make: () => hmac({ alg: 'HS256' }, '{"uid":"a","uid":"b"}', SECRET),
  },
  'other bits in the signature where none count': {
    acceptedBy: ['jose'], code: 'auth/argument-error', make: (now) => withLastChanged(good({ exp: now + 300 })),
  },
  'a padded signature': {
    acceptedBy: ['jose', 'PyJWT'], code: 'auth/argument-error', make: (now) => `${good({ exp: now + 300 })}=`,
  },
  // Tokens that claim to be Firebase's or ours are judged by keys that no other server has.
  'the issuer of ID tokens': {
    acceptedBy: ['jsonwebtoken', 'jose', 'PyJWT'], code: 'auth/argument-error',
    make: (now) => good({ iss: 'https://securetoken.google.com/demo-latchkey', sub: 'a', exp: now + 300 }),
  },
  'the type of access tokens': {
    acceptedBy: ['jsonwebtoken', 'jose', 'PyJWT'], code: 'token_invalid',
    make: (now) => hmac({ alg: 'HS256', typ: 'at+jwt' }, { sub: 'a', exp: now + 300 }, SECRET),
  },
};

function good(claims) {
  return hmac({ alg: 'HS256' }, claims, SECRET);
}

/**
 * Changes a spare bit of the signature: 32 bytes are 43 characters, and the last character has two
 * spare bits.
 */
function withLastChanged(token) {
  return token.slice(0, -1) + ALPHABET[ALPHABET.indexOf(token.at(-1)) ^ 1];
}

/**
 * Copies of the token, each with one changed character, `step` places apart. The first bit of each
 * counts.
 */
export function changed(token, step) {
  const places = [...[...token].keys()].filter((place) => token[place] !== '.' && place % step === 0);
  return places.map((place) => {
    const other = ALPHABET[ALPHABET.indexOf(token[place]) ^ 32];
    return token.slice(0, place) + other + token.slice(place + 1);
  });
}

/** The token with other claims, as an attacker would try. */
export function withOtherClaims(token, claims) {
  const [header, , signature] = token.split('.');
  return `${header}.${part(claims)}.${signature}`;
}
