// How often two agreed, and how often and why we were the stricter one.

/** `stricter` are entries of a list of differences, each with what it is about. */
export function tally(stricter) {
  const counts = { taken: 0, refused: 0 };
  const alone = new Map(stricter.map((entry) => [entry, 0]));
  return {
    agreed: (taken) => { counts[taken ? 'taken' : 'refused'] += 1; },
    stricter: (entry) => alone.set(entry, alone.get(entry) + 1),
    line: (what) => {
      const reasons = [...alone].map(([entry, count]) => `${entry.what} ${count}`).join(', ');
      const refused = [...alone.values()].reduce((sum, count) => sum + count, 0);
      const { taken } = counts;
      return `${taken + counts.refused + refused} ${what}: ${taken + counts.refused} agreements (${taken} taken, `
        + `${counts.refused} refused), ${refused} refused by us alone (${reasons})`;
    },
  };
}

/** The entry of a list of differences that is about the case of this name. */
export function about(name, list) {
  return list.find(({ cases }) => cases.test(name));
}
