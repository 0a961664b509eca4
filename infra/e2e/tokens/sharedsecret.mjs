// Tokens signed with the shared secret: what is to be accepted and as what, what is to be refused, and where this
// service is stricter than the libraries. Every time is in seconds and told when a token is made.

import { hmac, part } from './minting.mjs';

export const SECRET = 'a shared secret of more than forty characters';
const ANOTHER = 'another secret of more than forty characters ..';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Claims, and what else than a default the verification object must have. */
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

/** What nobody takes: claims, and with which secret and algorithm they are signed; without a secret, not at all. */
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
  // It is nobody's: neither the algorithm nor a claim says whose it wants to be.
  none: (now) => ({ claims: { uid: 'a', exp: now + 300 }, secret: undefined, code: 'auth/argument-error' }),
};

/** Tokens made by hand that we refuse, and which libraries take. */
export const STRICTER = {
  'issued in the future': {
    taken: ['jsonwebtoken', 'jose'], code: 'token_invalid', make: (now) => good({ iat: now + 600, exp: now + 900 }),
  },
  'an expiry as text': { taken: ['PyJWT'], code: 'token_invalid', make: (now) => good({ exp: `${now + 300}` }) },
  'a start as text': { taken: ['PyJWT'], code: 'token_invalid', make: (now) => good({ nbf: `${now}` }) },
  'a critical extension': {
    taken: ['jsonwebtoken'], code: 'token_invalid',
    make: (now) => hmac({ alg: 'HS256', crit: ['exam'], exam: 1 }, { exp: now + 300 }, SECRET),
  },
  'a claim given twice': {
    taken: ['jsonwebtoken', 'jose', 'PyJWT'], code: 'auth/argument-error',
    make: () => hmac({ alg: 'HS256' }, '{"uid":"a","uid":"b"}', SECRET),
  },
  'other bits in the signature where none count': {
    taken: ['jose'], code: 'auth/argument-error', make: (now) => withLastChanged(good({ exp: now + 300 })),
  },
  'a padded signature': {
    taken: ['jose', 'PyJWT'], code: 'auth/argument-error', make: (now) => `${good({ exp: now + 300 })}=`,
  },
  // What is Firebase's or ours is judged by keys that no other server has.
  'the issuer of ID tokens': {
    taken: ['jsonwebtoken', 'jose', 'PyJWT'], code: 'auth/argument-error',
    make: (now) => good({ iss: 'https://securetoken.google.com/demo-latchkey', sub: 'a', exp: now + 300 }),
  },
  'the type of access tokens': {
    taken: ['jsonwebtoken', 'jose', 'PyJWT'], code: 'token_invalid',
    make: (now) => hmac({ alg: 'HS256', typ: 'at+jwt' }, { sub: 'a', exp: now + 300 }, SECRET),
  },
};

function good(claims) {
  return hmac({ alg: 'HS256' }, claims, SECRET);
}

/** 32 bytes are 43 characters, of which the last has two bits to spare. */
function withLastChanged(token) {
  return token.slice(0, -1) + ALPHABET[ALPHABET.indexOf(token.at(-1)) ^ 1];
}

/** The token with one character changed, in every `step`th place: by its first bit, which counts in every place. */
export function changed(token, step) {
  const places = [...[...token].keys()].filter((place) => token[place] !== '.' && place % step === 0);
  return places.map((place) => {
    const other = ALPHABET[ALPHABET.indexOf(token[place]) ^ 32];
    return token.slice(0, place) + other + token.slice(place + 1);
  });
}

/** The token with its claims replaced, as somebody would who wants to be somebody else. */
export function withOtherClaims(token, claims) {
  const [header, , signature] = token.split('.');
  return `${header}.${part(claims)}.${signature}`;
}
