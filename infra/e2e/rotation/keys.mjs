// The signing keys as the tool shows and changes them.

import { doLatchkey } from '../support.mjs';

/** `env` says where they are. */
export function keysOf(env) {
  return {
    /** Those of access tokens, in the order in which they were made. */
    async list() {
      const keys = JSON.parse(await doLatchkey(['keys', 'list', '--json'], { env }));
      return keys.filter((key) => key.use === 'access');
    },
    do: (...args) => doLatchkey(['keys', ...args], { env }),
  };
}
