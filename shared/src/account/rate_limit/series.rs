//! The series of one caller at one account: failures in a row, and logins in an hour.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DELAY_MAX, FORGOTTEN_AFTER, LOGINS, time_until};
use crate::time::Timestamp;

/// The number of failures in a row before attempts must wait.
pub const FREE_FAILURES: u32 = 5;
/// The delay after the last free failure; each further failure doubles it.
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// The time after a login in which its address is a known caller of the account. A session lasts as
/// long by default, so that an owner who is still logged in is known.
pub const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The record of one caller at one account. A success resets the failures of this caller alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// The number of failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// The time of the last failure, if there is one.
    #[serde(default)]
    pub last_at: Option<Timestamp>,
    /// The time of the last login, where the address of a login is remembered.
    #[serde(default)]
    pub known_at: Option<Timestamp>,
    /// The number of the hour that `logins` counts, as [`Quota::window_at`](super::Quota) has it.
    #[serde(default)]
    pub hour: i64,
    /// The number of logins in that hour.
    #[serde(default)]
    pub logins: u32,
}

impl Series {
    /// Whether the record is one that this service writes.
    pub fn is_sound(&self) -> bool {
        (self.failures == 0) == self.last_at.is_none()
    }

    /// The number of failures that still count at `now`.
    pub fn failures_at(&self, now: Timestamp) -> u32 {
        if self.last_at.is_some_and(|last_at| now < last_at + FORGOTTEN_AFTER) { self.failures } else { 0 }
    }

    /// Whether this caller logged in not long ago.
    pub fn is_known(&self, now: Timestamp) -> bool {
        self.known_at.is_some_and(|known_at| now < known_at + KNOWN_FOR)
    }

    /// Whether attempts must go one at a time, each after its delay.
    pub fn has_many_failures(&self, now: Timestamp) -> bool {
        self.failures_at(now) >= FREE_FAILURES
    }

    /// The time that the next attempt must still wait. `None` if it may go on.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let by_failures = self.last_at.and_then(|last_at| {
            // The clock of the process that counted may be ahead.
            time_until(last_at + delay(self.failures), now).map(|wait| wait.min(DELAY_MAX))
        });
        by_failures.max(self.wait_for_logins(now))
    }

    /// The time to the next hour, if this caller logged in too often in this one.
    pub fn wait_for_logins(&self, now: Timestamp) -> Option<Duration> {
        let (hour, ends_at) = LOGINS.window_at(now);
        if self.hour == hour && self.logins >= LOGINS.max { time_until(ends_at, now) } else { None }
    }
}

/// The delay after so many failures in a row.
fn delay(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(further) => DELAY_FIRST.saturating_mul(2_u32.saturating_pow(further)).min(DELAY_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn after(milliseconds: u64) -> Timestamp {
        NOW + Duration::from_millis(milliseconds)
    }

    fn failed(failures: u32) -> Series {
        Series { failures, last_at: Some(NOW), ..Series::default() }
    }

    #[test]
    fn five_failures_are_free_and_then_the_delay_doubles_from_a_second_to_a_quarter_of_an_hour() {
        let delays: Vec<u64> = (1..=18).map(|times| failed(times).wait(NOW).map_or(0, |wait| wait.as_secs())).collect();
        assert_eq!(delays, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
        assert_eq!(failed(u32::MAX).wait(NOW), Some(DELAY_MAX));
    }

    #[test]
    fn a_delay_ends_at_its_very_millisecond() {
        assert_eq!(failed(5).wait(after(999)), Some(Duration::from_millis(1)));
        assert_eq!(failed(5).wait(after(1_000)), None);
        assert_eq!(failed(4).wait(NOW), None);
    }

    #[test]
    fn a_clock_that_is_ahead_delays_nobody_beyond_the_longest_delay() {
        let ahead = Series { last_at: Some(NOW + Duration::from_secs(86_400)), ..failed(15) };
        assert_eq!(ahead.wait(NOW), Some(DELAY_MAX));
    }

    #[test]
    fn failures_are_forgotten_after_a_day_and_a_known_address_after_thirty() {
        assert!(failed(5).has_many_failures(after(86_399_999)) && !failed(4).has_many_failures(NOW));
        assert_eq!(failed(5).failures_at(after(86_400_000)), 0);
        let known = Series { known_at: Some(NOW), ..Series::default() };
        let ends = NOW + KNOWN_FOR;
        assert!(known.is_known(NOW) && !known.is_known(ends) && !failed(5).is_known(NOW));
    }

    #[test]
    fn six_hundred_logins_in_an_hour_are_the_most_and_the_next_hour_starts_anew() {
        let (hour, ends_at) = LOGINS.window_at(NOW);
        let of = |hour, logins| Series { hour, logins, ..Series::default() };
        assert_eq!(of(hour, 599).wait(NOW), None);
        assert_eq!(of(hour, 600).wait(NOW), time_until(ends_at, NOW));
        assert_eq!(of(hour, 600).wait(ends_at), None);
    }

    #[test]
    fn a_count_without_a_time_is_not_sound() {
        assert!(failed(1).is_sound() && Series::default().is_sound());
        assert!(!Series { last_at: None, ..failed(1) }.is_sound());
    }
}
