// All cases: ID tokens, and everything that a verifier might mistake for one.

import { claimCases } from './claims.mjs';
import { encodingCases } from './encodings.mjs';
import { headerCases } from './headers.mjs';
import { jsonCases } from './json.mjs';
import { kindCases } from './kinds.mjs';
import { signatureCases } from './signatures.mjs';
import { timeCases } from './times.mjs';

/**
 * Before a case makes its token, `world` has `own`, a session of the service, and `trap`, a URL.
 */
export function idTokenCases(world) {
  return [
    ...claimCases(), ...timeCases(), ...headerCases(world), ...signatureCases(), ...encodingCases(), ...jsonCases(),
    ...kindCases(world),
  ];
}
