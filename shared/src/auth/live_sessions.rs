//! The live sessions of an account, as its owner and an admin see them.

use serde::Serialize;

use crate::{
    App,
    account::{
        session::{Session, SessionId},
        user::User,
    },
    error::Error,
    sample::{Meaning, Part, Sample, Shape},
};

/// An answer with the live sessions of an account.
#[derive(Serialize)]
pub struct LiveSessions {
    sessions: Vec<LiveSession>,
}

/// A live session. No token is in it.
#[derive(Serialize)]
pub struct LiveSession {
    id: String,
    created_at: String,
    refreshed_at: String,
    expires_at: String,
    current: bool,
}

impl Sample for LiveSession {
    const NAME: &'static str = "LiveSession";
    const MEMBERS: &'static [Meaning] = &[
        ("id", "The id of the session, to end it."),
        ("created_at", "The time of the login."),
        ("refreshed_at", "The time when the newest tokens were given out."),
        ("expires_at", "The latest end; the end comes sooner if nobody refreshes."),
        ("current", "Whether it is the session of this request."),
    ];

    fn sample() -> Self {
        Self {
            id: "3q2-7wAAQFGhsrPE1eb3-A".to_owned(),
            created_at: "2026-05-27T14:00:00Z".to_owned(),
            refreshed_at: "2026-05-27T14:30:00Z".to_owned(),
            expires_at: "2026-06-26T14:00:00Z".to_owned(),
            current: true,
        }
    }
}

impl Sample for LiveSessions {
    const NAME: &'static str = "Sessions";
    const PARTS: &'static [Part] = &[("sessions", Shape::of::<LiveSession>)];

    fn sample() -> Self {
        Self { sessions: vec![LiveSession::sample()] }
    }
}

impl LiveSessions {
    /// The live sessions of `user`, the newest first; among equal times the one of the request
    /// comes first. The index may lag behind a login, and the list ends after a few hundred
    /// sessions. The session of the request is always in the list.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn of(app: &App, user: &User, current: Option<SessionId>) -> Result<Self, Error> {
        let now = app.now();
        let mut sessions = app.store().sessions_of(&user.id).await?;
        if let Some(id) = current.filter(|id| sessions.iter().all(|session| session.id != *id)) {
            sessions.extend(app.store().session(id).await?);
        }
        sessions.retain(|session| session.is_live(user, now));
        sessions.sort_by_key(|session| (session.auth_time, current == Some(session.id)));
        Ok(Self { sessions: sessions.iter().rev().map(|session| shown(session, current)).collect() })
    }
}

/// `expires_at` is the `refresh_expires_at` of the session objects. It is the latest end; the
/// session ends sooner if nobody refreshes it.
fn shown(session: &Session, current: Option<SessionId>) -> LiveSession {
    LiveSession {
        id: session.id.to_string(),
        created_at: session.auth_time.rfc3339(),
        refreshed_at: session.made_at(session.counter).rfc3339(),
        expires_at: session.expires_at.rfc3339(),
        current: current == Some(session.id),
    }
}

/// An answer that tells whether a request ended a session.
#[derive(Serialize)]
pub struct Ended {
    /// Whether it did.
    pub ended: bool,
}

impl Sample for Ended {
    const NAME: &'static str = "Ended";

    fn sample() -> Self {
        Self { ended: true }
    }
}
