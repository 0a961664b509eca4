//! The results of a campaign.

use std::sync::Arc;

use super::{
    ledger::Ledger,
    published::Published,
    revocation::Revocation,
    times::{Form, Rotator},
};
use crate::{deployment::Way, latchkey::Key};

/// The results of a campaign that came to its end.
pub struct Record {
    /// Its form.
    pub form: &'static Form,
    /// The tokens and the verdicts.
    pub ledger: Arc<Ledger>,
    /// The published keys.
    pub published: Published,
    /// The failed requests that had to succeed.
    pub failures: Vec<String>,
    /// The number of logins.
    pub logins: usize,
    /// The number of refreshes.
    pub refreshes: usize,
    /// The duration, in milliseconds.
    pub lasted_ms: i64,
    /// The key that signed at first.
    pub bootstrap: String,
    /// The live tokens while keys were rotated.
    pub live: Live,
    /// The rotations.
    pub rotations: Vec<Rotation>,
    /// The revocation.
    pub revocation: Revocation,
    /// The number of live tokens of the key that was revoked.
    pub revoked_live: usize,
    /// The superseded keys, and the times of their ends.
    pub retired: Vec<(String, i64)>,
    /// The verdicts on tokens of a thief: the key, the way, and the verdict there.
    pub forged: Vec<(String, Way, String)>,
    /// The sessions that rested.
    pub resting: Resting,
    /// The keys at the end.
    pub keys: Vec<Key>,
}

/// The number of live tokens, counted from time to time.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// The least number, while the number must be enough.
    pub least: usize,
    /// The most.
    pub most: usize,
    /// Whether the number must be enough now.
    pub holds: bool,
}

impl Live {
    /// Adds a sample.
    pub fn sample(&mut self, count: usize) {
        self.most = self.most.max(count);
        if self.holds {
            self.least = self.least.min(count);
        }
    }
}

/// A rotation.
#[derive(Debug)]
pub struct Rotation {
    /// The rotator.
    pub by: Rotator,
    /// The time when the rotation began.
    pub began_at: i64,
    /// The key that the rotation puts in force.
    pub kid: String,
    /// The time from which the key signs.
    pub signs_at: i64,
}

/// Sessions from before the first rotation.
#[derive(Debug)]
pub struct Resting {
    /// All of them.
    pub all: usize,
    /// The sessions that went on after the last end of a key.
    pub back: usize,
    /// The requests that failed.
    pub failures: Vec<String>,
}
