// Requests for custom tokens, good and bad, and the differences between our code and
// firebase-admin.

const UID = '0195c2f4-7d3a-7bbb-8f4f-56a3af5a6d15';

/**
 * The claims that firebase-admin for Node reserves. The SDKs for Go and Python, and the emulator,
 * reserve two more.
 */
const RESERVED = [
  'acr', 'amr', 'at_hash', 'aud', 'auth_time', 'azp', 'cnf', 'c_hash', 'exp', 'iat', 'iss', 'jti', 'nbf', 'nonce',
];

/** All cases. Each has a name and `asked`, a line for `latchkey token create --lines`. */
export function customTokenCases() {
  return [
    ...cases('uid', uids(), (uid) => ({ uid })),
    ...cases('claims', claims(), (given) => ({ uid: UID, claims: given })),
    ...cases('reserved', reserved(), (given) => ({ uid: UID, claims: given })),
    ...cases('tenant', tenants(), (tenant) => ({ uid: UID, tenant })),
    ...cases('all', { 'three at once': { a: 1 } }, (given) => ({ uid: UID, claims: given, tenant: 'tenant-a1b2c' })),
    ...cases('all', { 'three wrong at once': { aud: 1 } }, (given) => ({ uid: '', claims: given, tenant: '' })),
  ];
}

/** Requests that the SDK accepts and we refuse. */
export const STRICTER = [
  {
    what: 'uid over 128 bytes',
    cases: /^uid: of (65|128) letters of two bytes|^uid: of 128 letters of three bytes|^uid: of (33|64) astral/,
    reason: 'Firebase counts a uid in bytes; the SDK counts UTF-16 units.',
  },
  {
    what: 'reserved firebase and sub',
    cases: /^reserved: (firebase|sub)/,
    reason: 'Firebase reserves them, and the SDKs for Go and Python refuse them. The SDK for Node does not.',
  },
  {
    what: 'NUL',
    cases: /with a NUL/,
    reason: 'NUL ends a text in many programs, so strict JSON here accepts none.',
  },
  {
    what: 'half a surrogate',
    cases: /half a surrogate/,
    reason: 'It is no character, and parsers differ on it (RFC 8259 section 8.2).',
  },
  {
    what: 'depth',
    cases: /^claims: \d+ levels deep, too deep/,
    reason: 'Every ID token would be too deep for us to verify (the HTTP contract bounds JSON to 32 levels).',
  },
];

/** The words of refusals that people meet. */
export const MESSAGES = [
  { cases: /^uid: (missing|a number|empty)$/, says: [/uid/] },
  { cases: /^uid: of 129 letters$/, says: [/uid/, /128/, /bytes/] },
  { cases: /^claims: (text|an array)$/, says: [/claims/, /object/] },
  { cases: /^reserved: aud$/, says: [/reserved/, /\baud\b/] },
  { cases: /^reserved: three, and one that is not$/, says: [/\baud\b/, /\bexp\b/, /\biss\b/, /reserved/] },
  { cases: /^reserved: all$/, says: RESERVED.map((name) => new RegExp(`\\b${name}\\b`)) },
  { cases: /^tenant: empty$/, says: [/tenant/] },
];

function cases(group, table, ask) {
  return Object.entries(table).map(([what, value]) => ({ name: `${group}: ${what}`, asked: ask(value) }));
}

function uids() {
  return {
    missing: undefined, null: null, empty: '', 'a number': 7, zero: 0, 'a truth value': true, false: false,
    'an array of it': [UID], 'an object': {},
    'of 1 letter': 'x', 'of 36 letters': 'x'.repeat(36), 'of 37 letters': `${UID}x`, 'of 127 letters': 'x'.repeat(127),
    'of 128 letters': 'x'.repeat(128), 'of 129 letters': 'x'.repeat(129), 'of 5000 letters': 'x'.repeat(5000),
    'of 64 letters of two bytes': 'é'.repeat(64), 'of 65 letters of two bytes': 'é'.repeat(65),
    'of 128 letters of two bytes': 'é'.repeat(128), 'of 129 letters of two bytes': 'é'.repeat(129),
    'of 42 letters of three bytes': '漢'.repeat(42), 'of 128 letters of three bytes': '漢'.repeat(128),
    'of 32 astral characters': '😀'.repeat(32), 'of 33 astral characters': '😀'.repeat(33),
    'of 64 astral characters': '😀'.repeat(64), 'of 65 astral characters': '😀'.repeat(65),
    'a space': ' ', 'with spaces around': ' a ', 'with a line feed': 'a\nb', 'with a control character': 'a\u0001b',
    'with a NUL': 'a\0b', 'with half a surrogate': 'a\ud83db', 'with quotes and backslashes': '"a\\b"',
    'an address': 'james@yopmail.com', 'a path': '../a/b', 'from right to left': 'עברית', 'decomposed': 'e\u0301',
    'a name of a method': '__proto__', 'the text null': 'null', 'the text 0': '0',
  };
}

function claims() {
  const nested = (levels) => JSON.parse(`{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`);
  return {
    none: undefined, empty: {}, null: null, text: 'admin', 'empty text': '', 'JSON as text': '{"a":1}', 'a number': 7,
    zero: 0, 'a truth value': true, false: false, 'an array': [], 'an array of an object': [{ a: 1 }],
    'a role': { role: 'admin' }, 'of all types': { a: null, b: true, c: false, d: 0, e: '', f: [], g: {}, h: 'x' },
    'nested': { rights: { shop: { read: true, write: ['a', { b: [1, [2]] }] } } },
    'in many scripts': { 'Größe': 'Ελλάδα 日本語 العربية', '😀': '👩‍👩‍👧‍👦 e\u0301' },
    'an empty name': { '': 1 }, 'names with dots and slashes': { 'https://acme.com/role': 'x', 'a.b': 1 },
    'names of methods': { constructor: 1, toString: 2, hasOwnProperty: 3 },
    'control characters and separators': { a: '\u0001\t\n\u2028\u2029"\\/' },
    'with a NUL': { a: 'x\0y' }, 'with a NUL in a name': { 'x\0y': 1 }, 'with half a surrogate': { a: '\ud83d' },
    'whole numbers': { n: [0, -1, 2 ** 31, 2 ** 53, -(2 ** 53), 1e15] },
    'fractions': { n: [0.1, 0.1 + 0.2, 1 / 3, 31.245270191439438, 121.48791951161945, 100.78399658203125] },
    'great and small numbers': { n: [1e21, 1e300, Number.MAX_VALUE, Number.MIN_VALUE, 2.2250738585072014e-308] },
    'overwritten in the ID token': { email: 'a@b.c', email_verified: true, phone_number: '+15', user_id: 'x' },
    'kept in the ID token': { name: 'Ann', picture: 'https://x.example/p' },
    'named as members of the token': { uid: 'x', claims: {}, tenant_id: 't', alg: 'none', kid: 'k' },
    'of 1000 characters': { a: 'x'.repeat(992) }, 'of 1001 characters': { a: 'x'.repeat(993) },
    'of 5000 characters': { a: 'x'.repeat(4992) }, 'of 1000 characters beyond ASCII': { a: 'é'.repeat(992) },
    'a hundred': Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`claim-${index}`, index])),
    '10 levels deep': nested(10), '28 levels deep': nested(28), '100 levels deep, too deep': nested(100),
  };
}

function reserved() {
  return {
    ...Object.fromEntries([...RESERVED, 'firebase', 'sub'].map((name) => [name, { [name]: 'x' }])),
    'null all the same': { aud: null },
    'firebase, null all the same': { firebase: null },
    'sub, beside one that is not': { role: 'admin', sub: 'x' },
    'three, and one that is not': { role: 'admin', iss: 1, exp: 2, aud: 3 },
    all: Object.fromEntries(RESERVED.map((name) => [name, 1])),
    'none, but inside another': { a: { aud: 1, sub: 2, firebase: {} } },
    'none, but in upper case': { AUD: 1, Sub: 2, 'aud ': 3 },
    'none, but nearly': { audience: 1, subject: 2, issuer: 3, hash: 4, c: 5 },
  };
}

function tenants() {
  return {
    'as Firebase makes them': 'tenant-a1b2c', 'of one letter': 't', 'in upper case': 'TENANT', 'of digits': '0',
    'of hyphens': '--', 'of 300 letters': 't'.repeat(300), empty: '', null: null, 'a number': 7, 'a truth value': true,
    'an array of it': ['t'], 'an object': {}, 'beyond ASCII': 'Büro', 'with a space': 'a b', 'with a slash': 'a/b',
    'with an underscore': 'a_b', 'with a dot': 'a.b', 'with a tilde': 'a~b', 'with a dot at its end': 'a.',
    'two dots': '..', 'with a line feed': 'a\n', 'with NUL': 'a\0b',
  };
}
