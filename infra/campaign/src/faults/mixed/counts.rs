//! What the clients counted.

use std::collections::BTreeMap;

use crate::invariants::Checks;

/// Counts of one client, or of all.
#[derive(Debug, Default)]
pub struct Counts {
    /// Every answer while the faults were on.
    pub answers: Checks,
    /// Every acknowledged write, as it was looked for afterwards.
    pub acknowledged: Checks,
    /// Every create under an idempotency key.
    pub creates: Checks,
    statuses: BTreeMap<u16, usize>,
    operations: BTreeMap<&'static str, (usize, usize)>,
}

impl Counts {
    /// Counts the status of an answer.
    pub fn status(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Counts an operation, and whether it was done in the end.
    pub fn operation(&mut self, kind: &'static str, done: bool) {
        let (asked, succeeded) = self.operations.entry(kind).or_default();
        *asked += 1;
        *succeeded += usize::from(done);
    }

    /// Takes another's in.
    pub fn add(&mut self, other: Self) {
        self.answers.add(other.answers);
        self.acknowledged.add(other.acknowledged);
        self.creates.add(other.creates);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (kind, (asked, succeeded)) in other.operations {
            let sum = self.operations.entry(kind).or_default();
            *sum = (sum.0 + asked, sum.1 + succeeded);
        }
    }

    /// How many operations there were.
    pub fn asked(&self) -> usize {
        self.operations.values().map(|(asked, _)| asked).sum()
    }

    /// How many of them were done.
    pub fn succeeded(&self) -> usize {
        self.operations.values().map(|(_, succeeded)| succeeded).sum()
    }

    /// How many answers had this status.
    pub fn count(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    /// `200: 12, 503: 3`.
    pub fn statuses(&self) -> String {
        let counts: Vec<String> = self.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        counts.join(", ")
    }

    /// `3 of 40 create, …`, of what was not done every time.
    pub fn failures(&self) -> String {
        let failed = self.operations.iter().filter(|(_, (asked, succeeded))| asked > succeeded);
        let failed: Vec<String> =
            failed.map(|(kind, (asked, succeeded))| format!("{} of {asked} {kind}", asked - succeeded)).collect();
        if failed.is_empty() { "none".to_owned() } else { failed.join(", ") }
    }
}
