//! The counts of the clients.

use std::collections::BTreeMap;

use crate::invariants::Checks;

/// The counts of one client, or of all.
#[derive(Debug, Default)]
pub struct Counts {
    /// Every answer during the faults.
    pub answers: Checks,
    /// Every acknowledged write, checked afterwards.
    pub acknowledged: Checks,
    /// Every create with an idempotency key.
    pub creates: Checks,
    statuses: BTreeMap<u16, usize>,
    operations: BTreeMap<&'static str, (usize, usize)>,
}

impl Counts {
    /// Counts the status of an answer.
    pub fn status(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Counts an operation, and whether it succeeded in the end.
    pub fn operation(&mut self, kind: &'static str, done: bool) {
        let (started, succeeded) = self.operations.entry(kind).or_default();
        *started += 1;
        *succeeded += usize::from(done);
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: Self) {
        self.answers.add(other.answers);
        self.acknowledged.add(other.acknowledged);
        self.creates.add(other.creates);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (kind, (started, succeeded)) in other.operations {
            let sum = self.operations.entry(kind).or_default();
            *sum = (sum.0 + started, sum.1 + succeeded);
        }
    }

    /// The number of operations.
    pub fn started(&self) -> usize {
        self.operations.values().map(|(started, _)| started).sum()
    }

    /// The number of operations that succeeded.
    pub fn succeeded(&self) -> usize {
        self.operations.values().map(|(_, succeeded)| succeeded).sum()
    }

    /// The number of answers with this status.
    pub fn count(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    /// The answers by status, as in `200: 12, 503: 3`.
    pub fn statuses(&self) -> String {
        let counts: Vec<String> = self.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        counts.join(", ")
    }

    /// The failed operations by kind, as in `3 of 40 create`.
    pub fn failures(&self) -> String {
        let failed = self.operations.iter().filter(|(_, (started, succeeded))| started > succeeded);
        let failed: Vec<String> =
            failed.map(|(kind, (started, succeeded))| format!("{} of {started} {kind}", started - succeeded)).collect();
        if failed.is_empty() { "none".to_owned() } else { failed.join(", ") }
    }
}
