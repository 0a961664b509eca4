//! Limits: how often somebody may guess, whatever they guess at, and what an address may do.
//!
//! Whoever guesses at an account is counted by the account, known or not, so that many addresses help nobody. A client that
//! logged in before is counted by itself, so that strangers cannot delay it. Nobody is ever locked out: a delay ends by itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How many consecutive failures cost nobody any time.
pub const FREE_FAILURES: u32 = 5;
/// The delay after the last free failure; each further failure doubles it.
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// The longest delay.
const DELAY_MAX: Duration = Duration::from_secs(15 * 60);
/// Failures are forgotten after a day without another. By then a guesser with the longest delay would have had 96 guesses, so that
/// the free ones after it are no gain.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Consecutive failures, as the store keeps them. A success ends the series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// How many.
    pub failures: u32,
    /// When the last one was.
    pub last_at: Timestamp,
}

impl Failures {
    /// The series with one more failure at `now`.
    pub fn with_another(before: Option<Self>, now: Timestamp) -> Self {
        let failures = before.filter(|before| !before.is_forgotten(now)).map_or(0, |before| before.failures);
        Self { failures: failures.saturating_add(1), last_at: now }
    }

    /// How long the next attempt has to wait, if it has to.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let open_at = self.last_at + self.delay();
        let left = u64::try_from(open_at.milliseconds() - now.milliseconds()).ok().filter(|left| *left > 0)?;
        // Another process's clock may be ahead.
        Some(Duration::from_millis(left).min(DELAY_MAX))
    }

    /// Whether attempts are let through one at a time, each of them after its delay.
    pub fn are_many(&self, now: Timestamp) -> bool {
        self.failures >= FREE_FAILURES && !self.is_forgotten(now)
    }

    fn delay(&self) -> Duration {
        match self.failures.checked_sub(FREE_FAILURES) {
            None => Duration::ZERO,
            Some(further) => DELAY_FIRST.saturating_mul(2_u32.saturating_pow(further)).min(DELAY_MAX),
        }
    }

    /// Whether it is so old that it counts no more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        now >= self.last_at + FORGOTTEN_AFTER
    }
}

/// What an address may do so many times in a window of time. Windows follow each other; the count is of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The word for it in the store's keys.
    pub name: &'static str,
    /// How many times.
    pub max: u32,
    /// How long a window is.
    pub window: Duration,
}

/// Failed logins of an address. Builders and companies have hundreds of people behind one, a few of whom mistype at any time; who
/// tries one password on many accounts gets no further than these.
pub const FAILED_LOGINS: Quota = Quota { name: "failed-logins", max: 300, window: Duration::from_secs(15 * 60) };

/// New accounts of an address: a lecture hall signs up within minutes, and a script is done after these.
pub const SIGN_UPS: Quota = Quota { name: "sign-ups", max: 500, window: Duration::from_secs(60 * 60) };

impl Quota {
    /// The number of the window that `now` is in, and when it ends.
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
    fn a_clock_that_is_ahead_delays_nobody_for_longer_than_the_longest_delay() {
        let ahead = Failures { failures: 15, last_at: NOW + Duration::from_secs(86_400) };
        assert_eq!(ahead.wait(NOW), Some(DELAY_MAX));
    }

    #[test]
    fn a_series_grows_by_one_and_is_forgotten_after_a_day() {
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
