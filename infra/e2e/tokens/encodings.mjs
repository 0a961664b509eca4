// Good ID tokens whose text is not quite right: its parts, base64url, text around it, bytes, sizes.

import { at, cases, claims, header, part, sealed, token, withClaims } from './minting.mjs';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** The longest token in a body `{"token":"…"}` of 16 KiB. */
const TOKEN_IN_BODY_MAX = 16 * 1024 - 12;

export function encodingCases() {
  return [...parts(), ...base64(), ...surroundings(), ...bytes(), ...sizes(), ...notText()];
}

// --- Parts

function parts() {
  const table = {
    'none': () => '',
    'one, the header': ([head]) => head,
    'one, a word': () => 'token',
    'two': ([head, body]) => `${head}.${body}`,
    'two, without the header': ([, body, signature]) => `${body}.${signature}`,
    'four': (three) => [...three, 'AAAA'].join('.'),
    'four, the last empty': (three) => `${three.join('.')}.`,
    'four, the first empty': (three) => `.${three.join('.')}`,
    'five': ([head, body, signature]) => [head, body, signature, body, signature].join('.'),
    'a thousand': () => Array(1000).fill('e30').join('.'),
    'three empty ones': () => '..',
    'an empty header': ([, body, signature]) => `.${body}.${signature}`,
    'an empty payload': ([head, , signature]) => `${head}..${signature}`,
    'only a signature': ([, , signature]) => `..${signature}`,
    'a dot': () => '.',
    'two dots between': ([head, body, signature]) => `${head}..${body}.${signature}`,
    'other dots between': (three) => three.join('。'),
    'encoded dots between': (three) => three.join('%2E'),
    'commas between': (three) => three.join(','),
    'the whole twice': (three) => `${three.join('.')}${three.join('.')}`,
  };
  return [
    ...cases('parts', table, (now, change) => change(withClaims(now, {}).split('.'))),
    ...cases('parts', { 'an empty payload, signed': '' }, (_, body) => sealed(part(header()), body)),
    ...cases('parts', { 'an empty header, signed': '' }, (now, head) => sealed(head, part(claims(now)))),
  ];
}

// --- Base64url

function base64() {
  // Bytes whose base64 needs the letters in which the two alphabets differ.
  const letters = { name: '~~~???>>>ÿÿÿ' };
  const recoded = {
    'the payload padded': (head, body) => [head, pad(body)],
    'the header padded': (head, body) => [pad(head), body],
    'the payload in the plain alphabet': (head, body) => [head, plain(body)],
    'the header in the plain alphabet': (head, body) => [plain(head), body],
    'loose bits in the payload': (head, body) => [head, loose(body)],
    'loose bits in the header': (head, body) => [loose(head), body],
    'a letter too many in the payload': (head, body) => [head, `${filled(body)}A`],
    'a letter too many in the header': (head, body) => [`${filled(head)}A`, body],
    'a space in the payload': (head, body) => [head, between(body, ' ')],
    'a space in the header': (head, body) => [between(head, ' '), body],
    'a line feed in the payload': (head, body) => [head, between(body, '\n')],
    'lines of 76 letters': (head, body) => [head, body.match(/.{1,76}/g).join('\r\n')],
    'a NUL in the payload': (head, body) => [head, between(body, '\0')],
    'a letter beyond ASCII in the payload': (head, body) => [head, between(body, 'é')],
    'a tilde in the payload': (head, body) => [head, between(body, '~')],
    'an equals sign in the middle of the payload': (head, body) => [head, between(body, '=')],
    'the payload in base64 twice': (head, body) => [head, part(body)],
    'the payload in hex': (head, body) => [head, Buffer.from(body, 'base64url').toString('hex')],
    'the payload as it is': (head, body) => [head, Buffer.from(body, 'base64url').toString()],
  };
  const signature = {
    'the signature padded': pad, 'the signature in the plain alphabet': plain, 'loose bits in the signature': loose,
    'a letter too many in the signature': (text) => `${filled(text)}A`,
    'a space in the signature': (text) => between(text, ' '),
    'a line feed in the signature': (text) => between(text, '\n'),
    'a NUL in the signature': (text) => between(text, '\0'),
    'an exclamation mark in the signature': (text) => between(text, '!'),
  };
  return [
    ...cases('base64url', recoded, (now, recode) => (
      sealed(...recode(spaced(header({ note: '~~~???>>>ÿÿÿ' })), spaced(claims(now, letters))))
    )),
    ...cases('base64url', signature, (now, recode) => {
      const [head, body, third] = withClaims(now, {}).split('.');
      return [head, body, recode(third)].join('.');
    }),
  ];
}

/** JSON with enough spaces after it that its last letter in base64url has spare bits. */
function spaced(value) {
  const json = Buffer.from(JSON.stringify(value));
  return part(Buffer.concat([json, Buffer.from(' '.repeat((4 - json.length % 3) % 3))]));
}

function pad(text) {
  return text + '='.repeat((4 - text.length % 4) % 4);
}

function plain(text) {
  return text.replaceAll('-', '+').replaceAll('_', '/');
}

/** Changes the lowest bit of the last letter, which belongs to no byte. */
function loose(text) {
  return text.slice(0, -1) + ALPHABET[ALPHABET.indexOf(text.at(-1)) | 1];
}

/** The same bytes in whole groups of four letters, filled with spaces. */
function filled(text) {
  const bytes = Buffer.from(text, 'base64url');
  return part(Buffer.concat([bytes, Buffer.from(' '.repeat((3 - bytes.length % 3) % 3))]));
}

function between(text, mark) {
  return text.slice(0, 8) + mark + text.slice(8);
}

// --- Text around a token after copying

/** Text that surrounds a token after careless copying. */
function surroundings() {
  const around = {
    'a space before': [' ', ''], 'a space after': ['', ' '], 'a line feed after': ['', '\n'],
    'a line feed before': ['\n', ''], 'CR LF after': ['', '\r\n'], 'a tab after': ['', '\t'],
    'a no-break space after': ['', '\u00a0'], 'a zero-width space after': ['', '\u200b'],
    'a byte order mark before': ['\ufeff', ''], 'a NUL after': ['', '\0'], 'quotes': ['"', '"'],
    'single quotes': ['\'', '\''], 'angle brackets': ['<', '>'], 'Bearer before': ['Bearer ', ''],
    'JWT before': ['JWT ', ''], 'a comma after': ['', ','], 'a query after': ['', '?x=1'],
    'half a surrogate after': ['', '\ud800'],
  };
  return cases('around', around, (now, [before, after]) => before + withClaims(now, {}) + after);
}

// --- Bytes of the text

function bytes() {
  const value = {
    'a byte that is no UTF-8': 'ff', 'half a character': 'c3', 'a slash in two bytes': 'c0af',
    'a NUL in two bytes': 'c080', 'a surrogate': 'eda080', 'a character beyond Unicode': 'f4908080',
    'a continuation byte': '80', 'Latin-1': 'e9',
  };
  const replaced = (object, hex) => {
    const [before, after] = JSON.stringify(object).split('#').map((text) => Buffer.from(text));
    return Buffer.concat([before, Buffer.from(hex, 'hex'), after]);
  };
  const texts = {
    'a byte order mark': (json) => Buffer.from(`\ufeff${json}`),
    'UTF-16': (json) => Buffer.from(json, 'utf16le'),
    'UTF-16 with a mark': (json) => Buffer.from(`\ufeff${json}`, 'utf16le'),
    'a NUL after': (json) => Buffer.from(`${json}\0`),
    'a NUL before': (json) => Buffer.from(`\0${json}`),
  };
  return [
    ...cases('UTF-8, in a claim', value, (now, hex) => token(header(), replaced(claims(now, { name: '#' }), hex))),
    ...cases('UTF-8, in a claim\'s name', { 'a byte that is no UTF-8': 'ff' }, (now, hex) => (
      token(header(), replaced(claims(now, { '#': 1 }), hex))
    )),
    ...cases('UTF-8, in the header', value, (now, hex) => token(replaced(header({ note: '#' }), hex), claims(now))),
    ...cases('bytes of the payload', texts, (now, recode) => token(header(), recode(JSON.stringify(claims(now))))),
    ...cases('bytes of the header', texts, (now, recode) => token(recode(JSON.stringify(header())), claims(now))),
  ];
}

// --- Sizes

/** Tokens up to the longest body are sent in a body, and longer ones in a header. */
function sizes() {
  const inBody = {
    '1 KiB': 1024, '4 KiB': 4096, '8 KiB': 8192, '12 KiB': 12_288, '16,000': 16_000,
    'as a body can hold': TOKEN_IN_BODY_MAX, 'one more than a body can hold': TOKEN_IN_BODY_MAX + 1, '20 KiB': 20_480,
    '100 KiB': 102_400,
  };
  const inHeader = {
    '8 KiB': 8192, 'one more than a body can hold': TOKEN_IN_BODY_MAX + 1, '16 KiB': 16_384, '16 KiB and one': 16_385,
    '20 KiB': 20_480,
  };
  const noTokens = { '16,000 letters': 'A'.repeat(16_000), '20 KiB': 'A'.repeat(20_480) };
  return [
    ...cases('size', inBody, sized),
    ...cases('size in a header', inHeader, (now, length) => sized(now, length, 'y'), { bearer: true }),
    ...cases('size of what is no token', noTokens, at),
    ...cases('size of the header', { '8 KiB': 'x'.repeat(6000) }, (now, x) => token(header({ x }), claims(now))),
  ];
}

/**
 * A good token of exactly this length. A part of base64url can have three of four lengths, and two
 * parts vary.
 */
function sized(now, length, letter = 'x') {
  for (const note of ['', 'a', 'ab', 'abc']) {
    const made = (filling) => token(header({ note }), claims(now, { filling: letter.repeat(filling) }));
    const estimate = Math.floor((length - made(0).length) * 3 / 4);
    const fit = [-1, 0, 1, 2].map((more) => made(estimate + more)).find((each) => each.length === length);
    if (fit) return fit;
  }
  throw new Error(`no token has ${length} letters`);
}

// --- Values that are no text

function notText() {
  const table = {
    'null': null, 'a number': 1, 'zero': 0, 'a truth value': true, 'false': false, 'an empty object': {},
    'an empty array': [], 'an array of a good token': (now) => [withClaims(now, {})],
    'an object of a good token': (now) => ({ token: withClaims(now, {}) }), 'the payload': (now) => claims(now),
  };
  return cases('not text', table, at);
}
