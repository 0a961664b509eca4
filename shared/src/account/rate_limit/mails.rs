//! The limits on mails. They hold for each identifier that somebody types, whether or not it is
//! somebody's, so that no answer tells which ones are.

use std::time::Duration;

use super::{Quota, time_until};
use crate::{
    account::proof::{Purpose, TRIES_MAX},
    time::Timestamp,
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The pause between two mails of one purpose to one address.
pub const MAIL_PAUSE: Duration = Duration::from_secs(30);

/// Mails that unknown callers ask for at one address, of all purposes. A mailbox is not flooded.
pub const MAILS: Quota = Quota { name: "mails", max: 5, hard_max: 5, window: HOUR };

/// The same in a day. Each mail has a code of five guesses, so this bounds the guesses too.
pub const MAILS_OF_DAY: Quota = Quota { name: "mails-of-day", max: 10, hard_max: 10, window: DAY };

/// The same in a day after many wrong codes. A year then has 730 codes with `GUESSED_TRIES_MAX`
/// guesses each, which find a code of a million with a chance of 0.2 %.
pub const MAILS_OF_DAY_GUESSED: Quota = Quota { max: 2, hard_max: 2, ..MAILS_OF_DAY };

/// Resets among those mails.
pub const RESETS: Quota = Quota { name: "resets", max: 3, hard_max: 3, window: HOUR };

/// Mails at one address for a client that logged in before. A stranger uses up none of them.
pub const MAILS_OF_DEVICE: Quota = Quota { name: "mails-of-device", max: 5, hard_max: 5, window: HOUR };

/// Mails that one IP address asks for, at whatever addresses. A company may share the address.
pub const MAILS_OF_CALLER: Quota =
    Quota { name: "mails-of-caller", max: 30, hard_max: 30, window: Duration::from_secs(15 * 60) };

/// The same in a day.
pub const MAILS_OF_CALLER_DAY: Quota = Quota { name: "mails-of-caller-day", max: 200, hard_max: 200, window: DAY };

/// Wrong codes for one identifier, before its mails become fewer. The week before counts too.
pub const WRONG_CODES: Quota =
    Quota { name: "wrong-codes", max: 20, hard_max: 20, window: Duration::from_secs(604_800) };

/// The guesses of a code after many wrong ones.
const GUESSED_TRIES_MAX: u32 = 3;

/// The guesses that a new code has.
pub const fn tries_max(is_guessed: bool) -> u32 {
    if is_guessed { GUESSED_TRIES_MAX } else { TRIES_MAX }
}

/// The quotas of one address for an unknown caller.
pub fn quotas_of_stranger(purpose: Purpose, is_guessed: bool) -> Vec<Quota> {
    let of_day = if is_guessed { MAILS_OF_DAY_GUESSED } else { MAILS_OF_DAY };
    let resets = (purpose == Purpose::Reset).then_some(RESETS);
    [MAILS, of_day].into_iter().chain(resets).collect()
}

/// The rest of the pause after a mail. `None` if it is over.
pub fn pause_left(last_at: Timestamp, now: Timestamp) -> Option<Duration> {
    // The clock of the process that counted may be ahead.
    time_until(last_at + MAIL_PAUSE, now).map(|wait| wait.min(MAIL_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    #[test]
    fn a_pause_ends_at_its_very_millisecond_whatever_another_clock_says() {
        let at = |milliseconds: u64| NOW + Duration::from_millis(milliseconds);
        assert_eq!(pause_left(NOW, at(29_999)), Some(Duration::from_millis(1)));
        assert_eq!(pause_left(NOW, at(30_000)), None);
        assert_eq!(pause_left(at(86_400_000), NOW), Some(MAIL_PAUSE));
    }

    #[test]
    fn only_resets_have_a_quota_of_their_own_and_guesses_leave_two_mails_a_day() {
        let names = |purpose, is_guessed| {
            quotas_of_stranger(purpose, is_guessed).iter().map(|quota| (quota.name, quota.max)).collect::<Vec<_>>()
        };
        assert_eq!(names(Purpose::SignIn, false), [("mails", 5), ("mails-of-day", 10)]);
        assert_eq!(names(Purpose::Reset, true), [("mails", 5), ("mails-of-day", 2), ("resets", 3)]);
        assert_eq!((tries_max(false), tries_max(true)), (5, 3));
    }
}
