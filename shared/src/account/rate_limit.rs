//! Rate limits: delays after wrong passwords, and quotas for each IP address.
//!
//! A series of failures belongs to an account and one caller of it, so that strangers elsewhere
//! delay nobody. A ceiling bounds the guesses of all unknown callers together, and quotas bound
//! each IP address. All hold for accounts that do not exist, too. Nobody is ever locked out: each
//! delay ends.

mod ceiling;
pub mod mails;
mod quota;
mod series;

use std::time::Duration;

pub use ceiling::{Ceiling, FAILURES_MAX, REPEATED_FAILURES_MAX};
pub use quota::{
    FAILED_LOGINS, LOGINS, Quota, REFRESHES, REFUSED_EXCHANGES, REFUSED_SIGN_UPS, SIGN_UPS, WRONG_ADMIN_KEYS,
};
pub use series::{FREE_FAILURES, KNOWN_FOR, Series};

use crate::time::Timestamp;

/// The longest delay.
const DELAY_MAX: Duration = Duration::from_secs(15 * 60);
/// Failures are forgotten after a day without another one. An attacker who waits out the longest
/// delay each time has 96 guesses in a day, so five free ones are no gain.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The time from `now` to `then`. `None` if that has passed.
pub fn time_until(then: Timestamp, now: Timestamp) -> Option<Duration> {
    let wait = u64::try_from(then.milliseconds() - now.milliseconds()).ok().filter(|wait| *wait > 0)?;
    Some(Duration::from_millis(wait))
}
