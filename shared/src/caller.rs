//! Who calls: a token told by its kind and verified, and for `/me` the account behind it.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};

use crate::{
    App,
    access::{self, Claims, Party},
    clock::Timestamp,
    error::Error,
    http,
    session::{Session, SessionId},
    token::{Kind, Refusal, Token},
    user::User,
};

/// A genuine token and what it says.
pub struct Verified {
    /// The token, taken apart.
    pub token: Token,
    /// Its claims, for an access token of this service.
    pub claims: Claims,
}

/// Verifies a token of any kind this deployment takes. No round trip.
///
/// # Errors
///
/// 401 with the code and the sentence of the rule that fails; 503 while there are no keys.
pub async fn verify(app: &App, party: &Party, text: &str, now: Timestamp) -> Result<Verified, Error> {
    let token = Token::parse(text).map_err(|sentence| Error::Token(Refusal::new("auth/argument-error", sentence)))?;
    match token.kind() {
        Kind::AccessToken => {
            let ring = &app.keys().get().await?.ring;
            let claims = access::verify(ring, party, &token, now, app.config().clock_skew).map_err(Error::Token)?;
            Ok(Verified { token, claims })
        }
        kind @ (Kind::FirebaseCustomToken | Kind::FirebaseIdToken | Kind::FirebaseSessionCookie | Kind::Unknown) => {
            let sentence = format!("This is {}; an access token of this service is expected.", kind.phrase());
            Err(Error::Token(Refusal::new("auth/argument-error", sentence).about(&token, now)))
        }
    }
}

/// The account and the session behind a genuine access token, if both are still good. One round trip.
///
/// # Errors
///
/// 401 `token_revoked` or `account_disabled`; 503 if DynamoDB fails.
pub async fn live(app: &App, verified: &Verified, now: Timestamp) -> Result<(User, Session), Error> {
    let refuse = |code, sentence: &str| Error::Token(Refusal::new(code, sentence).about(&verified.token, now));
    let revoked = || refuse("token_revoked", "The session of this token has ended. Log in again.");
    let id = SessionId::parse(&verified.claims.sid).ok_or_else(revoked)?;
    let (user, session) = app.store().user_and_session(&verified.claims.sub, id).await?;
    let user = user.ok_or_else(revoked)?;
    if user.disabled {
        return Err(refuse("account_disabled", "This account is disabled."));
    }
    match session.filter(|session| session.is_live(&user, now)) {
        Some(session) => Ok((user, session)),
        None => Err(revoked()),
    }
}

/// Extracts the account that calls `/me`.
pub struct Caller {
    /// As it was read for this request.
    pub user: User,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = http::bearer(&parts.headers).ok_or(Error::TokenMissing(StatusCode::UNAUTHORIZED))?.to_owned();
        let party = Party::from_request_parts(parts, app).await?;
        let now = app.now();
        let verified = verify(app, &party, &token, now).await?;
        let (user, _) = live(app, &verified, now).await?;
        Ok(Self { user })
    }
}
