// ID tokens with one wrong time.

import { NO_VALUE, at, cases, claims, header, token, withClaims } from './minting.mjs';

const HOUR = 3600;
const YEAR = 365 * 24 * HOUR;
/** The first second whose year has five digits. */
const YEAR_10000 = 253_402_300_800;

export function timeCases() {
  return [...exp(), ...past('iat'), ...past('auth_time'), ...past('nbf')];
}

function exp() {
  const table = {
    ...timesOf(notSeconds),
    ...outOfRange((now) => now + HOUR),
    'in a year': (now) => now + YEAR,
    'in a minute': (now) => now + 60,
    'the last second of year 9999': YEAR_10000 - 1,
    'the first second of year 10000': YEAR_10000,
    'in milliseconds': (now) => (now + HOUR) * 1000,
    'the largest safe integer': Number.MAX_SAFE_INTEGER,
    'the largest of 64 bits': JSON.rawJSON('9223372036854775807'),
    'beyond 64 bits': JSON.rawJSON('18446744073709551616'),
    'a googol': 1e100,
    'more than any number': JSON.rawJSON('1e400'),
    zero: 0,
    one: 1,
    'less than zero': -1,
    'less than zero by far': (now) => -now,
    'less than any number': JSON.rawJSON('-1e400'),
    'a minute ago': (now) => now - 60,
    'a day ago': (now) => now - 24 * HOUR,
    'a fraction of a day ago': (now) => now - 24 * HOUR + 0.5,
  };
  return [
    ...cases('exp', table, (now, row) => withClaims(now, { exp: at(now, row) })),
    ...atTheSecond('exp', { 'a second ago': -1, 'this very second': 0, 'the next second': 1 }),
    ...cases('expired', expiredAndMore(), (now, row) => withClaims(now, { exp: now - 60, ...at(now, row) })),
    ...cases('expired', { 'with a wrong signature': 0 }, (now) => forge(withClaims(now, { exp: now - 60 }))),
    ...cases('expired', { 'with an empty kid': { kid: '' } }, (now, changes) => (
      token(header(changes), claims(now, { exp: now - 60 }))
    )),
  ];
}

/** Tokens that are expired and wrong in another way too: which of the two is reported? */
function expiredAndMore() {
  return {
    'for another project': { aud: 'acme-login-staging' },
    'with a time of issue to come': (now) => ({ iat: now + HOUR }),
    'with a sign-in to come': (now) => ({ auth_time: now + HOUR }),
    'with a beginning to come': (now) => ({ nbf: now + HOUR }),
    'without a time of issue': { iat: undefined },
    'without a sign-in': { auth_time: undefined },
  };
}

/** Good and bad values for a time that must not be in the future. */
function past(claim) {
  const table = {
    ...timesOf(notSeconds),
    ...outOfRange((now) => now - HOUR),
    'a year ago': (now) => now - YEAR,
    zero: 0,
    one: 1,
    'less than zero': -1,
    'less than zero by far': JSON.rawJSON('-9223372036854775809'),
    'in a minute': (now) => now + 60,
    'in a year': (now) => now + YEAR,
    'in milliseconds': (now) => now * 1000,
    'a fraction, to come': (now) => now + HOUR + 0.5,
    'beyond 64 bits': JSON.rawJSON('18446744073709551616'),
    'the first second of year 10000': YEAR_10000,
  };
  return [
    ...cases(claim, table, (now, row) => withClaims(now, { [claim]: at(now, row) })),
    ...atTheSecond(claim, { 'this very second': 0, 'the next second': 1 }),
  ];
}

function notSeconds(now) {
  return {
    ...NO_VALUE,
    'empty text': '',
    false: false,
    'text of digits': String(now),
    'a date as text': new Date(now * 1000).toISOString(),
    'an array of it': [now],
  };
}

/** Values that are no whole number of seconds, although they are on the good side of now. */
function outOfRange(good) {
  return {
    'a fraction': (now) => good(now) + 0.5,
    'a whole number with a fraction of nothing': (now) => JSON.rawJSON(`${good(now)}.0`),
    'a whole number with an exponent': (now) => JSON.rawJSON(`${good(now)}e0`),
  };
}

/** Tokens that are good only if both judge them within the second of their making. */
function atTheSecond(claim, table) {
  return cases(claim, table, (now, ahead) => withClaims(now, { [claim]: now + ahead }), { exact: true });
}

function timesOf(table) {
  return Object.fromEntries(Object.keys(table(0)).map((name) => [name, (now) => table(now)[name]]));
}

/** The same token with one changed letter in the middle of its signature. */
function forge(good) {
  const at = good.length - 100;
  return good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
}
