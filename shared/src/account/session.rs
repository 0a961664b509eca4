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
    /// exchanged too.
    pub reuse_interval: Duration,
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
        }
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
        match self.counter - counter {
            0 => RefreshState::Current,
            // The child was never used: the client failed to save it.
            1 => RefreshState::Parent { child: self.counter },
            rotations_since => {
                let child = counter + 1;
                let exchanged =
                    self.rotation_times.get(&Self::rotation_key(child)).filter(|_| rotations_since <= ROTATIONS_KEPT);
                if exchanged.is_some_and(|&exchanged| now <= exchanged + lifetimes.reuse_interval) {
                    RefreshState::Parent { child }
                } else {
                    RefreshState::Refused(RefreshRefusal::Reused)
                }
            }
        }
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
    fn the_newest_token_gets_a_new_child_and_its_parent_gets_the_same_child_for_ever() {
        let session = session(&[5, 100]);
        assert_eq!(session.state_of(2, after(101), &LIFETIMES), RefreshState::Current);
        assert_eq!(session.state_of(1, after(101), &LIFETIMES), RefreshState::Parent { child: 2 });
        assert_eq!(session.state_of(1, after(900_000), &LIFETIMES), RefreshState::Parent { child: 2 });
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
