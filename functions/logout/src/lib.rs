//! `POST /logout`: ends a session, or all sessions of its account.

use axum::{Json, Router, extract::State, routing::post};
use serde::Serialize;
use shared::{
    App,
    account::{refresh_token::RefreshToken, user::User},
    auth::session_object::refresh_token,
    error::Error,
    http::{
        body::Body,
        fields::{Fields, Input},
    },
    telemetry::audit,
    time::Timestamp,
};

/// The route of this function.
pub fn router() -> Router<App> {
    Router::new().route("/logout", post(logout))
}

/// `refresh_token`, and perhaps `everywhere`.
struct Logout {
    refresh_token: String,
    everywhere: bool,
}

impl Input for Logout {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (refresh_token, everywhere) = (fields.token("refresh_token"), fields.flag("everywhere"));
        Some(Self { refresh_token: refresh_token?, everywhere })
    }
}

#[derive(Serialize)]
struct LoggedOut {
    logged_out: bool,
    sessions_ended: usize,
}

/// 200 in any case: a dead or unknown token leaves nobody logged in (RFC 7009 section 2.2).
async fn logout(State(app): State<App>, Body(input): Body<Logout>) -> Result<Json<LoggedOut>, Error> {
    let now = app.now();
    let sessions_ended = match refresh_token(&app, &input.refresh_token, now).await? {
        None => 0,
        Some(token) if input.everywhere => end_all(&app, token, now).await?,
        Some(token) => usize::from(app.store().end_session(token.session, None, now).await?),
    };
    Ok(Json(LoggedOut { logged_out: true, sessions_ended }))
}

/// Ends every session of the account that owns this session, if this session is live. The
/// account's epoch ends all of them at once. Afterwards the records of the first few hundred
/// sessions are counted and deleted.
///
/// A token older than the parent of the newest one ends its own session alone: it may have been
/// copied long ago.
async fn end_all(app: &App, token: RefreshToken, now: Timestamp) -> Result<usize, Error> {
    let id = token.session;
    let Some(session) = app.store().session(id).await? else { return Ok(0) };
    let Some(user) = app.store().user(&session.user_id).await? else { return Ok(0) };
    if !session.is_live(&user, now) {
        return Ok(0);
    }
    if !session.is_recent(token.counter) {
        return Ok(usize::from(app.store().end_session(id, None, now).await?));
    }
    let end = |user: &mut User| {
        // Another request may have ended the sessions meanwhile.
        if session.is_of(user) {
            user.end_sessions(now);
        }
    };
    app.store().update_user(&user, end).await?;
    audit::record("sessions_ended", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
    let others = app.store().forget_sessions(&user, |other| other.id != id && other.is_live(&user, now)).await;
    Ok(1 + others)
}
