//! Rate limits: delays after wrong passwords, and quotas for each IP address.
//!
//! Failures are counted for each account, even for an account that does not exist. Guesses from
//! many IP addresses therefore gain nothing. A client that logged in before has a failure counter
//! of its own, so that strangers cannot delay it. Nobody is ever locked out: each delay ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The number of failures in a row before attempts must wait.
pub const FREE_FAILURES: u32 = 5;
/// The delay after the last free failure; each further failure doubles it.
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// The longest delay.
const DELAY_MAX: Duration = Duration::from_secs(15 * 60);
/// A failure counter is forgotten after a day without another failure. An attacker who waits out
/// the longest delay each time has 96 guesses in a day, so five free ones are no gain.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Consecutive failures, as the store keeps them. A success resets the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// The number of failures.
    pub failures: u32,
    /// The time of the last failure.
    pub last_at: Timestamp,
}

impl Failures {
    /// The count after one more failure at `now`. It starts anew if `previous` is forgotten.
    pub fn with_another(previous: Option<Self>, now: Timestamp) -> Self {
        let failures = previous.filter(|previous| !previous.is_forgotten(now)).map_or(0, |previous| previous.failures);
        Self { failures: failures.saturating_add(1), last_at: now }
    }

    /// The time that the next attempt must still wait. `None` if it may go on.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let allowed_at = self.last_at + self.delay();
        let wait = u64::try_from(allowed_at.milliseconds() - now.milliseconds()).ok().filter(|wait| *wait > 0)?;
        // The clock of the process that counted may be ahead.
        Some(Duration::from_millis(wait).min(DELAY_MAX))
    }

    /// Whether attempts must go one at a time, each after its delay.
    pub fn are_many(&self, now: Timestamp) -> bool {
        self.failures >= FREE_FAILURES && !self.is_forgotten(now)
    }

    fn delay(&self) -> Duration {
        match self.failures.checked_sub(FREE_FAILURES) {
            None => Duration::ZERO,
            Some(further) => DELAY_FIRST.saturating_mul(2_u32.saturating_pow(further)).min(DELAY_MAX),
        }
    }

    /// Whether the last failure is so old that none counts any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        now >= self.last_at + FORGOTTEN_AFTER
    }
}

/// A limit on how often one IP address may do something within a window of time. Windows follow
/// each other without a gap, and each one has its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The name of the quota in the store's keys.
    pub name: &'static str,
    /// The largest count within one window.
    pub max: u32,
    /// The length of a window.
    pub window: Duration,
}

/// Failed logins of an IP address. A company may have hundreds of people behind one address, and
/// some of them mistype. An attacker who tries one password on many accounts is stopped here.
pub const FAILED_LOGINS: Quota = Quota { name: "failed-logins", max: 300, window: Duration::from_secs(15 * 60) };

/// New accounts of an IP address. A whole lecture hall may sign up within minutes. A script is
/// stopped here.
pub const SIGN_UPS: Quota = Quota { name: "sign-ups", max: 500, window: Duration::from_secs(60 * 60) };

impl Quota {
    /// The number of the window around `now`, and the end of that window.
    pub fn window_at(&self, now: Timestamp) -> (i64, Timestamp) {
        let seconds = i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX).max(1);
        let number = now.seconds().div_euclid(seconds);
        (number, Timestamp::from_seconds(number.saturating_add(1).saturating_mul(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn after(milliseconds: u64) -> Timestamp {
        NOW + Duration::from_millis(milliseconds)
    }

    fn failed(times: u32) -> Failures {
        Failures { failures: times, last_at: NOW }
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
        let ahead = Failures { failures: 15, last_at: NOW + Duration::from_secs(86_400) };
        assert_eq!(ahead.wait(NOW), Some(DELAY_MAX));
    }

    #[test]
    fn a_count_grows_by_one_and_is_forgotten_after_a_day() {
        let next = |before, now| Failures::with_another(before, now).failures;
        assert_eq!(next(None, NOW), 1);
        assert_eq!(next(Some(failed(7)), after(86_399_999)), 8);
        assert_eq!(next(Some(failed(7)), after(86_400_000)), 1);
        assert_eq!(next(Some(failed(u32::MAX)), NOW), u32::MAX);
        assert!(
            failed(5).are_many(after(86_399_999)) && !failed(5).are_many(after(86_400_000)) && !failed(4).are_many(NOW)
        );
    }

    #[test]
    fn windows_follow_each_other_without_a_gap() {
        let quota = Quota { name: "x", max: 1, window: Duration::from_secs(900) };
        let (number, end) = quota.window_at(NOW);
        assert!(end > NOW && end <= NOW + quota.window);
        assert_eq!(quota.window_at(end), (number + 1, end + quota.window));
        assert_eq!(quota.window_at(Timestamp::from_milliseconds(end.milliseconds() - 1)), (number, end));
    }
}
