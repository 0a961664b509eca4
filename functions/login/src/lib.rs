//! `POST /login`: an e-mail address or a username and a password for a session.

use axum::{Json, Router, extract::State, routing::post};
use shared::{
    App,
    account::{email::Identifier, ip::ClientIp, user::User},
    auth::{
        password::{Authenticated, LOGIN, authenticate, limited},
        session_object::SessionObject,
    },
    error::Error,
    http::body::{Body, Fields, Input},
    password::Password,
    telemetry::log,
    token::access::Issuer,
};

/// The route of this function.
pub fn router() -> Router<App> {
    Router::new().route("/login", post(login))
}

/// `email` or `username`, and `password`. The `refresh_token` of a session that this client had, even one that was logged out,
/// shows that it logged in before.
struct Credentials {
    identifier: Identifier,
    password: Password,
    refresh_token: Option<String>,
}

impl Input for Credentials {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (identifier, password) = (fields.identifier(), fields.password("password"));
        let refresh_token = fields.optional("refresh_token");
        Some(Self { identifier: identifier?, password: password?, refresh_token })
    }
}

/// 200 with a session object. An unknown account, a wrong password and an account without one are answered alike, after the
/// same work; what else is wrong with the account is said only after the right password.
async fn login(
    State(app): State<App>,
    issuer: Issuer,
    origin: ClientIp,
    Body(Credentials { identifier, password, refresh_token }): Body<Credentials>,
) -> Result<Json<SessionObject>, Error> {
    let now = app.now();
    app.keys().get(now).await?;
    let device = app.known_device(refresh_token.as_deref(), now).await;
    let turn = app.turn_at(&identifier, device).await;
    let attempt = app.store().attempt(&identifier, app.guesser(device, &origin), app.now()).await?;
    let Authenticated { user, is_outdated, mut attempt, turn: _turn } =
        authenticate(&app, attempt, password.clone(), LOGIN, turn).await?;
    let renewed = if is_outdated { Some(renewed(&app, &user, password).await?) } else { None };
    let now = app.now();
    let admitted = app.admit(&user);
    let session = app.new_session(&user, now)?;
    // Nothing is told, and nothing signed, before the count allows it: of many guesses at once, the time would tell the right one.
    let stored = admitted.is_ok().then_some(&session);
    let ended = app.store().record_success(&mut attempt, stored, renewed.as_ref(), now).await;
    ended.inspect_err(|error| limited(error, &attempt, LOGIN))?;
    log::audit(
        if admitted.is_ok() { "login_ok" } else { "login_refused" },
        &attempt.identity,
        &log::pseudonym(&user.id),
    );
    admitted?;
    Ok(Json(SessionObject::issue(&app, &issuer, &user, &session, 0, now).await?))
}

/// The account with a hash of today's parameters in the place of its old one.
async fn renewed(app: &App, user: &User, password: Password) -> Result<User, Error> {
    let hash = app.hasher().hash(password, app.random()?).await?;
    Ok(User { password_hash: Some(hash), ..user.clone() })
}
