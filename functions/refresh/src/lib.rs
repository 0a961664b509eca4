//! `POST /refresh`: exchanges a refresh token for a new session object of the same session.

use axum::{Json, Router, extract::State};
use shared::{
    App,
    account::admission::Denial,
    auth::session_object::{SessionObject, presented},
    error::{Error, RefreshRefusal},
    http::{
        api::{Api, Operation, refusals::ATTEMPT},
        body::Body,
        client_ip::ClientIp,
        fields::{Fields, Input},
    },
    telemetry::audit,
    token::{access::Issuer, pasted::Pasted},
};

/// The endpoint of this function.
pub fn api() -> Api {
    let operation = Operation::new::<SessionObject>("refresh", "Renew the tokens of a session")
        .text("Exchanges a refresh token for a new session object. Store all of it in the place of the old one.")
        .body::<TokenInput>()
        .for_clients()
        .fails(ATTEMPT)
        .fails(&[
            (401, "refresh_token_invalid"),
            (401, "refresh_token_expired"),
            (401, "refresh_token_reused"),
            (403, "account_disabled"),
            (403, "email_not_verified"),
            (409, "refresh_conflict"),
        ]);
    Api::new().post("/refresh", refresh, operation)
}

/// The route of this function.
pub fn router() -> Router<App> {
    api().router()
}

/// `refresh_token`.
struct TokenInput {
    refresh_token: String,
}

impl Input for TokenInput {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { refresh_token: fields.token("refresh_token")? })
    }
}

/// 200 with a session object. A client that lost the answer, or another tab, may send the same
/// token again and gets the same child. An older token ends the session, and so does a copy that
/// moves in step with its owner. The account is read after the session has moved, so that a
/// disabled account or a logout everywhere is seen. A session from before `REQUIRE_VERIFIED_EMAIL`
/// ends here, if the address is not verified.
async fn refresh(
    State(app): State<App>,
    issuer: Issuer,
    ip: ClientIp,
    Body(input): Body<TokenInput>,
) -> Result<Json<SessionObject>, Error> {
    let invalid = || Error::Refresh(RefreshRefusal::Invalid);
    let now = app.now();
    let pasted = Pasted::refresh_token(&input.refresh_token).map_err(Error::NoRefreshToken)?;
    let (token, rotator) = presented(&app, pasted.text(), ip.key(), now).await?.ok_or_else(invalid)?;
    let (lifetimes, limits) = (&app.config().tokens.session_lifetimes, app.config().accounts.rate_limits);
    let rotation = app.store().rotate(token, rotator, now, lifetimes, limits).await?;
    let user = app.store().user(&rotation.session.user_id).await?.ok_or_else(invalid)?;
    let admitted = app.config().accounts.admission.admit(&user);
    // A disabled account comes before the epoch: disabling an account ends its sessions too, and
    // the owner should hear why.
    if admitted.err() != Some(Denial::Disabled) && !rotation.session.is_of(&user) {
        return Err(invalid());
    }
    if admitted.err() == Some(Denial::EmailNotVerified) {
        app.store().end_session(rotation.session.id, None, now).await?;
    }
    let admitted = admitted?;
    audit::record("refresh_ok", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
    Ok(Json(SessionObject::issue(&app, &issuer, admitted, &rotation.session, rotation.child, now).await?))
}
