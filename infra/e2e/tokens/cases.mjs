// Every ID token, and everything that somebody might take for one.

import { claimCases } from './claims.mjs';
import { encodingCases } from './encodings.mjs';
import { headerCases } from './headers.mjs';
import { jsonCases } from './json.mjs';
import { kindCases } from './kinds.mjs';
import { signatureCases } from './signatures.mjs';
import { timeCases } from './times.mjs';

/** By the time they make a token, cases know of their world `own`, a session of the service, and `trap`, an address. */
export function idTokenCases(world) {
  return [
    ...claimCases(), ...timeCases(), ...headerCases(world), ...signatureCases(), ...encodingCases(), ...jsonCases(),
    ...kindCases(world),
  ];
}
