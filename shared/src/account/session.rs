//! Sessions: their lifetimes, and the state of each refresh token that prolongs them.

use std::{collections::BTreeMap, fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de};

use crate::{account::user::User, error::RefreshRefusal, time::Timestamp};

/// The length of a session id, in bytes.
pub(super) const ID_BYTES: usize = 12;
/// The number of rotations whose time is kept. In any sane client, older tokens are past their
/// reuse interval.
const ROTATIONS_KEPT: u32 = 8;
/// The number of rotations in a row whose parent comes again from another caller, after which a
/// token counts as stolen. Answers are lost now and then, but not three times in a row.
const REPEATS_MAX: u32 = 3;

/// The longest life of a session of an admin who signed in as somebody else: a working day.
const LIFE_OF_ACTOR_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// A session's id: 12 random bytes, or 16 characters of base64url as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionId(pub(super) [u8; ID_BYTES]);

impl SessionId {
    /// The id of these random bytes.
    pub const fn new(random: [u8; ID_BYTES]) -> Self {
        Self(random)
    }

    /// Reads the text of an id. `None` if the text is no id.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// The lifetimes of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// The time from the login to the end of the session, however often it is refreshed.
    pub absolute: Duration,
    /// The time from the last refresh to the end of the session.
    pub idle: Duration,
    /// The time in which an exchanged token still gets the same child, even if the child was
    /// exchanged too. Zero is strict: an exchanged token is reuse at once.
    pub reuse_interval: Duration,
    /// The time in which an exchanged token gets the same child while the child was never used: the
    /// life of an access token. The client of a lost answer asks again within that time.
    pub unused_child: Duration,
}

/// A session, as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// The id of the session.
    pub id: SessionId,
    /// The id of the account.
    pub user_id: String,
    /// The account's epoch at login. The session is over once the account has another epoch.
    pub epoch: u64,
    /// The number of refreshes.
    pub counter: u32,
    /// The time when the password was given.
    pub auth_time: Timestamp,
    /// The latest end of the session. It never moves.
    pub expires_at: Timestamp,
    /// The end of the session without another refresh. Each refresh moves it.
    pub idle_expires_at: Timestamp,
    /// The time of the logout, or of the reuse of an old token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The times of the last eight rotations, by [`Session::rotation_key`].
    #[serde(rename = "rotated")]
    pub rotation_times: BTreeMap<String, Timestamp>,
    /// The request that rotated last. `None` before the first rotation, and in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotated_by: Option<Rotator>,
    /// The latest rotations whose parent came again from another caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// The admin who signed in as the account, as [`crate::auth::admin::AdminBy::actor`] names the
    /// admin. `None` for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
}

/// The request of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotator {
    /// Random text of this request alone. It tells a write that was sent twice from a second
    /// request.
    pub request: String,
    /// The caller, as [`RefreshToken::caller`](super::refresh_token::RefreshToken::caller) names an
    /// address. `None` if no address is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
}

/// Rotations in a row whose parent came again from another caller than the first.
///
/// Their number tells a lost answer from a thief, who refreshes a copy as often as the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// The counter of the child that the last of these rotations made.
    pub child: u32,
    /// The number of these rotations.
    pub in_a_row: u32,
}

impl Repeats {
    /// Whether a copy of the tokens must be in other hands.
    pub fn show_theft(&self) -> bool {
        self.in_a_row >= REPEATS_MAX
    }
}

/// The state of a refresh token that a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshState {
    /// The newest token. It may be exchanged for a new child.
    Current,
    /// A token that was exchanged, and may be exchanged again for the same child.
    Parent {
        /// The counter of the child.
        child: u32,
    },
    /// A token that is refused.
    Refused(RefreshRefusal),
}

impl Session {
    /// A new session of `user`, who gave the password at `now`.
    pub fn start(id: SessionId, user: &User, now: Timestamp, lifetimes: &SessionLifetimes) -> Self {
        let expires_at = now + lifetimes.absolute;
        Self {
            id,
            user_id: user.id.clone(),
            epoch: user.epoch,
            counter: 0,
            auth_time: now,
            expires_at,
            idle_expires_at: expires_at.min(now + lifetimes.idle),
            ended_at: None,
            rotation_times: BTreeMap::new(),
            rotated_by: None,
            repeats: None,
            act: None,
        }
    }

    /// This session, if it is that of an admin who signed in as the account. It ends after twelve
    /// hours at the latest.
    pub fn by_actor(mut self, actor: String) -> Self {
        self.expires_at = self.expires_at.min(self.auth_time + LIFE_OF_ACTOR_MAX);
        self.idle_expires_at = self.idle_expires_at.min(self.expires_at);
        self.act = Some(actor);
        self
    }

    /// The state of the token with `counter`. A counter ahead of the session's is refused without
    /// ending the session: it is seen after the restore of an older table.
    pub fn state_of(&self, counter: u32, now: Timestamp, lifetimes: &SessionLifetimes) -> RefreshState {
        if self.ended_at.is_some() || counter > self.counter {
            return RefreshState::Refused(RefreshRefusal::Invalid);
        }
        if self.is_expired(now) {
            return RefreshState::Refused(RefreshRefusal::Expired);
        }
        let rotations_since = self.counter - counter;
        if rotations_since == 0 {
            return RefreshState::Current;
        }
        let child = counter + 1;
        let exchanged =
            self.rotation_times.get(&Self::rotation_key(child)).filter(|_| rotations_since <= ROTATIONS_KEPT);
        let repeatable = match rotations_since {
            _ if lifetimes.reuse_interval.is_zero() => None,
            // The child was never used: the client failed to save it.
            1 => Some(lifetimes.reuse_interval.max(lifetimes.unused_child)),
            _ => Some(lifetimes.reuse_interval),
        };
        match (exchanged, repeatable) {
            (Some(&exchanged), Some(repeatable)) if now <= exchanged + repeatable => RefreshState::Parent { child },
            _ => RefreshState::Refused(RefreshRefusal::Reused),
        }
    }

    /// The repeats with this one more, if the parent of the newest `child` comes again from another
    /// caller than the first, for the first time. `None` if there is nothing new to note.
    pub fn with_repeat(&self, child: u32, caller: Option<&str>) -> Option<Repeats> {
        let first = self.rotated_by.as_ref()?.caller.as_deref()?;
        let is_noted = self.repeats.is_some_and(|repeats| repeats.child == child);
        if child != self.counter || is_noted || caller? == first {
            return None;
        }
        let before = self.repeats.filter(|repeats| repeats.child.saturating_add(1) == child);
        Some(Repeats { child, in_a_row: before.map_or(0, |before| before.in_a_row).saturating_add(1) })
    }

    /// Whether the token with `counter` is the newest one or its parent. Only such a token may end
    /// other sessions than its own.
    pub fn is_recent(&self, counter: u32) -> bool {
        self.counter.checked_sub(counter).is_some_and(|rotations_since| rotations_since <= 1)
    }

    /// Whether this session can still be refreshed, judged by the session and its account alone.
    pub fn is_live(&self, user: &User, now: Timestamp) -> bool {
        self.ended_at.is_none() && !self.is_expired(now) && self.is_of(user)
    }

    /// Whether this session belongs to `user` and to the present epoch of the account.
    pub fn is_of(&self, user: &User) -> bool {
        self.user_id == user.id && self.epoch == user.epoch
    }

    fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at || now >= self.idle_expires_at
    }

    /// The time when the token with `counter` was first made. The time of the login if the time of
    /// that rotation is not kept.
    pub fn made_at(&self, counter: u32) -> Timestamp {
        let rotated_at = self.rotation_times.get(&Self::rotation_key(counter)).filter(|_| counter > 0);
        rotated_at.copied().unwrap_or(self.auth_time)
    }

    /// The key in [`Session::rotation_times`] of the rotation that made the token with `counter`.
    pub fn rotation_key(counter: u32) -> String {
        (counter % ROTATIONS_KEPT).to_string()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not a session id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::email::Email, password::StoredHash};

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
    const LIFETIMES: SessionLifetimes = SessionLifetimes {
        absolute: Duration::from_secs(30 * 86_400),
        idle: Duration::from_secs(14 * 86_400),
        reuse_interval: Duration::from_secs(10),
        unused_child: Duration::from_secs(3_600),
    };

    fn after(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    fn user() -> User {
        User::new("u".to_owned(), &Email::parse("a@b.de").unwrap(), None, String::new(), StoredHash::new(""), NOW)
    }

    /// A session with a rotation at each of these seconds after login.
    fn session(rotations: &[u64]) -> Session {
        let mut session = Session::start(SessionId::new([1; 12]), &user(), NOW, &LIFETIMES);
        for &seconds in rotations {
            session.counter += 1;
            session.rotation_times.insert(Session::rotation_key(session.counter), after(seconds));
        }
        session
    }

    #[test]
    fn the_newest_token_gets_a_new_child_and_its_parent_the_same_child_for_the_life_of_an_access_token() {
        let session = session(&[5, 100]);
        assert_eq!(session.state_of(2, after(101), &LIFETIMES), RefreshState::Current);
        assert_eq!(session.state_of(1, after(101), &LIFETIMES), RefreshState::Parent { child: 2 });
        assert_eq!(session.state_of(1, after(3_700), &LIFETIMES), RefreshState::Parent { child: 2 });
        assert_eq!(session.state_of(1, after(3_701), &LIFETIMES), RefreshState::Refused(RefreshRefusal::Reused));
        assert_eq!(session.state_of(2, after(900_000), &LIFETIMES), RefreshState::Current);
    }

    #[test]
    fn a_reuse_interval_of_zero_makes_every_exchanged_token_reuse_at_once() {
        let strict = SessionLifetimes { reuse_interval: Duration::ZERO, ..LIFETIMES };
        let session = session(&[5, 100]);
        assert_eq!(session.state_of(1, after(100), &strict), RefreshState::Refused(RefreshRefusal::Reused));
        assert_eq!(session.state_of(0, after(100), &strict), RefreshState::Refused(RefreshRefusal::Reused));
        assert_eq!(session.state_of(2, after(100), &strict), RefreshState::Current);
    }

    #[test]
    fn three_rotations_in_a_row_whose_parent_comes_again_from_another_caller_show_theft() {
        let mut session = session(&[]);
        let by = |caller: &str| Some(Rotator { request: "r".to_owned(), caller: Some(caller.to_owned()) });
        for (counter, in_a_row) in [(1, 1), (2, 2), (4, 1), (5, 2), (6, 3)] {
            (session.counter, session.rotated_by) = (counter, by("owner"));
            assert_eq!(session.with_repeat(counter, Some("owner")), None, "a lost answer");
            assert_eq!(session.with_repeat(counter, None), None, "an unknown caller");
            assert_eq!(session.with_repeat(counter - 1, Some("thief")), None, "an older child");
            let repeats = session.with_repeat(counter, Some("thief")).unwrap();
            assert_eq!(repeats, Repeats { child: counter, in_a_row });
            assert_eq!(repeats.show_theft(), in_a_row == 3);
            session.repeats = Some(repeats);
            assert_eq!(session.with_repeat(counter, Some("thief")), None, "the same rotation again");
        }
        session.rotated_by = None;
        assert_eq!(session.with_repeat(7, Some("thief")), None, "a rotation of an older release");
    }

    #[test]
    fn only_the_newest_token_and_its_parent_are_recent() {
        let recent: Vec<u32> = (0..6).filter(|counter| session(&[1, 2, 3]).is_recent(*counter)).collect();
        assert_eq!(recent, [2, 3]);
    }

    #[test]
    fn an_older_token_gets_its_child_within_the_reuse_interval_and_is_reuse_after_it() {
        let session = session(&[100, 101, 102]);
        assert_eq!(session.state_of(0, after(110), &LIFETIMES), RefreshState::Parent { child: 1 });
        assert_eq!(session.state_of(0, after(111), &LIFETIMES), RefreshState::Refused(RefreshRefusal::Reused));
        assert_eq!(session.state_of(1, after(111), &LIFETIMES), RefreshState::Parent { child: 2 });
    }

    #[test]
    fn a_rotation_whose_time_was_overwritten_is_reuse() {
        let session = session(&[100; 9]);
        assert_eq!(session.state_of(0, after(100), &LIFETIMES), RefreshState::Refused(RefreshRefusal::Reused));
        assert_eq!(session.state_of(1, after(100), &LIFETIMES), RefreshState::Parent { child: 2 });
    }

    #[test]
    fn a_counter_ahead_is_refused_without_being_reuse() {
        assert_eq!(session(&[1]).state_of(2, after(2), &LIFETIMES), RefreshState::Refused(RefreshRefusal::Invalid));
    }

    #[test]
    fn both_lifetimes_end_at_their_second_and_an_ended_session_is_invalid() {
        let mut session = session(&[]);
        let idle = 14 * 86_400;
        assert_eq!(session.state_of(0, after(idle - 1), &LIFETIMES), RefreshState::Current);
        assert_eq!(session.state_of(0, after(idle), &LIFETIMES), RefreshState::Refused(RefreshRefusal::Expired));
        session.idle_expires_at = session.expires_at;
        assert_eq!(session.state_of(0, after(30 * 86_400), &LIFETIMES), RefreshState::Refused(RefreshRefusal::Expired));
        session.ended_at = Some(NOW);
        assert_eq!(session.state_of(0, NOW, &LIFETIMES), RefreshState::Refused(RefreshRefusal::Invalid));
    }

    #[test]
    fn the_idle_lifetime_never_outlasts_the_absolute_one() {
        let lifetimes = SessionLifetimes { idle: Duration::from_secs(60 * 86_400), ..LIFETIMES };
        let session = Session::start(SessionId::new([1; 12]), &user(), NOW, &lifetimes);
        assert_eq!(session.idle_expires_at, session.expires_at);
    }

    #[test]
    fn a_session_of_an_older_epoch_is_over() {
        let (session, mut user) = (session(&[]), user());
        assert!(session.is_live(&user, NOW));
        user.end_sessions(NOW);
        assert!(!session.is_live(&user, NOW));
    }
}
