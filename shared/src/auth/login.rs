//! A login by a password.

use super::{
    in_step::keep_in_step,
    password::{Attempt, LOGIN, client},
    session_object::{SessionObject, require_signing_keys, start},
};
use crate::{
    App,
    account::{email::Identifier, ip::IpKey},
    error::Error,
    password::Password,
    token::access::Issuer,
};

/// The credentials of a login, and its client.
pub struct Login<'a> {
    /// The e-mail address or the username.
    pub identifier: Identifier,
    /// The password.
    pub password: Password,
    /// The refresh token of an earlier session, which shows that this client logged in before. A
    /// session that was logged out counts too.
    pub earlier: Option<&'a str>,
    /// The address that the limits count by.
    pub ip: Option<&'a IpKey>,
}

/// Logs in. An unknown account, a wrong password and an account without a password get the same
/// answer, after the same work. Every other refusal comes only after the right password. Two round
/// trips.
///
/// # Errors
///
/// 401 `invalid_credentials`. 403 if the account is disabled or its address must be verified. 429
/// after too many failures. 503 while there are no keys, or if DynamoDB fails.
pub async fn by_password(app: &App, issuer: &Issuer, login: Login<'_>) -> Result<SessionObject, Error> {
    require_signing_keys(app).await?;
    let client = client(app, login.ip, login.earlier).await;
    let mut attempt = Attempt::begin(app, &login.identifier, client, LOGIN).await?;
    let user = attempt.check(login.password).await?;
    let now = app.now();
    let admission = &app.config().accounts.admission;
    let session = admission.admit(&user).map_err(Error::from);
    let session = session.and_then(|admitted| start(app, admitted, now));
    let user = attempt.finish(&user, session.as_ref().ok(), now).await?;
    attempt.audit(if session.is_ok() { "login_ok" } else { "login_refused" });
    let session = session?;
    keep_in_step(app, &user).await?;
    SessionObject::issue(app, issuer, admission.admit(&user)?, &session, 0, now).await
}
