// Somebody who has read the secret with the key set once, and signs with what was in it.

import { decodeJwt } from '../support.mjs';
import { part, sealed } from '../tokens/minting.mjs';
import { WAYS } from './traffic.mjs';

/**
 * Gives what signs with the key of an id the claims of the newest token of `ledger`, and notes in `tries` what each
 * way says of that.
 */
export function thief(keySet, ledger, traffic) {
  const { keys } = JSON.parse(keySet);
  const steal = async (kid) => {
    const claims = decodeJwt(ledger.tokens.at(-1).token).payload;
    const { private_key: privateKey } = keys.find((key) => key.kid === kid);
    const token = sealed(part({ alg: 'RS256', typ: 'at+jwt', kid }), part(claims), { key: { privateKey } });
    for (const way of WAYS) steal.tries.push({ kid, way, verdict: await traffic.verdict(token, way) });
  };
  steal.tries = [];
  return steal;
}
