//! Quotas: how often one IP address may do something within a window of time.

use std::time::Duration;

use crate::time::Timestamp;

/// The factor by which a quota grows from a /64 to its /56, and from that to its /48. A provider
/// may have many customers in a /48, each with a /64.
const GROWTH: u32 = 4;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A limit on how often one IP address may do something within a window of time. Windows follow
/// each other without a gap, and each one has its own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The name of the quota in the store's keys.
    pub name: &'static str,
    /// The largest count within one window.
    pub max: u32,
    /// The count at which even those are refused who may go beyond `max`. The rule of each quota
    /// says who may.
    pub hard_max: u32,
    /// The length of a window.
    pub window: Duration,
}

/// Failed logins of an IP address. A company may have hundreds of people behind one address, and
/// some of them mistype. An attacker who tries one password on many accounts is stopped here.
///
/// Beyond `max`, an address has one attempt at each account. A right password still gets in, and a
/// wrong one is told the quota. Beyond `hard_max` no unknown caller gets in.
pub const FAILED_LOGINS: Quota =
    Quota { name: "failed-logins", max: 300, hard_max: 3_000, window: Duration::from_secs(15 * 60) };

/// New accounts of an IP address. A whole lecture hall may sign up within minutes. A script is
/// stopped here.
pub const SIGN_UPS: Quota = Quota { name: "sign-ups", max: 500, hard_max: 500, window: HOUR };

/// Refused sign-ups of an IP address. Each of them tells that an e-mail address or a username has
/// an account.
pub const REFUSED_SIGN_UPS: Quota = Quota { name: "refused-sign-ups", max: 30, hard_max: 30, window: HOUR };

/// Logins of one caller at one account. A client that logs in anew for each of its requests is
/// stopped here.
pub const LOGINS: Quota = Quota { name: "logins", max: 600, hard_max: 600, window: HOUR };

/// Refreshes of one session. A client that refreshes in a loop is stopped here.
pub const REFRESHES: Quota = Quota { name: "refreshes", max: 600, hard_max: 600, window: HOUR };

/// Tokens of providers that are refused, of one IP address. Nobody guesses such a token; the quota
/// bounds the work for made-up ones.
pub const REFUSED_EXCHANGES: Quota =
    Quota { name: "refused-exchanges", max: 300, hard_max: 300, window: Duration::from_secs(15 * 60) };

/// Wrong admin keys of an IP address. A key of 32 characters cannot be guessed; the quota keeps
/// the log short.
pub const WRONG_ADMIN_KEYS: Quota =
    Quota { name: "wrong-admin-keys", max: 30, hard_max: 30, window: Duration::from_secs(15 * 60) };

impl Quota {
    /// The number of the window around `now`, and the end of that window.
    pub fn window_at(&self, now: Timestamp) -> (i64, Timestamp) {
        let seconds = i64::try_from(self.window.as_secs()).unwrap_or(i64::MAX).max(1);
        let number = now.seconds().div_euclid(seconds);
        (number, Timestamp::from_seconds(number.saturating_add(1).saturating_mul(seconds)))
    }

    /// The quota of the next larger network.
    #[must_use]
    pub fn wider(self) -> Self {
        Self { max: self.max.saturating_mul(GROWTH), hard_max: self.hard_max.saturating_mul(GROWTH), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_each_other_without_a_gap() {
        let quota = Quota { name: "x", max: 1, hard_max: 1, window: Duration::from_secs(900) };
        let start = Timestamp::from_seconds(1_779_890_400);
        let (number, end) = quota.window_at(start);
        assert_eq!(end, start + Duration::from_secs(900));
        assert_eq!(quota.window_at(end + Duration::ZERO).0, number + 1);
        assert_eq!(quota.window_at(Timestamp::from_milliseconds(end.milliseconds() - 1)), (number, end));
    }

    #[test]
    fn a_quota_grows_with_the_network() {
        let sizes = [SIGN_UPS, SIGN_UPS.wider(), SIGN_UPS.wider().wider()].map(|quota| quota.max);
        assert_eq!(sizes, [500, 2_000, 8_000]);
    }
}
