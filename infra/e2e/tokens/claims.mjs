// Good ID tokens of many shapes, and ID tokens with one wrong claim.

import {
  CUSTOM_TOKEN_AUDIENCE, ISSUER, NO_VALUE, PROJECT, UID, cases, keys, withClaims,
} from './minting.mjs';

export function claimCases() {
  return [...good(), ...others(), ...aud(), ...iss(), ...sub()];
}

// --- Good ones

function good() {
  return [
    ...cases('provider', providers(), (now, changes) => withClaims(now, changes)),
    ...cases('shape', shapes(), (now, changes) => withClaims(now, changes)),
    ...cases('key', { second: keys.second, large: keys.large }, (now, key) => withClaims(now, {}, { key })),
  ];
}

function providers() {
  const email = ['ann@example.com'];
  const by = (provider, identities, more) => ({ firebase: { identities, sign_in_provider: provider }, ...more });
  const profile = { name: 'Ann', picture: 'https://lh3.googleusercontent.com/a/x=s96-c', email: email[0] };
  const nobody = { email: undefined, email_verified: undefined };
  return {
    custom: by('custom', {}, nobody),
    password: by('password', { email }, { email: email[0] }),
    google: by('google.com', { 'google.com': ['1181'], email }, profile),
    facebook: by('facebook.com', { 'facebook.com': ['10'], email }, { ...profile, email_verified: false }),
    apple: by('apple.com', { 'apple.com': ['0019.c1'], email }, { email: 'x@privaterelay.appleid.com' }),
    twitter: by('twitter.com', { 'twitter.com': ['2244'] }, { ...nobody, name: 'Ann' }),
    github: by('github.com', { 'github.com': ['583'], email }, profile),
    microsoft: by('microsoft.com', { 'microsoft.com': ['a-b'], email }, { ...profile, email_verified: false }),
    yahoo: by('yahoo.com', { 'yahoo.com': ['Q4'], email }, profile),
    'Play Games': by('playgames.google.com', { 'playgames.google.com': ['a_11'] }, nobody),
    'Game Center': by('gc.apple.com', { 'gc.apple.com': ['G:1'] }, nobody),
    phone: by('phone', { phone: ['+15555550100'] }, { ...nobody, phone_number: '+15555550100' }),
    anonymous: by('anonymous', {}, { ...nobody, provider_id: 'anonymous' }),
    SAML: by('saml.okta', { 'saml.okta': [email[0]] }, { firebase: { sign_in_attributes: { groups: ['a', 'b'] } } }),
    OIDC: by('oidc.acme', { 'oidc.acme': ['8f'], email }, profile),
    'one that is not known yet': by('https://new.example/äöü', {}, nobody),
  };
}

function shapes() {
  const number = (text) => JSON.rawJSON(text);
  return {
    'a tenant': { firebase: { sign_in_provider: 'custom', tenant: 'tenant-a1b2c' } },
    'a second factor': { firebase: { sign_in_provider: 'password', sign_in_second_factor: 'phone' } },
    'custom claims': { premium: true, role: 'admin', level: 7 },
    'nested custom claims': { rights: { shop: { read: true, write: ['a', { b: [1, 2, [3]] }] } } },
    'claims of all types': { a: null, b: true, c: 0, d: '', e: [], f: {}, g: [null, {}, []] },
    'names in many scripts': { name: 'Ærøskøbing Ελλάδα Россия 日本語 한국어 العربية עברית ไทย' },
    'emoji and joiners': { name: '👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u200f\u202e\u2066' },
    'line separators and noncharacters': { name: '\u2028\u2029\ufffe\uffff\u007f\u0080\ufffd' },
    'escaped control characters': { name: '\u0001\b\f\n\r\t\u001f"\\/' },
    'whole numbers': { n: [0, -1, 255, 2 ** 31, -(2 ** 31), 2 ** 53, -(2 ** 53)] },
    'numbers beyond 64 bits': { n: [number('18446744073709551615'), number('-9223372036854775809'), 1e21, 1e300] },
    'fractions': { n: [0.1, 0.1 + 0.2, 1 / 3, -1.5, 31.245270191439438, 121.48791951161945, 100.78399658203125] },
    'the ends of the doubles': { n: [Number.MAX_VALUE, Number.MIN_VALUE, 2.2250738585072014e-308, 1e-400] },
    'numbers written in other ways': { n: ['1.0', '1e2', '1E+2', '1.50e-2', '-0', '-0.0', '0e0'].map(number) },
    'names of methods as claims': JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":"x","hasOwnProperty":0}'),
    'an empty claim name': { '': 'x' },
    'a claim called uid': { uid: 'somebody-else' },
    'another user_id': { user_id: 'somebody-else' },
    'no user_id': { user_id: undefined },
    'an issuer-like name': { name: ISSUER },
    'a claim named as a header member': { kid: 'x', alg: 'none', crit: ['exp'] },
    'an azp and a nonce': { azp: 'other', nonce: 'n', at_hash: 'h', jti: '1', acr: '0', amr: ['pwd'] },
    'an event type of another kind': { event_type: 'beforeCreate' },
    'an event type, and a sub': { event_type: 'beforeSendSms' },
    'claims of 1000 characters': { a: 'x'.repeat(988) },
    'two hundred claims': Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`claim-${i}`, i])),
  };
}

// --- Claims that decide nothing

function others() {
  const table = {
    'firebase missing': { firebase: undefined },
    'firebase null': { firebase: null },
    'firebase as text': { firebase: 'custom' },
    'firebase as a number': { firebase: 1 },
    'firebase as an array': { firebase: [{ sign_in_provider: 'custom' }] },
    'firebase empty': { firebase: {} },
    'a provider that is a number': { firebase: { sign_in_provider: 1 } },
    'a provider that is null': { firebase: { sign_in_provider: null } },
    'an empty provider': { firebase: { sign_in_provider: '' } },
    'an address that is null': { email: null },
    'an address that is a number': { email: 5 },
    'an address that is an array': { email: ['a@example.com'] },
    'an empty address': { email: '' },
    'an address in upper case': { email: 'JAMES@YOPMAIL.COM' },
    'an address that is none': { email: 'not an address' },
    'email_verified as text': { email_verified: 'true' },
    'email_verified as a number': { email_verified: 1 },
    'email_verified null': { email_verified: null },
    'email_verified missing': { email_verified: undefined },
    'a name that is a number': { name: 5 },
    'a name that is null': { name: null },
    'an empty name': { name: '' },
    'a role_id': { role_id: 9 },
    'the key of another kind': { typ: 'at+jwt', token_use: 'access' },
  };
  return cases('other claims', table, (now, changes) => withClaims(now, changes));
}

// --- Claims that are text

function textual(right) {
  return {
    ...NO_VALUE, 'a number': 7, zero: 0, false: false, 'empty text': '',
    'an array of it': [right], 'an object of it': { 0: right },
    'with a space after': `${right} `, 'with a space before': ` ${right}`, 'with a line feed': `${right}\n`,
    'with a letter more': `${right}x`, 'with a letter less': right.slice(0, -1),
    'without its first letter': right.slice(1), 'in upper case': right.toUpperCase(),
    'with a slash after': `${right}/`, 'twice': `${right},${right}`, 'in full width': right.replace('a', 'ａ'),
    'with a soft hyphen': right.replace('-', '-\u00ad'),
  };
}

function aud() {
  const table = {
    ...textual(PROJECT),
    'another project': 'acme-login-staging',
    'this and another project': [PROJECT, 'other'],
    'the project by number': 618104708054,
    'the issuer': ISSUER,
    'the audience of custom tokens': CUSTOM_TOKEN_AUDIENCE,
    'percent-encoded': 'acme%2Dlogin',
    'a pattern': '.*',
    'very long': 'x'.repeat(2000),
  };
  return cases('aud', table, (now, value) => withClaims(now, { aud: value }));
}

function iss() {
  const table = {
    ...textual(ISSUER),
    'another project': 'https://securetoken.google.com/acme-login-staging',
    'no project': 'https://securetoken.google.com/',
    'over http': ISSUER.replace('https', 'http'),
    'without a scheme': ISSUER.replace('https://', ''),
    'of a look-alike host': ISSUER.replace('google.com', 'google.com.example'),
    'with a user before the host': ISSUER.replace('https://', 'https://x@'),
    'with a port': ISSUER.replace('.com', '.com:443'),
    'with a path more': `${ISSUER}/..`,
    'with two slashes': ISSUER.replace(/\/acme/, '//acme'),
    'with a query': `${ISSUER}?x`,
    'of session cookies': `https://session.firebase.google.com/${PROJECT}`,
    'the project alone': PROJECT,
  };
  return [
    ...cases('iss', table, (now, value) => withClaims(now, { iss: value })),
    ...cases('iss and aud', { 'of another project': 'acme-staging' }, (now, project) => (
      withClaims(now, { iss: `https://securetoken.google.com/${project}`, aud: project })
    )),
  ];
}

function sub() {
  const table = {
    ...NO_VALUE,
    'a number': 7,
    zero: 0,
    false: false,
    'empty text': '',
    'an array of it': [UID],
    'of 1 letter': 'x',
    'of 36 letters': 'x'.repeat(36),
    'of 127 letters': 'x'.repeat(127),
    'of 128 letters': 'x'.repeat(128),
    'of 129 letters': 'x'.repeat(129),
    'of 2000 letters': 'x'.repeat(2000),
    'of 128 letters of two bytes': 'é'.repeat(128),
    'of 129 letters of two bytes': 'é'.repeat(129),
    'of 128 letters of three bytes': '漢'.repeat(128),
    'of 129 letters of three bytes': '漢'.repeat(129),
    'of 64 astral characters': '😀'.repeat(64),
    'of 65 astral characters': '😀'.repeat(65),
    'of 63 astral characters and two letters': `ab${'😀'.repeat(63)}`,
    'of 64 astral characters and a letter': `a${'😀'.repeat(64)}`,
    'a space': ' ',
    'a path': '../../etc/passwd',
    'with quotes and angle brackets': '"<script>\'',
    'a digit': '0',
    'the text null': 'null',
    'the name of a method': '__proto__',
    'with a NUL': 'a\0b',
  };
  // Tokens of blocking functions, which have no user yet.
  const events = { 'no sub in beforeSendSms': 'beforeSendSms', 'no sub in beforeSendEmail': 'beforeSendEmail' };
  return [
    ...cases('sub', table, (now, value) => withClaims(now, { sub: value })),
    ...cases('event', events, (now, event_type) => withClaims(now, { sub: undefined, event_type })),
  ];
}
