//! `/me/sessions`: lists the sessions of an account, and ends one of them.

use axum::{
    Json, Router,
    extract::{Path, State, rejection::PathRejection},
    routing::{delete, get},
};
use serde::Serialize;
use shared::{
    App,
    account::session::{Session, SessionId},
    error::Error,
    http::caller::Caller,
};

/// The routes of this part.
pub fn router() -> Router<App> {
    Router::new().route("/me/sessions", get(list)).route("/me/sessions/{id}", delete(end))
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
