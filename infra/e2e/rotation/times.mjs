// How long everything lasts while keys are rotated. The defaults are too long for a test.

/** What a process that is slow, or whose clock differs, is allowed, as in `shared/src/keys.rs`. */
const SLACK_SECONDS = 5;
const RING_AGE_SECONDS_MAX = 50;

/**
 * A thirtieth of the defaults: a token lives for twelve times as long as others keep the key set, and the overlap is
 * twice that. The keys here are a bit older, as a second is the least.
 */
const LONG = {
  KEYS_TTL_SECONDS: 2,
  JWKS_MAX_AGE_SECONDS: 10,
  ACCESS_TOKEN_TTL_SECONDS: 120,
  KEYS_OVERLAP_SECONDS: 240,
  CLOCK_SKEW_SECONDS: 2,
};
/** The least of each that the configuration takes: a key is retired 80 seconds after the rotation. */
const SHORT = {
  KEYS_TTL_SECONDS: 1,
  JWKS_MAX_AGE_SECONDS: 1,
  ACCESS_TOKEN_TTL_SECONDS: 60,
  KEYS_OVERLAP_SECONDS: 73,
  CLOCK_SKEW_SECONDS: 0,
};

/**
 * The forms of the campaign. From the first rotation until the last key signs, `liveMin` tokens are live at every
 * moment.
 */
export const FORMS = {
  long: {
    variables: LONG, liveMin: 10_000, mintsPerSecond: 100, heldPerSecond: 100, sessions: 40, kept: 40, minters: 8,
    // By whom the keys are rotated, and how long after the one before.
    rotations: [['function', 0], ['tool', 3], ['function', 45]],
  },
  short: {
    variables: SHORT, liveMin: 500, mintsPerSecond: 150, heldPerSecond: 40, sessions: 10, kept: 10, minters: 4,
    rotations: [['function', 0], ['tool', 1.5]],
  },
};

/** From a rotation until its key signs. */
export function leadMs({ KEYS_TTL_SECONDS = 300, JWKS_MAX_AGE_SECONDS = 300 }) {
  return ringAgeMs({ KEYS_TTL_SECONDS }) + (JWKS_MAX_AGE_SECONDS + SLACK_SECONDS) * 1000;
}

/** How old a process's keys may get. */
export function ringAgeMs({ KEYS_TTL_SECONDS = 300 }) {
  return Math.min(KEYS_TTL_SECONDS, RING_AGE_SECONDS_MAX) * 1000;
}
