//! `POST /logout`: ends a session, or all sessions of its account. `POST /oauth/revoke` ends one
//! for clients of OAuth 2.0.

mod revoke;
mod supabase;

use axum::{Json, Router, extract::State, http::HeaderMap};
use serde::Serialize;
use shared::{
    App,
    account::{
        session::{Session, SessionId},
        user::User,
    },
    auth::{
        ending::{AtFirebase, end_at_firebase},
        mailing::{notice, tell},
        session_object::refresh_token,
        verification::{OwnSession, own_session},
    },
    error::{Error, Field},
    http::{
        api::{Api, Operation},
        body::Body,
        caller,
        fields::{self, Fields, Input},
    },
    mail::{Kind, Language},
    sample::{Meaning, Sample},
    telemetry::audit,
    time::Timestamp,
    token::{access::Issuer, pasted::Pasted},
};

const FOREIGN: &str = "This has the form of a refresh token, but no key of this service made it. It is of another \
                       deployment, or a letter is wrong, or its key is long gone.";

/// The endpoints of this function.
pub fn api() -> Api {
    let operation = Operation::new::<LoggedOut>("logout", "Log out")
        .text("Ends a session, or with everywhere all sessions of its account. A token that is dead already is fine.")
        .body::<Logout>()
        .bearer_or_field()
        .imported(&["refresh_token", "everywhere"])
        .for_clients();
    Api::new().post("/logout", logout, operation).merge(revoke::api()).merge(supabase::api())
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}

/// `refresh_token`, unless an access token comes as `Authorization: Bearer`, and perhaps
/// `everywhere` and the `locale` of its notice.
struct Logout {
    refresh_token: Option<String>,
    everywhere: Option<Everywhere>,
}

/// A logout of all devices, which the owner of the account hears of.
#[derive(Clone, Copy)]
struct Everywhere {
    /// The language of the notice.
    language: Language,
}

impl Input for Logout {
    fn read(fields: &mut Fields) -> Option<Self> {
        let refresh_token = fields.optional_token("refresh_token").filter(|token| !token.trim().is_empty());
        let (everywhere, language) = (fields.flag("everywhere"), fields.language("locale"));
        let everywhere = everywhere.then_some(Everywhere { language });
        if refresh_token.is_none() {
            fields.also_refuse(&fields::missing("refresh_token"));
        }
        Some(Self { refresh_token, everywhere })
    }
}

#[derive(Serialize)]
struct LoggedOut {
    logged_out: bool,
    sessions_ended: usize,
    firebase: &'static str,
}

impl LoggedOut {
    /// The answer after the end of so many sessions.
    const fn of(sessions_ended: usize, at_firebase: AtFirebase) -> Self {
        Self { logged_out: true, sessions_ended, firebase: at_firebase.word() }
    }
}

impl Sample for LoggedOut {
    const NAME: &'static str = "LoggedOut";
    const MEMBERS: &'static [Meaning] = &[
        ("logged_out", "Always true."),
        ("sessions_ended", "The number of sessions that ended, up to a few hundred."),
        (
            "firebase",
            "With everywhere: ended once the sign-ins at Firebase have ended too, and pending until then. Otherwise empty.",
        ),
    ];

    fn sample() -> Self {
        Self::of(1, AtFirebase::Untold)
    }
}

/// 200 for a genuine token, also for one that is dead already: it leaves nobody logged in. 400 for
/// anything else. An app would otherwise hear of a logout that never was.
async fn logout(
    State(app): State<App>,
    issuer: Issuer,
    headers: HeaderMap,
    Body(input): Body<Logout>,
) -> Result<Json<LoggedOut>, Error> {
    let now = app.now();
    let logged_out = match (input.refresh_token, caller::bearer(&headers)) {
        (Some(text), _) => by_refresh_token(&app, &text, input.everywhere, now).await?,
        (None, Some(text)) => by_access_token(&app, &issuer, &text, input.everywhere, now).await?,
        (None, None) => return Err(refused(fields::missing("refresh_token"))),
    };
    Ok(Json(logged_out))
}

fn refused(field: Field) -> Error {
    Error::wrong(vec![field])
}

async fn by_refresh_token(
    app: &App,
    text: &str,
    everywhere: Option<Everywhere>,
    now: Timestamp,
) -> Result<LoggedOut, Error> {
    let refuse = |sentence: String| refused(Field::new("refresh_token", "wrong_token", sentence));
    let pasted = Pasted::refresh_token(text).map_err(refuse)?;
    let Some(token) = refresh_token(app, pasted.text(), now).await? else { return Err(refuse(FOREIGN.to_owned())) };
    if everywhere.is_some() {
        let is_recent = |session: &Session| session.is_recent(token.counter);
        return end_all(app, token.session, is_recent, everywhere, now).await;
    }
    end_one(app, token.session, now).await
}

/// Ends the session of an access token. The app of somebody who was away for an hour has only an
/// expired one, which ends its own session and no other.
async fn by_access_token(
    app: &App,
    issuer: &Issuer,
    text: &str,
    everywhere: Option<Everywhere>,
    now: Timestamp,
) -> Result<LoggedOut, Error> {
    let genuine = own_session(app, issuer, text, now).await?;
    let refuse = |sentence| refused(Field::new("Authorization", "wrong_token", sentence));
    let OwnSession { id, is_expired } = genuine.map_err(refuse)?;
    if everywhere.is_some() {
        return end_all(app, id, |_| !is_expired, everywhere, now).await;
    }
    end_one(app, id, now).await
}

/// Ends this session and no other. Nothing of it is at Firebase, whose user has sign-ins of its
/// own.
async fn end_one(app: &App, id: SessionId, now: Timestamp) -> Result<LoggedOut, Error> {
    let ended = app.store().end_session(id, None, now).await?;
    Ok(LoggedOut::of(usize::from(ended), AtFirebase::Untold))
}

/// Ends every session of the account that owns this session, if this session is live. The
/// account's epoch ends all of them at once. Afterwards the records of the first few hundred
/// sessions are counted and deleted.
///
/// A token older than the parent of the newest one ends its own session alone: it may have been
/// copied long ago. `is_recent` tells an older token. With `told` the owner of the account hears of
/// the end by mail.
async fn end_all(
    app: &App,
    id: SessionId,
    is_recent: impl Fn(&Session) -> bool,
    told: Option<Everywhere>,
    now: Timestamp,
) -> Result<LoggedOut, Error> {
    let none = LoggedOut::of(0, AtFirebase::Untold);
    let Some(session) = app.store().session(id).await? else { return Ok(none) };
    let Some(user) = app.store().user(&session.user_id).await? else { return Ok(none) };
    if !session.is_live(&user, now) {
        return Ok(none);
    }
    if !is_recent(&session) {
        return end_one(app, id, now).await;
    }
    let end = |user: &mut User| {
        // Another request may have ended the sessions meanwhile.
        if session.is_of(user) {
            user.end_sessions(now);
        }
    };
    let mails = match told {
        Some(Everywhere { language }) => notice(app, Kind::AccessRevoked, &user, language, now)?,
        None => Vec::new(),
    };
    app.store().update_telling(&user, &mails, end).await?;
    mails.iter().for_each(|mail| tell(app, mail));
    audit::record("sessions_ended", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
    let others = app.store().forget_sessions(&user, |other| other.id != id && other.is_live(&user, now)).await;
    Ok(LoggedOut::of(1 + others, end_at_firebase(app, &user.id).await))
}
