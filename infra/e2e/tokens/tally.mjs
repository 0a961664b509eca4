// Counts how often two verifiers agreed, and how often and why ours was the stricter one.

/** Counts for `stricter`, a list of differences, each of which has a name. */
export function tally(stricter) {
  const counts = { accepted: 0, refused: 0 };
  const alone = new Map(stricter.map((entry) => [entry, 0]));
  return {
    agreed: (isAccepted) => { counts[isAccepted ? 'accepted' : 'refused'] += 1; },
    stricter: (entry) => alone.set(entry, alone.get(entry) + 1),
    line: (what) => {
      const reasons = [...alone].map(([entry, count]) => `${entry.what} ${count}`).join(', ');
      const refused = [...alone.values()].reduce((sum, count) => sum + count, 0);
      const { accepted } = counts;
      return `${accepted + counts.refused + refused} ${what}: ${accepted + counts.refused} agreements (${accepted} accepted, `
        + `${counts.refused} refused), ${refused} refused by us alone (${reasons})`;
    },
  };
}

/** The entry of a list of differences for the case of this name. */
export function about(name, list) {
  return list.find(({ cases }) => cases.test(name));
}
