// The end of the key that signs, and how long it takes until everybody knows.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { ringAgeMs } from './times.mjs';

/** Beside how old a process's keys may get: one more fetch, on a busy machine. */
const SLACK_MS = 2_000;
const PACE_MS = 50;

/**
 * Revokes it. `looks` are given the key and its heir, and give names and questions; each is asked until the answer is
 * yes, or since when. `begins` and `ends` are told from when on, and until when at the latest, some know and some do
 * not.
 */
export async function revoke({ keys, times, looks, begins = () => {}, ends = () => {}, paceMs = PACE_MS }) {
  const found = await keys.list();
  const [kid, heir] = ['signing', 'next'].map((wanted) => {
    const key = found.find(({ state }) => state === wanted);
    assert.ok(key, `no key is ${wanted}: ${JSON.stringify(found)}`);
    return key.kid;
  });
  const limitMs = ringAgeMs(times) + SLACK_MS;

  begins(Date.now());
  await keys.do('revoke', kid);
  const doneAt = Date.now();
  ends(doneAt + limitMs);

  const untilSo = async ([what, isSo]) => {
    for (;;) {
      const askedAt = Date.now();
      const since = await isSo();
      if (since) return [what, Math.max(0, (since === true ? askedAt : since) - doneAt) / 1000];
      if (askedAt > doneAt + 2 * limitMs) return [what, Infinity];
      await sleep(paceMs);
    }
  };
  const seconds = Object.fromEntries(await Promise.all(looks({ kid, heir }).map(untilSo)));
  await sleep(Math.max(0, doneAt + limitMs - Date.now()));
  return { kid, heir, limitSeconds: limitMs / 1000, seconds, until: doneAt + limitMs };
}
