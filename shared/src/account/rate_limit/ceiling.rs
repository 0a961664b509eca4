//! The ceiling: the failures of all unknown callers of one account together.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DELAY_MAX, FORGOTTEN_AFTER, time_until};
use crate::time::Timestamp;

/// The failures of unknown callers, without a success of one, before all of them wait.
pub const FAILURES_MAX: u32 = 100;
/// The failures before those unknown callers wait who have failed at this account already.
///
/// The rest of [`FAILURES_MAX`] is kept for callers that come for the first time. Fifty addresses
/// at full speed therefore cannot keep out an owner who comes from a new address.
pub const REPEATED_FAILURES_MAX: u32 = 40;
/// The pause between two attempts beyond the ceiling, for all unknown callers together.
const PAUSE: Duration = Duration::from_secs(60);
/// The attempts with that pause. After them the pause is the longest delay. A hundred failures and
/// one attempt a minute would be 160 guesses in an hour; with this bound there are 108.
const PAUSES: u32 = 5;

/// The failures of the unknown callers of one account, as the store keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// The number of failures below the ceiling.
    pub failures: u32,
    /// The time of the last of them.
    pub last_at: Timestamp,
    /// The number of attempts beyond the ceiling.
    #[serde(default)]
    pub slow: u32,
    /// The time of the last of them.
    #[serde(default)]
    pub slow_at: Option<Timestamp>,
}

impl Ceiling {
    /// The ceiling for a caller: lower for one that has failed already.
    pub fn max(has_failed: bool) -> u32 {
        if has_failed { REPEATED_FAILURES_MAX } else { FAILURES_MAX }
    }

    /// Whether a caller that has failed already, or not, must share the attempts beyond the
    /// ceiling.
    pub fn is_reached(&self, has_failed: bool, now: Timestamp) -> bool {
        self.failures >= Self::max(has_failed) && !self.is_forgotten(now)
    }

    /// The time that such a caller must still wait. `None` if it may go on.
    pub fn wait(&self, has_failed: bool, now: Timestamp) -> Option<Duration> {
        if !self.is_reached(has_failed, now) {
            return None;
        }
        let pause = if self.slow < PAUSES { PAUSE } else { DELAY_MAX };
        // The clock of the process that counted may be ahead.
        time_until(self.slow_at.unwrap_or(self.last_at) + pause, now).map(|wait| wait.min(pause))
    }

    /// Whether the last failure is so old that none counts any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        now >= self.slow_at.map_or(self.last_at, |slow_at| slow_at.max(self.last_at)) + FORGOTTEN_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn failed(failures: u32) -> Ceiling {
        Ceiling { failures, last_at: NOW, slow: 0, slow_at: None }
    }

    #[test]
    fn a_hundred_failures_are_the_most_and_forty_for_a_caller_that_failed_before() {
        for (failures, has_failed, waits) in
            [(99, false, false), (100, false, true), (39, true, false), (40, true, true)]
        {
            let expected = waits.then_some(Duration::from_secs(60));
            assert_eq!(failed(failures).wait(has_failed, NOW), expected, "{failures} {has_failed}");
        }
    }

    #[test]
    fn an_hour_has_at_most_a_hundred_and_ten_guesses() {
        let (mut ceiling, mut now, mut guesses) = (failed(FAILURES_MAX), NOW, FAILURES_MAX);
        loop {
            let wait = ceiling.wait(false, now).unwrap_or_default();
            now = now + wait;
            if now >= NOW + Duration::from_secs(3_600) {
                break;
            }
            ceiling = Ceiling { slow: ceiling.slow + 1, slow_at: Some(now), ..ceiling };
            guesses += 1;
        }
        assert_eq!(guesses, 108);
    }

    #[test]
    fn a_day_without_a_failure_ends_it() {
        let day = NOW + FORGOTTEN_AFTER;
        assert!(failed(100).is_forgotten(day) && failed(100).wait(false, day).is_none());
        let slow = Ceiling { slow: 1, slow_at: Some(day), ..failed(100) };
        assert_eq!(slow.wait(false, day), Some(PAUSE));
    }
}
