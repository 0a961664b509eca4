//! `POST /login`: exchanges an e-mail address or a username, and a password, for a session.

use axum::{Json, Router, extract::State};
use shared::{
    App,
    account::email::Identifier,
    auth::{
        in_step::keep_in_step,
        password::{Attempt, LOGIN, client},
        session_object::{self, SessionObject, require_signing_keys},
    },
    error::Error,
    http::{
        api::{Api, Operation, refusals::ATTEMPT},
        body::Body,
        client_ip::ClientIp,
        fields::{Fields, Input},
    },
    password::Password,
    token::access::Issuer,
};

/// The endpoint of this function.
pub fn api() -> Api {
    let operation = Operation::new::<SessionObject>("login", "Log in")
        .text("Exchanges an e-mail address or a username, and a password, for a session.")
        .body::<Credentials>()
        .imported(&["email", "password"])
        .for_clients()
        .fails(ATTEMPT)
        .fails(&[(401, "invalid_credentials"), (403, "account_disabled"), (403, "email_not_verified")]);
    Api::new().post("/login", login, operation)
}

/// The route of this function.
pub fn router() -> Router<App> {
    api().router()
}

/// `email` or `username`, and `password`. The `refresh_token` of an earlier session shows that this
/// client logged in before; a session that was logged out counts too.
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

/// 200 with a session object. An unknown account, a wrong password and an account without a
/// password get the same answer, after the same work. Every other refusal comes only after the
/// right password.
async fn login(
    State(app): State<App>,
    issuer: Issuer,
    ip: ClientIp,
    Body(login): Body<Credentials>,
) -> Result<Json<SessionObject>, Error> {
    require_signing_keys(&app).await?;
    let client = client(&app, ip.key(), login.refresh_token.as_deref()).await;
    let mut attempt = Attempt::begin(&app, &login.identifier, client, LOGIN).await?;
    let user = attempt.check(login.password).await?;
    let now = app.now();
    let admission = &app.config().accounts.admission;
    let session = admission.admit(&user).map_err(Error::from);
    let session = session.and_then(|admitted| session_object::start(&app, admitted, now));
    let user = attempt.finish(&user, session.as_ref().ok(), now).await?;
    attempt.audit(if session.is_ok() { "login_ok" } else { "login_refused" });
    let session = session?;
    keep_in_step(&app, &user).await?;
    Ok(Json(SessionObject::issue(&app, &issuer, admission.admit(&user)?, &session, 0, now).await?))
}
