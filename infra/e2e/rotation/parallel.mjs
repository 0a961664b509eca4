// Many things at once, but not too many; and waiting.

import { setTimeout as sleep } from 'node:timers/promises';

/** What `act` makes of each, in their order, by so many at a time. */
export async function inParallel(workers, all, act) {
  const results = Array(all.length);
  let next = 0;
  const work = async () => {
    while (next < all.length) {
      const index = next;
      next += 1;
      results[index] = await act(all[index]);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return results;
}

/** So many of what `make` makes of a number. */
export function several(count, make) {
  return inParallel(4, [...Array(count).keys()], make);
}

export function sleepUntil(time) {
  return sleep(Math.max(0, time - Date.now()));
}
