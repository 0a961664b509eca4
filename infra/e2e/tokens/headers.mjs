// ID tokens with an unusual or wrong header.

import { constants } from 'node:crypto';

import { PROJECT, at, cases, claims, header, hmac, keys, unsigned, withClaims, withHeader } from './minting.mjs';

/** Before a token is made, `world.trap` is set to a URL that must never be fetched. */
export function headerCases(world) {
  return [...alg(), ...kid(), ...typ(), ...members(world)];
}

function alg() {
  const names = [
    'none', 'None', 'NONE', 'nOnE', 'HS256', 'HS384', 'HS512', 'ES256', 'ES384', 'EdDSA', 'rs256', 'Rs256', 'RS256 ',
    ' RS256', 'RS2560', 'RS', 'SHA256withRSA', 'RSA1_5', 'RSA-OAEP', 'dir',
  ];
  const values = {
    missing: undefined, null: null, 'empty text': '', 'a number': 256, 'a truth value': true,
    'an array of it': ['RS256'], 'an object': { name: 'RS256' }, 'with a NUL': 'RS256\0', 'in Cyrillic': 'RЅ256',
  };
  return [
    ...cases('alg', { ...Object.fromEntries(names.map((name) => [`"${name}"`, name])), ...values }, (now, value) => (
      withHeader(now, { alg: value })
    )),
    ...cases('alg as signed', { RS384: 'sha384', RS512: 'sha512' }, (now, hash) => (
      withHeader(now, { alg: hash.replace('sha', 'RS') }, { hash })
    )),
    ...cases('alg as signed', { PS256: constants.RSA_PKCS1_PSS_PADDING }, (now, padding) => (
      withHeader(now, { alg: 'PS256' }, { options: { padding, saltLength: 32 } })
    )),
    ...cases('alg as signed', { ES256: { dsaEncoding: 'ieee-p1363' } }, (now, options) => (
      withHeader(now, { alg: 'ES256', kid: keys.elliptic.kid }, { key: keys.elliptic, options })
    )),
    ...cases('alg as signed', hmacKeys(), (now, secret) => hmac(header({ alg: 'HS256' }), claims(now), secret)),
    ...cases('unsigned', unsignedHeaders(), (now, head) => unsigned(head, claims(now))),
  ];
}

function unsignedHeaders() {
  return {
    'alg none': header({ alg: 'none' }),
    'alg NONE': header({ alg: 'NONE' }),
    'alg RS256': header(),
    'as the emulator makes it': { alg: 'none', typ: 'JWT' },
  };
}

/** Public values that a verifier could use as an HMAC secret if it mixes up kinds of keys. */
function hmacKeys() {
  const { publicKey, kid: name } = keys.first;
  return {
    'HS256 with the public key in PEM': publicKey.export({ type: 'spki', format: 'pem' }),
    'HS256 with the public key in PEM, trimmed': publicKey.export({ type: 'spki', format: 'pem' }).trim(),
    'HS256 with the public key in DER': publicKey.export({ type: 'spki', format: 'der' }),
    'HS256 with the public key in PKCS#1': publicKey.export({ type: 'pkcs1', format: 'pem' }),
    'HS256 with the modulus': publicKey.export({ format: 'jwk' }).n,
    'HS256 with the kid': name,
    'HS256 with the project': PROJECT,
    'HS256 with nothing': '',
  };
}

function kid() {
  const { kid: right } = keys.first;
  const table = {
    missing: undefined, null: null, 'empty text': '', zero: 0, 'a number': 5, false: false, 'a truth value': true,
    'an array of it': [right], 'an empty array': [], 'an object': {}, 'an unknown one': keys.stranger.kid,
    'the other key\'s': keys.second.kid, 'in upper case': right.toUpperCase(), 'with a space after': `${right} `,
    'with a space before': ` ${right}`, 'with a line feed': `${right}\n`, 'with a letter less': right.slice(0, -1),
    'with a letter more': `${right}0`, 'a path': `../${right}`, 'a URL': `https://example.com/${right}`,
    'a pattern': '.*', ['__proto__']: '__proto__', constructor: 'constructor', toString: 'toString',
    'the word undefined': 'undefined', 'the word null': 'null', 'very long': 'x'.repeat(4000),
    'with a NUL': `${right}\0`, 'beyond ASCII': 'clé', 'of the key of 1024 bits': keys.short.kid,
    'of the elliptic key': keys.elliptic.kid,
  };
  return [
    ...cases('kid', table, (now, value) => withHeader(now, { kid: value })),
    ...cases('kid as signed', { 'by the key of 1024 bits': keys.short }, (now, key) => withClaims(now, {}, { key })),
    ...cases('kid as signed', { 'by the elliptic key': keys.elliptic }, (now, key) => withClaims(now, {}, { key })),
    ...cases('kid as signed', { 'text of a digit': '1', 'a number': 1 }, (now, value) => (
      withHeader(now, { kid: value }, { key: keys.one })
    )),
  ];
}

function typ() {
  const table = {
    missing: undefined, null: null, 'empty text': '', 'in lower case': 'jwt', 'at+jwt': 'at+jwt', 'AT+JWT': 'AT+JWT',
    'application/jwt': 'application/jwt', JOSE: 'JOSE', JWE: 'JWE', 'a number': 7, 'an array of it': ['JWT'],
    'with a space after': 'JWT ', 'dpop+jwt': 'dpop+jwt',
  };
  return cases('typ', table, (now, value) => withHeader(now, { typ: value }));
}

/** Parameters of a header beside alg, kid and typ. A key inside a token must not be trusted. */
function members(world) {
  const stranger = keys.stranger.publicKey.export({ format: 'jwk' });
  const ignored = {
    'cty': { cty: 'JWT' }, 'zip': { zip: 'DEF' }, 'enc': { enc: 'A256GCM' }, 'x5t': { x5t: 'AAAA' },
    'b64 false': { b64: false }, 'b64 true': { b64: true }, 'nonce': { nonce: 'n' },
    'an unknown one': { 'https://example.com/x': { a: [1] } }, 'claims repeated': { iss: 'other', aud: 'other' },
    'beyond ASCII': { note: 'höher 😀' }, 'a name of a method': { constructor: 1 }, 'jwk': { jwk: stranger },
    'jku': () => ({ jku: `${world.trap}/jku` }), 'x5u': () => ({ x5u: `${world.trap}/x5u` }),
    'x5c': { x5c: ['MIIB'] },
  };
  const critical = {
    'crit of exp': { crit: ['exp'], exp: 1 }, 'crit of b64': { crit: ['b64'], b64: false },
    'crit of b64 true': { crit: ['b64'], b64: true }, 'crit of an unknown one': { crit: ['x'], x: 1 },
    'crit of what is not there': { crit: ['x'] }, 'crit of nothing': { crit: [] }, 'crit of alg': { crit: ['alg'] },
    'crit null': { crit: null }, 'crit as text': { crit: 'exp' }, 'crit false': { crit: false },
    'crit as an object': { crit: {} },
  };
  const brought = {
    jwk: { jwk: stranger }, 'jwk with our kid': { jwk: { ...stranger, kid: keys.first.kid } },
    jku: () => ({ jku: `${world.trap}/keys` }), x5u: () => ({ x5u: `${world.trap}/certificates` }),
  };
  return [
    ...cases('header', { ...ignored, ...critical }, (now, row) => withHeader(now, at(now, row))),
    ...cases('stranger with', brought, (now, row) => withHeader(now, at(now, row), { key: keys.stranger })),
    ...cases('stranger with', { 'its own kid and jwk': { kid: keys.stranger.kid, jwk: stranger } }, (now, changes) => (
      withHeader(now, changes, { key: keys.stranger })
    )),
  ];
}
