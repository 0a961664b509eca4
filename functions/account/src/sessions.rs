//! `/me/sessions`: lists the sessions of an account, and ends one of them.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use serde::Serialize;
use shared::{
    App,
    account::session::{Session, SessionId},
    error::Error,
    http::{
        api::{
            Api, Operation, Parameter,
            operation::{Place, Tag},
        },
        caller::Caller,
        fields::described::Kind,
    },
    sample::{Meaning, Part, Sample, Shape},
};

const ID: Parameter = Parameter {
    name: "id",
    place: Place::Path,
    kind: Kind::Text,
    text: "The id of a session, from the list of sessions.",
    example: "3q2-7wAAQFGhsrPE1eb3-A",
};

/// The endpoints of this part.
pub fn api() -> Api {
    let sessions = Operation::new::<Listed>("sessions", "List the live sessions")
        .text("The live sessions of the account, the newest first.")
        .tag(Tag::Account)
        .bearer()
        .for_clients();
    let end_session = Operation::new::<Ended>("endSession", "End one session")
        .text("Ends a session of the account. The answer tells whether this request ended it.")
        .tag(Tag::Account)
        .bearer()
        .parameters(&[ID])
        .for_clients();
    Api::new().get("/me/sessions", list, sessions).delete("/me/sessions/{id}", end, end_session)
}

#[derive(Serialize)]
struct Listed {
    sessions: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    created_at: String,
    refreshed_at: String,
    expires_at: String,
    current: bool,
}

impl Sample for Shown {
    const NAME: &'static str = "LiveSession";
    const MEMBERS: &'static [Meaning] = &[
        ("id", "For DELETE /me/sessions/{id}."),
        ("created_at", "The time of the login."),
        ("refreshed_at", "The time when the newest tokens were given out."),
        ("expires_at", "The latest end; the end comes sooner if nobody refreshes."),
        ("current", "Whether it is the session of this request."),
    ];

    fn sample() -> Self {
        Self {
            id: ID.example.to_owned(),
            created_at: "2026-05-27T14:00:00Z".to_owned(),
            refreshed_at: "2026-05-27T14:30:00Z".to_owned(),
            expires_at: "2026-06-26T14:00:00Z".to_owned(),
            current: true,
        }
    }
}

impl Sample for Listed {
    const NAME: &'static str = "Sessions";
    const PARTS: &'static [Part] = &[("sessions", Shape::of::<Shown>)];

    fn sample() -> Self {
        Self { sessions: vec![Shown::sample()] }
    }
}

/// 200 with the live sessions, the newest first; among equal times the caller's own comes first.
/// The index may lag behind a login, and the list ends after a few hundred sessions. The caller's
/// own session is always in the list.
async fn list(State(app): State<App>, Caller { user, session: current }: Caller) -> Result<Json<Listed>, Error> {
    let now = app.now();
    let mut sessions = app.store().sessions_of(&user.id).await?;
    if let Some(id) = current.filter(|id| sessions.iter().all(|session| session.id != *id)) {
        sessions.extend(app.store().session(id).await?);
    }
    sessions.retain(|session| session.is_live(&user, now));
    sessions.sort_by_key(|session| (session.auth_time, current == Some(session.id)));
    Ok(Json(Listed { sessions: sessions.iter().rev().map(|session| shown(session, current)).collect() }))
}

/// `expires_at` is the `refresh_expires_at` of the session objects. It is the latest end; the
/// session ends sooner if nobody refreshes it.
fn shown(session: &Session, current: Option<SessionId>) -> Shown {
    Shown {
        id: session.id.to_string(),
        created_at: session.auth_time.rfc3339(),
        refreshed_at: session.made_at(session.counter).rfc3339(),
        expires_at: session.expires_at.rfc3339(),
        current: current == Some(session.id),
    }
}

#[derive(Serialize)]
struct Ended {
    ended: bool,
}

impl Sample for Ended {
    const NAME: &'static str = "Ended";

    fn sample() -> Self {
        Self { ended: true }
    }
}

/// 200 in any case; the body tells whether this request ended a session. A session that is over,
/// an unknown one and one of another account get the same answer.
async fn end(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Ended>, Error> {
    let id = id.ok().and_then(|Path(text)| SessionId::parse(&text));
    let ended = match id {
        Some(id) => app.store().end_session(id, Some(&user), app.now()).await?,
        None => false,
    };
    Ok(Json(Ended { ended }))
}
