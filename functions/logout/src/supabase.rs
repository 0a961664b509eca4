//! `POST /auth/v1/logout`: ends one session, all of them or all others, as the client libraries of
//! Supabase ask for it.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use shared::{
    App,
    account::{session::SessionId, user::User},
    auth::{
        ending::end_at_firebase,
        verification::{OwnSession, own_session},
    },
    error::{Error, TokenRefusal},
    http::{
        api::{
            Api, Operation, Parameter,
            operation::{Place, Tag},
        },
        caller,
        fields::{described::Kind, query_text},
    },
    telemetry::audit,
    time::Timestamp,
    token::access::Issuer,
};

use crate::end_all;

const SCOPE: Parameter = Parameter {
    name: "scope",
    place: Place::Query,
    kind: Kind::Text,
    text: "The sessions that end: local, global or others. It is global if it is missing.",
    example: "local",
};

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::without_answer("supabaseLogout", "Log out, for Supabase")
        .text("Ends the session of the token, all sessions of its account, or all others.")
        .tag(Tag::Supabase)
        .bearer()
        .parameters(&[SCOPE]);
    Api::new().post("/auth/v1/logout", logout, operation)
}

/// 204. An expired token ends its own session and no other.
async fn logout(State(app): State<App>, issuer: Issuer, uri: Uri, headers: HeaderMap) -> Result<StatusCode, Error> {
    let now = app.now();
    let text = caller::bearer(&headers).ok_or(Error::TokenMissing)?;
    let genuine = own_session(&app, &issuer, &text, now).await?;
    let refuse = |sentence| Error::Token(TokenRefusal::new("token_invalid", sentence));
    let OwnSession { id, is_expired } = genuine.map_err(refuse)?;
    match query_text(&uri, SCOPE.name).as_deref() {
        Some("local") => app.store().end_session(id, None, now).await.map(drop)?,
        Some("others") if is_expired => return Err(Error::Token(TokenRefusal::new("token_expired", EXPIRED))),
        Some("others") => end_others(&app, id, now).await?,
        // The libraries end every session at each logout, so that nobody is told of it by mail.
        Some("global") | None => end_all(&app, id, |_| !is_expired, None, now).await.map(drop)?,
        Some(_) => {
            let detail = "`scope` must be local, global or others.";
            return Err(Error::explained("This kind of logout is not known here.", detail));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

const EXPIRED: &str = "The token has expired, and may end its own session alone.";

/// Ends every session of the account except this one, if this one is live.
async fn end_others(app: &App, id: SessionId, now: Timestamp) -> Result<(), Error> {
    let over =
        || Error::Token(TokenRefusal::new("token_revoked", "The session of this token has ended. Log in again."));
    let session = app.store().session(id).await?.ok_or_else(over)?;
    let user = app.store().user(&session.user_id).await?.ok_or_else(over)?;
    if !session.is_live(&user, now) {
        return Err(over());
    }
    let end = |user: &mut User| {
        // Another request may have ended the sessions meanwhile.
        if session.is_of(user) {
            user.end_sessions(now);
        }
    };
    app.store().change_keeping(&user, id, &[], false, end).await?;
    audit::record("sessions_ended", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
    app.store().forget_sessions(&user, |_| true).await;
    end_at_firebase(app, &user.id).await;
    Ok(())
}
