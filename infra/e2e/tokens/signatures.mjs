// Good ID tokens with wrong signatures.

import { constants, createHash, privateEncrypt, sign } from 'node:crypto';

import { cases, claims, header, keys, part, withClaims } from './minting.mjs';

/**
 * Most sums of a signature and the modulus have one bit too many. Among this number of signatures,
 * one has not.
 */
const ATTEMPTS_MAX = 10_000;

export function signatureCases() {
  return [
    ...cases('signature', altered(), (now, alter) => withSignature(withClaims(now, {}), alter)),
    ...cases('signature by', otherwise(), (now, make) => withSignature(withClaims(now, {}), (_, text) => make(text))),
    ...cases('after signing', afterwards(), (now, change) => change(withClaims(now, {}).split('.'), now).join('.')),
    ...cases('signature', { 'plus the modulus': 0 }, plusModulus),
  ];
}

/**
 * The parts of `good` with the signature that `alter` makes from its signature and the signed text.
 */
function withSignature(good, alter) {
  const [first, second, third] = good.split('.');
  const signature = alter(Buffer.from(third, 'base64url'), `${first}.${second}`);
  return `${first}.${second}.${Buffer.from(signature).toString('base64url')}`;
}

function altered() {
  const flip = (byte, bit) => (signature) => { signature[byte] ^= 1 << bit; return signature; };
  return {
    'first bit flipped': flip(0, 7), 'eighth bit flipped': flip(0, 0), 'a bit of byte 1 flipped': flip(1, 4),
    'a bit of byte 64 flipped': flip(64, 2), 'a bit of byte 127 flipped': flip(127, 0),
    'a bit of byte 128 flipped': flip(128, 7), 'a bit of byte 200 flipped': flip(200, 5),
    'second last bit flipped': flip(255, 1), 'last bit flipped': flip(255, 0),
    'without its last byte': (signature) => signature.subarray(0, -1),
    'without its first byte': (signature) => signature.subarray(1),
    'half of it': (signature) => signature.subarray(0, 128),
    'one byte of it': (signature) => signature.subarray(0, 1), 'with a zero after': (signature) => [...signature, 0],
    'with a zero before': (signature) => [0, ...signature], 'twice': (signature) => [...signature, ...signature],
    'back to front': (signature) => signature.reverse(), 'of zeros': () => Buffer.alloc(256),
    'of ones': () => Buffer.alloc(256, 0xff), 'the number 1': () => [...Buffer.alloc(255), 1], 'a zero': () => [0],
    'of 4096 bytes': () => Buffer.alloc(4096, 7),
  };
}

/** Real signatures, but of another text or key. */
function otherwise() {
  const by = (key, hash, options) => (text) => sign(hash, Buffer.from(text), { key: key.privateKey, ...options });
  const { first, second, stranger } = keys;
  const sha256 = (text) => createHash('sha256').update(text).digest();
  const info = (hex) => (text) => Buffer.concat([Buffer.from(hex, 'hex'), sha256(text)]);
  return {
    'the second key': by(second, 'sha256'),
    'a stranger\'s key': by(stranger, 'sha256'),
    'the right key over SHA-1': by(first, 'sha1'),
    'the right key over SHA-384': by(first, 'sha384'),
    'the right key over SHA-512': by(first, 'sha512'),
    'the right key with PSS': by(first, 'sha256', { padding: constants.RSA_PKCS1_PSS_PADDING }),
    'the right key over the header': (text) => by(first, 'sha256')(text.split('.')[0]),
    'the right key over the payload': (text) => by(first, 'sha256')(text.split('.')[1]),
    'the right key over what was decoded': (text) => by(first, 'sha256')(text.split('.').map(decoded).join('.')),
    'the right key over the text and a dot': (text) => by(first, 'sha256')(`${text}.`),
    'the right key over nothing': () => by(first, 'sha256')(''),
    'the right key over the hash': (text) => by(first, 'sha256')(sha256(text)),
    'the right key, the hash without its name': padded(sha256),
    // RFC 8017 appendix A.2.4: the parameters are NULL. Some verifiers accept missing ones.
    'the right key, the hash\'s name without parameters': padded(info('302f300b0609608648016503040201' + '0420')),
    'the right key, the hash\'s name in BER that is no DER': padded(info('308131300d060960864801650304020105000420')),
    // Bleichenbacher, CRYPTO 2006: a verifier that stops reading at the hash accepts forged
    // signatures of some keys.
    'the right key, with rubbish after the hash': (text) => raw(
      info('0001ffffffffffffffff00' + '3031300d060960864801650304020105000420')(text),
    ),
  };
}

function decoded(text) {
  return Buffer.from(text, 'base64url').toString();
}

function padded(content) {
  return (text) => privateEncrypt({ key: keys.first.privateKey, padding: constants.RSA_PKCS1_PADDING }, content(text));
}

function raw(start) {
  const block = Buffer.concat([start, Buffer.alloc(256 - start.length, 0x2a)]);
  return privateEncrypt({ key: keys.first.privateKey, padding: constants.RSA_NO_PADDING }, block);
}

/**
 * The same number modulo n. A verifier must refuse it because it is not smaller than n (RFC 8017
 * section 5.2.2).
 */
function plusModulus(now) {
  const modulus = number(keys.first.publicKey.export({ format: 'jwk' }).n);
  const attempts = Array.from({ length: ATTEMPTS_MAX }, (_, attempt) => attempt).values();
  const sums = attempts.map((attempt) => withClaims(now, { attempt }))
    .map((good) => ({ good, sum: number(good.split('.')[2]) + modulus }));
  const { good, sum } = sums.find((each) => each.sum < 2n ** 2048n);
  return withSignature(good, () => Buffer.from(sum.toString(16).padStart(512, '0'), 'hex'));
}

function number(text) {
  return BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
}

function afterwards() {
  const replaced = (body) => ([head, , signature], now) => [head, part(body(now)), signature];
  const another = (now) => withClaims(now, { sub: 'x' }).split('.');
  return {
    'another sub': replaced((now) => claims(now, { sub: 'somebody-else' })),
    'a later expiry': replaced((now) => claims(now, { exp: now + 7200 })),
    'a claim more': replaced((now) => claims(now, { admin: true })),
    'a space more': replaced((now) => `${JSON.stringify(claims(now))} `),
    'claims in another order': replaced((now) => Object.fromEntries(Object.entries(claims(now)).reverse())),
    'an empty payload': replaced(() => '{}'),
    'the payload of another token': ([head, , signature], now) => [head, another(now)[1], signature],
    'the signature of another token': ([head, body], now) => [head, body, another(now)[2]],
    'another typ': ([, body, signature]) => [part(header({ typ: 'jwt' })), body, signature],
    'a member more in the header': ([, body, signature]) => [part(header({ x: 1 })), body, signature],
    'the second kid': ([, body, signature]) => [part(header({ kid: keys.second.kid })), body, signature],
    'alg none': ([, body, signature]) => [part(header({ alg: 'none' })), body, signature],
    'header and payload swapped': ([head, body, signature]) => [body, head, signature],
    'payload and signature swapped': ([head, body, signature]) => [head, signature, body],
    'all three back to front': (three) => three.toReversed(),
    'the header as the signature': ([head, body]) => [head, body, head],
  };
}
