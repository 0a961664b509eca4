//! A refresh: the next tokens of a session.

use super::{
    admin::note_actor,
    session_object::{SessionObject, presented},
};
use crate::{
    App,
    account::{admission::Denial, ip::IpKey},
    error::{Error, RefreshRefusal},
    telemetry::audit,
    token::{access::Issuer, pasted::Pasted},
};

/// Exchanges a refresh token, presented from this address. Two round trips.
///
/// A client that lost the answer, or another tab, may send the same token again and gets the same
/// child. An older token ends the session, and so does a copy that moves in step with its owner.
/// The account is read after the session has moved, so that a disabled account or a logout
/// everywhere is seen. A session from before `REQUIRE_VERIFIED_EMAIL` ends here, if the address is
/// not verified.
///
/// # Errors
///
/// 401 for a token that is not good. 403 if the account is disabled or its address must be
/// verified. 409 while the session is being refreshed. 429 if it is refreshed too often. 503 while
/// there are no keys, or if DynamoDB fails.
pub async fn refresh(app: &App, issuer: &Issuer, text: &str, ip: Option<&IpKey>) -> Result<SessionObject, Error> {
    let invalid = || Error::Refresh(RefreshRefusal::Invalid);
    let now = app.now();
    let pasted = Pasted::refresh_token(text).map_err(Error::NoRefreshToken)?;
    let (token, rotator) = presented(app, pasted.text(), ip, now).await?.ok_or_else(invalid)?;
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
    note_actor(app, rotation.session.act.as_deref());
    audit::record("refresh_ok", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
    SessionObject::issue(app, issuer, admitted, &rotation.session, rotation.child, now).await
}
