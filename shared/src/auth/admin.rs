//! The way into `/admin`: an admin key, or the short token that an admin key was exchanged for.

use std::sync::Arc;

use crate::{
    App,
    account::{ip::IpKey, rate_limit::WRONG_ADMIN_KEYS},
    error::{Error, TokenRefusal},
    jose::jwt::Jwt,
    keys::admin_key::AdminKeys,
    telemetry::audit,
    time::Timestamp,
    token::{
        access::Issuer,
        admin::{self, Claims},
        pasted::Pasted,
    },
};

const NOT_CONFIGURED: &str =
    "The admin API is off. Set ADMIN_KEY_SECRET_ID, ADMIN_KEY_FILE or ADMIN_KEY to turn it on.";

/// A credential of a request, as it was sent.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// The header `X-Admin-Key`.
    Key(&'a str),
    /// `Authorization: Bearer`.
    Token(&'a str),
    /// Neither.
    None,
}

/// Finds the name of the admin key behind a credential. No round trip for a right one.
///
/// # Errors
///
/// 501 if no admin key is configured. 401 if the credential is none or not good, and 429 if this
/// address has sent too many wrong keys. 503 while keys cannot be loaded.
pub async fn admit(
    app: &App,
    issuer: &Issuer,
    credential: Credential<'_>,
    ip: Option<&IpKey>,
    now: Timestamp,
) -> Result<String, Error> {
    let keys = admin_keys(app, credential, now).await?;
    match credential {
        Credential::Key(key) => match keys.find(key) {
            Some(key) => Ok(key.name.clone()),
            None => Err(refuse_key(app, ip, now).await),
        },
        Credential::Token(token) => of_token(app, issuer, token, &keys, now).await,
        Credential::None => Err(Error::AdminKey),
    }
}

/// Signs a token for the admin key with this name.
///
/// # Errors
///
/// 503 while no key may sign, 500 if signing fails.
pub async fn token(app: &App, issuer: &Issuer, name: &str, now: Timestamp) -> Result<String, Error> {
    let ring = app.keys().ring(now).await?;
    admin::mint(&ring, &Claims::new(issuer, name, app.uuid()?, now), now).await
}

/// The admin keys, read once more if they lack the one that was sent.
async fn admin_keys(app: &App, credential: Credential<'_>, now: Timestamp) -> Result<Arc<AdminKeys>, Error> {
    let suits = |keys: &AdminKeys| match credential {
        Credential::Key(key) => keys.find(key).is_some(),
        Credential::Token(_) | Credential::None => true,
    };
    let keys = app.keys().admin_keys_if(now, suits).await?.ok_or(Error::NotConfigured(NOT_CONFIGURED))?;
    // The names of people in the log are made with a key of the set.
    app.keys().ring(now).await?;
    Ok(keys)
}

/// Counts a wrong key. A refusal that is not counted is told as the failure to count it.
async fn refuse_key(app: &App, ip: Option<&IpKey>, now: Timestamp) -> Error {
    audit::event("admin_key_wrong");
    let counted = match ip {
        Some(ip) => app.store().count_use(WRONG_ADMIN_KEYS, ip, now).await,
        None => Ok(()),
    };
    counted.err().unwrap_or(Error::AdminKey)
}

/// The name of the key that a token was made for. A token of a key that was removed is refused.
async fn of_token(app: &App, issuer: &Issuer, text: &str, keys: &AdminKeys, now: Timestamp) -> Result<String, Error> {
    let refuse = |sentence: String| Error::Token(TokenRefusal::new("token_invalid", sentence));
    let (token, _) = Pasted::admin_token(text).map_err(refuse)?;
    verify(app, issuer, &token, now).await?;
    let name = token.text("sub").unwrap_or_default();
    if keys.has_name(name) {
        return Ok(name.to_owned());
    }
    Err(refuse("The admin key of this token is not in use any more.".to_owned()))
}

async fn verify(app: &App, issuer: &Issuer, token: &Jwt, now: Timestamp) -> Result<(), Error> {
    let kid = token.header_text("kid").unwrap_or_default();
    let keys = app.keys().public_if(now, |keys| keys.knows(kid));
    admin::examine(keys, issuer, token, now, app.config().tokens.clock_skew).await.verdict(token, now)
}
