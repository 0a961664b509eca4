// The signing keys as the tool shows and changes them, and how soon a change is everywhere.

import { doLatchkey } from './support.mjs';

/** Allowed to a slow process, or to a process with another clock, as in `shared/src/keys.rs`. */
const SLACK_SECONDS = 5;
const RING_AGE_SECONDS_MAX = 50;

/** `env` says where they are. */
export function keysOf(env) {
  return { do: (...args) => doLatchkey(['keys', ...args], { env }) };
}

/** The time from a rotation until its key signs. */
export function leadMs(times) {
  return ringAgeMs(times) + (times.JWKS_MAX_AGE_SECONDS + SLACK_SECONDS) * 1000;
}

/** The greatest age of a process's keys. */
export function ringAgeMs({ KEYS_TTL_SECONDS }) {
  return Math.min(KEYS_TTL_SECONDS, RING_AGE_SECONDS_MAX) * 1000;
}
