// A campaign in figures, for people.

import { WAYS } from './traffic.mjs';

const NAMES = { serve: 'latchkey serve', url: 'functions' };
const VERDICTS = {
  live: 'live tokens, taken',
  expired: 'expired ones, refused as token_expired',
  retired: 'those of a retired key, as token_expired',
  revoked: 'live ones of a revoked key, as token_invalid',
  'revoked and expired': 'expired ones of it, as token_expired',
  'at a turn': 'at the turn from one to another, either',
};

/** The lines of two tables. */
export function report(record) {
  const { ledger, published, live, revocation, kept, made, thefts } = record;
  const of = (what) => WAYS.map((way) => ledger.counted(way, what).join(' of '));
  const verdicts = table([
    ['', ...WAYS.map((way) => NAMES[way])],
    ...Object.entries(VERDICTS).map(([what, name]) => [name, ...of(what)]),
    ['looks at the published keys', ...WAYS.map((way) => published[way].polls)],
    ['longest time between two of them', ...WAYS.map((way) => `${published[way].gapMs} ms`)],
  ]);
  const lasted = Math.round((record.endedAt - record.beganAt) / 1000);
  const seconds = Object.entries(revocation.seconds).map(([what, value]) => `${what} after ${value.toFixed(1)} s`);
  return [
    `${ledger.tokens.length} access tokens in ${lasted} s, by ${made.logins} logins and ${made.refreshes} refreshes, of `
      + `which ${record.failures.length} failed; ${live.least} to ${live.most} live at once while keys were rotated`,
    ...verdicts,
    '',
    ...table([
      ['key', 'what became of it', 'published before its first token', 'tokens'],
      ...record.keys.map((key) => ofKey(record, key)),
    ]),
    '',
    `${kept.back} of ${kept.all} sessions from before the first rotation refreshed after the last end of a key`,
    `${thefts.length} tokens made with stolen keys, taken while the key was and refused as token_invalid after its end`,
    `the signing key revoked, with ${revocation.live} live tokens, and allowed ${revocation.limitSeconds} s:`,
    ...seconds.map((line) => `  ${line}`),
  ];
}

function ofKey({ ledger, published, bootstrap, rotations }, { kid, state }) {
  const tokens = ledger.ofKey(kid);
  const by = rotations.find((rotation) => rotation.kid === kid)?.by;
  const rotated = by ? `, put in force by the ${by}` : '';
  const seconds = tokens.length > 0 ? `${(publishedFor(published, kid, tokens) / 1000).toFixed(1)} s` : '';
  return [kid.slice(0, 8), state + rotated, kid === bootstrap.kid ? 'it is the first' : seconds, tokens.length];
}

/** For how many milliseconds a key had been seen everywhere when the first of its tokens was asked for. */
export function publishedFor(published, kid, tokens) {
  const first = tokens.reduce((least, { sentAt }) => Math.min(least, sentAt), Infinity);
  return first - Math.max(...WAYS.map((way) => published[way].first.get(kid) ?? Infinity));
}

function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows.map((row) => row.map((cell, column) => String(cell).padEnd(widths[column])).join('  ').trimEnd());
}
