//! Points in time, as the records and the tokens hold them.

use std::{
    ops::Add,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

/// The first second that has no date here: RFC 3339 has years of four digits.
pub const YEAR_10000: i64 = 253_402_300_800;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time at these milliseconds since the Unix epoch.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// The time at these seconds since the Unix epoch, JWT's `NumericDate` (RFC 7519 section 2).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time without its fraction of a second, so that a token and an answer say the same time.
    pub const fn floor(self) -> Self {
        Self::from_seconds(self.seconds())
    }

    /// The time as `2026-05-27T15:00:00Z` (RFC 3339, whole seconds, UTC).
    pub fn rfc3339(self) -> String {
        self.date().format(&Rfc3339).unwrap_or_default()
    }

    /// The time as `2026-05-27 15:00:00 UTC`, for people.
    pub fn readable(self) -> String {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
        self.date().format(format).unwrap_or_default()
    }

    /// The date in UTC. A time outside the years 0–9999 is shown as the epoch: no rule here accepts
    /// such a time.
    fn date(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.seconds())
            .ok()
            .filter(|date| date.year() >= 0)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_and_whole_seconds() {
        let time = Timestamp::from_milliseconds(1_779_894_000_999);
        assert_eq!(time.rfc3339(), "2026-05-27T15:00:00Z");
        assert_eq!(time.readable(), "2026-05-27 15:00:00 UTC");
        assert_eq!(time.seconds(), 1_779_894_000);
    }

    #[test]
    fn absurd_times_do_not_panic() {
        for milliseconds in [i64::MIN, -1, i64::MAX] {
            let time = Timestamp::from_milliseconds(milliseconds) + Duration::MAX;
            assert!(!time.rfc3339().is_empty());
        }
    }
}
