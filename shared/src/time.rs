//! Points in time, as the records and the tokens hold them, and the time that an answer takes.

mod response_floor;

use std::{
    ops::Add,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

pub use self::response_floor::{ResponseFloor, pad};

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

    /// The whole second before this one.
    pub const fn floor_before(self) -> Self {
        Self::from_seconds(self.seconds() - 1)
    }

    /// The time as `2026-05-27T15:00:00Z` (RFC 3339, whole seconds, UTC).
    pub fn rfc3339(self) -> String {
        self.date().format(&Rfc3339).unwrap_or_default()
    }

    /// The time as `2026-05-27T15:00:00.123Z` (RFC 3339, UTC). [`Timestamp::parse`] reads the text
    /// again without loss.
    pub fn rfc3339_exact(self) -> String {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        let whole = self.date().format(format).unwrap_or_default();
        format!("{whole}.{:03}Z", self.0.rem_euclid(1000))
    }

    /// Reads a time as other systems write it. The forms are RFC 3339, SQL's
    /// `2026-05-27 15:00:00.123+00`, a date alone, and seconds or milliseconds since the Unix
    /// epoch. A time without an offset is in UTC. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = text.parse().ok()?;
            // Seconds have eleven digits from the year 5138 on, and milliseconds since 1973.
            return Some(if text.len() < 12 { Self::from_seconds(number) } else { Self(number) });
        }
        // Some APIs of AWS write seconds with a fraction.
        if let Some((seconds, fraction)) = text.split_once('.')
            && [seconds, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        {
            let milliseconds: String = fraction.chars().chain("000".chars()).take(3).collect();
            return Some(Self(seconds.parse::<i64>().ok()?.checked_mul(1_000)? + milliseconds.parse::<i64>().ok()?));
        }
        let text = text.strip_suffix(" UTC").unwrap_or(text).replacen(' ', "T", 1).to_ascii_uppercase();
        let (date, clock) = text.split_once('T').unwrap_or((&text, "00:00:00"));
        let clock_end = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
        let (clock, offset) = clock.split_at_checked(clock_end)?;
        let offset = match offset.len() {
            0 => "Z".to_owned(),
            3 => format!("{offset}:00"),
            5 => format!("{}:{}", offset.get(..3)?, offset.get(3..)?),
            _ => offset.to_owned(),
        };
        let time = OffsetDateTime::parse(&format!("{date}T{clock}{offset}"), &Rfc3339).ok()?;
        Some(Self(i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok()?))
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
    fn times_of_other_systems_are_read() {
        let time = Timestamp::from_milliseconds(1_779_894_000_123);
        for text in [
            "2026-05-27T15:00:00.123Z",
            "2026-05-27 15:00:00.123456+00",
            "2026-05-27 15:00:00.123",
            "2026-05-27 17:00:00.123+0200",
            "2026-05-27t10:30:00.123-04:30",
            "2026-05-27 15:00:00.123 UTC",
            "1779894000123",
            "1779894000.123456",
        ] {
            assert_eq!(Timestamp::parse(text), Some(time), "{text}");
        }
        assert_eq!(time.rfc3339_exact(), "2026-05-27T15:00:00.123Z");
        assert_eq!(Timestamp::parse("1779894000"), Some(time.floor()));
        assert_eq!(Timestamp::parse("2026-05-27").unwrap().rfc3339(), "2026-05-27T00:00:00Z");
        for text in ["", "yesterday", "27.05.2026", "2026-13-01", "2026-05-27T25:00:00Z", "2026-05-27 15:00:00 +", "é"]
        {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn absurd_times_do_not_panic() {
        for milliseconds in [i64::MIN, -1, i64::MAX] {
            let time = Timestamp::from_milliseconds(milliseconds) + Duration::MAX;
            assert!(!time.rfc3339().is_empty());
        }
    }
}
