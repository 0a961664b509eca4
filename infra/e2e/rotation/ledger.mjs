// Every access token that was made in a campaign, and whether each verdict on one is the right one for its moment.

import { decodeJwt } from '../support.mjs';

/** What /verify must say, by what has become of a token. */
const VERDICTS = {
  live: 'taken',
  expired: 'token_expired',
  // An app refreshes when it hears that its token has expired, and every token of such a key has.
  retired: 'token_expired',
  revoked: 'token_invalid',
  'revoked and expired': 'token_expired',
};
const SHOWN_MAX = 10;

/**
 * Times are in milliseconds. `ask` gives the code of a verdict on a token, which expires by `skew` later than it
 * says.
 */
export function openLedger(ask, skew) {
  const tokens = [];
  const keys = new Map();
  const counts = new Map();
  const wrong = [];
  let expiring = 0;

  function key(kid) {
    if (!keys.has(kid)) keys.set(kid, {});
    return keys.get(kid);
  }

  /** What has become of the token at that moment: while a revocation spreads, nobody can tell. */
  function phase({ kid, expiresAt }, time) {
    const { retiredAt = Infinity, revokedFrom = Infinity, revokedUntil = Infinity } = key(kid);
    const expired = time >= expiresAt + skew;
    if (time >= revokedUntil) return expired ? 'revoked and expired' : 'revoked';
    if (time >= revokedFrom) return 'revoking';
    if (time >= retiredAt) return 'retired';
    return expired ? 'expired' : 'live';
  }

  function count(way, what, isRight) {
    const name = `${way} ${what}`;
    const { right, all } = counts.get(name) ?? { right: 0, all: 0 };
    counts.set(name, { right: right + (isRight ? 1 : 0), all: all + 1 });
  }

  return {
    tokens,
    key,

    /** Enters a token that came with the answer to a request; it was made between both times. */
    enter(token, way, sentAt, gotAt) {
      const { header, payload } = decodeJwt(token);
      const entry = { token, kid: header.kid, way, sentAt, gotAt, expiresAt: payload.exp * 1000, seen: {} };
      tokens.push(entry);
      return entry;
    },

    /**
     * Has the token judged, and holds the verdict against what had become of it when the question left and the answer
     * came.
     */
    async check(entry, way) {
      const sentAt = Date.now();
      const verdict = await ask(entry.token, way);
      const gotAt = Date.now();
      const [before, after] = [phase(entry, sentAt), phase(entry, gotAt)];
      if (before !== after || before === 'revoking') {
        count(way, 'at a turn', true);
        return verdict;
      }
      const isRight = verdict === VERDICTS[before];
      count(way, before, isRight);
      if (isRight) entry.seen[`${way} ${before}`] = true;
      else wrong.push({ way, before, verdict, kid: entry.kid, life: (entry.expiresAt - sentAt) / 1000 });
      return verdict;
    },

    /** How many live ones there are now. */
    liveCount() {
      const now = Date.now();
      // Those of one life expire in the order in which they were made, but for some requests that overtook each
      // other.
      while (expiring < tokens.length && phase(tokens[expiring], now) === 'expired') expiring += 1;
      let live = 0;
      for (let index = expiring; index < tokens.length; index += 1) {
        if (phase(tokens[index], now) === 'live') live += 1;
      }
      return live;
    },

    live() {
      const now = Date.now();
      return tokens.filter((entry) => phase(entry, now) === 'live');
    },

    ofKey: (kid) => tokens.filter((entry) => entry.kid === kid),

    /** [right, all] of the verdicts at `way` on tokens of which that has become. */
    counted(way, what) {
      const { right, all } = counts.get(`${way} ${what}`) ?? { right: 0, all: 0 };
      return [right, all];
    },

    /** The wrong ones. */
    explain: () => `${wrong.length} wrong verdicts, such as ${JSON.stringify(wrong.slice(0, SHOWN_MAX), null, 1)}`,
  };
}
