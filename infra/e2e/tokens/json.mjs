// Signed texts that two readers of JSON could understand differently.

import { PROJECT, UID, cases, claims, header, keys, token } from './minting.mjs';

export function jsonCases() {
  return [...syntax(), ...notObjects(), ...duplicates(), ...depths()];
}

/** Texts made of the JSON of good claims, with white space that JSON allows or does not allow. */
function syntax() {
  const table = {
    'white space around': (json) => ` \t\r\n${json}\n`,
    'white space inside': (json) => JSON.stringify(JSON.parse(json), null, '\t'),
    'a vertical tab before': (json) => `\v${json}`,
    'a no-break space after': (json) => `${json}\u00a0`,
    'an escaped member name': (json) => json.replace('"aud"', '"\\u0061ud"'),
    'all member names escaped': (json) => json.replace(/"(\w+)":/g, (_, name) => `${escaped(name)}:`),
    'an escaped value': (json) => json.replace(`"${PROJECT}"`, escaped(PROJECT)),
    'escaped slashes': (json) => json.replaceAll('/', '\\/'),
    'an escaped sub': (json) => json.replace(`"sub":"${UID}"`, `"sub":${escaped(UID)}`),
    'an escaped NUL in a value': (json) => added(json, '"name":"a\\u0000b"'),
    'an escaped NUL in a name': (json) => added(json, '"a\\u0000b":1'),
    'an escaped NUL deep inside': (json) => added(json, '"a":[{"b":["\\u0000"]}]'),
    'a NUL as it is': (json) => added(json, '"name":"a\0b"'),
    'an escaped pair of surrogates': (json) => added(json, '"name":"\\ud83d\\ude00"'),
    'half a pair of surrogates': (json) => added(json, '"name":"\\ud83d"'),
    'the other half of a pair of surrogates': (json) => added(json, '"name":"\\ude00"'),
    'half a pair of surrogates in a name': (json) => added(json, '"\\ud83d":1'),
    'a tab as it is': (json) => added(json, '"name":"a\tb"'),
    'a line feed as it is': (json) => added(json, '"name":"a\nb"'),
    'an escape that is none': (json) => added(json, '"name":"\\x41"'),
    'half an escape': (json) => added(json, '"name":"\\u00"'),
    'a comma after the last member': (json) => json.replace(/}$/, ',}'),
    'two commas': (json) => json.replace(',', ',,'),
    'no comma': (json) => json.replace(',', ''),
    'a comment': (json) => `${json}// good`,
    'a comment inside': (json) => json.replace('{', '{/* good */'),
    'single quotes': (json) => json.replaceAll('"', '\''),
    'a name without quotes': (json) => json.replace('"aud"', 'aud'),
    'text after it': (json) => `${json} x`,
    'another object after it': (json) => `${json}{}`,
    'a bracket after it': (json) => `${json}}`,
    'no bracket at its end': (json) => json.slice(0, -1),
    'only white space': () => ' ',
    'NaN': (json) => added(json, '"n":NaN'),
    'Infinity': (json) => added(json, '"n":Infinity'),
    'undefined': (json) => added(json, '"n":undefined'),
    'a number with a zero before': (json) => added(json, '"n":01'),
    'a number with a plus': (json) => added(json, '"n":+1'),
    'a number in hex': (json) => added(json, '"n":0x1'),
    'a number that ends in a dot': (json) => added(json, '"n":1.'),
    'a number beyond all': (json) => added(json, '"n":1e400'),
    'True': (json) => added(json, '"n":True'),
  };
  const some = (...names) => Object.fromEntries(names.map((name) => [name, table[name]]));
  const inHeader = some(
    'white space around', 'all member names escaped', 'an escaped NUL in a value', 'half a pair of surrogates',
    'an escaped pair of surrogates', 'text after it', 'a comment', 'no bracket at its end', 'a number beyond all',
    'single quotes',
  );
  const typeless = some('text after it', 'only white space', 'a comma after the last member', 'NaN');
  return [
    ...cases('JSON of the payload', table, writtenPayload),
    ...cases('JSON of the header', inHeader, writtenHeader),
    ...cases('JSON of a payload without a typ', typeless, writtenTypeless),
  ];
}

function notObjects() {
  const table = {
    'null': () => 'null', 'an array': () => '[]', 'an array of it': (json) => `[${json}]`, 'a number': () => '1',
    'zero': () => '0', 'a truth value': () => 'true', 'text': () => '"text"', 'empty text': () => '""',
    'it as text': (json) => JSON.stringify(json), 'an empty object': () => '{}',
  };
  return [
    ...cases('payload is', table, writtenPayload),
    ...cases('header is', table, writtenHeader),
    ...cases('payload without a typ is', table, writtenTypeless),
  ];
}

/** A good token, except for the text of its payload. */
function writtenPayload(now, write) {
  return token(header(), write(JSON.stringify(claims(now))));
}

function writtenHeader(now, write) {
  return token(write(JSON.stringify(header())), claims(now));
}

/** Without typ JWT the SDK parses the payload in another way. */
function writtenTypeless(now, write) {
  return token(header({ typ: undefined }), write(JSON.stringify(claims(now))));
}

function duplicates() {
  const first = (member) => (json) => json.replace('{', `{${member},`);
  const last = (member) => (json) => added(json, member);
  const inClaims = {
    'aud, the first wrong': first('"aud":"other"'),
    'aud, the last wrong': last('"aud":"other"'),
    'aud, both right': first(`"aud":"${PROJECT}"`),
    'iss, the first wrong': first('"iss":"other"'),
    'iss, the last wrong': last('"iss":"other"'),
    'sub, the first another': first('"sub":"somebody-else"'),
    'sub, the last another': last('"sub":"somebody-else"'),
    'exp, the first past': first('"exp":1'),
    'exp, the last past': last('"exp":1'),
    'exp, the last far ahead': last('"exp":9999999999'),
    'aud, once escaped, the first wrong': first('"\\u0061ud":"other"'),
    'aud, once escaped, the last wrong': last('"\\u0061ud":"other"'),
    'a custom claim': last('"role":"user","role":"admin"'),
    'an empty name': last('"":1,"":2'),
    ['__proto__']: last('"__proto__":1,"__proto__":2'),
    'the provider': (json) => json.replace('"sign_in_provider"', '"sign_in_provider":"custom","sign_in_provider"'),
    'deep inside': last('"a":{"b":{"c":{"d":1,"d":2}}}'),
    'inside an array': last('"a":[0,[{"b":1,"b":2}]]'),
    'one name at two depths': last('"a":{"aud":1,"a":{"aud":2}}'),
    'two names that differ in case': last('"AUD":"other"'),
    'two names that are one after normalisation': last('"\u00e9":1,"e\\u0301":2'),
  };
  const inHeader = {
    'alg, the first wrong': first('"alg":"none"'),
    'alg, the last wrong': last('"alg":"none"'),
    'kid, the first a stranger\'s': first(`"kid":"${keys.stranger.kid}"`),
    'kid, the last a stranger\'s': last(`"kid":"${keys.stranger.kid}"`),
    'typ': last('"typ":"JWT"'),
    'an unknown one': last('"x":1,"x":2'),
  };
  return [
    ...cases('twice', inClaims, (now, write) => token(header(), write(JSON.stringify(claims(now))))),
    ...cases('twice in the header', inHeader, (now, write) => token(write(JSON.stringify(header())), claims(now))),
  ];
}

function depths() {
  const arrays = (depth) => (json) => added(json, `"a":${'['.repeat(depth)}${']'.repeat(depth)}`);
  const objects = (depth) => (json) => added(json, `"a":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
  const table = {
    '10 arrays': arrays(10), '31 arrays': arrays(31), '32 arrays': arrays(32), '127 arrays': arrays(127),
    '200 arrays': arrays(200), '5000 arrays': arrays(5000), '31 objects': objects(31), '32 objects': objects(32),
    '1000 objects': objects(1000), '5000 arrays without an end': (json) => added(json, `"a":${'['.repeat(5000)}`),
  };
  const inHeader = { '31 arrays': arrays(31), '32 arrays': arrays(32), '3000 arrays': arrays(3000) };
  return [
    ...cases('depth', table, (now, write) => token(header(), write(JSON.stringify(claims(now))))),
    ...cases('depth in the header', inHeader, (now, write) => token(write(JSON.stringify(header())), claims(now))),
  ];
}

/** The JSON of an object with one more member. */
function added(json, member) {
  return json.replace(/}$/, `,${member}}`);
}

function escaped(text) {
  return `"${[...text].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
}
