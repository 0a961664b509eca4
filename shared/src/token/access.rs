//! The service's own access tokens (RFC 9068).

use std::time::Duration;

use jsonwebtoken::Header;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    account::{admission::Admitted, session::Session},
    error::{Error, TokenRefusal},
    jose::{jwt::Jwt, kind::ACCESS_TOKEN_TYPE, rsa},
    keys::{KeyRing, PublicKeys, signer::Signer},
    time::Timestamp,
};

/// The claims of an access token. All times are in seconds since the epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The service's base URL.
    pub iss: String,
    /// The user's id.
    pub sub: String,
    /// The audience, which is the issuer by default.
    pub aud: String,
    /// The time of issue.
    pub iat: i64,
    /// The expiry. From this second on the token is expired.
    pub exp: i64,
    /// The token's id. No other token has the same.
    pub jti: String,
    /// The session's id.
    pub sid: String,
    /// The e-mail address, as the user typed it.
    pub email: String,
    /// `email_verified` of the user object.
    pub email_verified: bool,
    /// `name` of the user object.
    pub name: String,
    /// `role_id` of the user object.
    pub role_id: u32,
    /// The time when the user gave the password.
    pub auth_time: i64,
}

/// The issuer and the audience of the access tokens that are made and accepted here.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// `iss`: the base URL of the service.
    pub url: String,
    /// `aud`.
    pub audience: String,
}

impl Claims {
    /// The claims for a token of `session` that lives for `life` from `now` on.
    pub fn new(
        issuer: &Issuer,
        admitted: Admitted<'_>,
        session: &Session,
        jti: String,
        now: Timestamp,
        life: Duration,
    ) -> Self {
        let user = admitted.user();
        Self {
            iss: issuer.url.clone(),
            sub: user.id.clone(),
            aud: issuer.audience.clone(),
            iat: now.seconds(),
            exp: (now + life).seconds(),
            jti,
            sid: session.id.to_string(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            name: user.name.clone(),
            role_id: user.role_id,
            auth_time: session.auth_time.seconds(),
        }
    }
}

/// Signs an access token with these claims.
///
/// # Errors
///
/// 503 while no key may sign, 500 if signing fails.
pub async fn mint(keys: &KeyRing, claims: &Claims, now: Timestamp) -> Result<String, Error> {
    let key = keys.signing(now)?;
    let header =
        Header { typ: Some(ACCESS_TOKEN_TYPE.to_owned()), kid: Some(key.kid.clone()), ..Header::new(rsa::ALGORITHM) };
    Signer::Local(&key.key).sign(&header, claims).await
}

/// Verifies `token` as an access token. The content is checked before the signature, and the expiry
/// last, so that the answer names a fault that the holder can mend. `skew` is allowed on every
/// time.
///
/// A token whose key has ended cannot be verified. It is called expired if its `exp` has come.
/// Otherwise an app that slept through a rotation would log its user out instead of refreshing.
///
/// # Errors
///
/// `token_invalid` or `token_expired`.
pub fn verify(
    keys: &PublicKeys,
    issuer: &Issuer,
    token: &Jwt,
    now: Timestamp,
    skew: Duration,
) -> Result<Claims, TokenRefusal> {
    let refuse = |sentence: &str| TokenRefusal::new("token_invalid", sentence).about(token, now);
    if token.header_text("typ").is_none_or(|typ| !typ.eq_ignore_ascii_case(ACCESS_TOKEN_TYPE)) {
        return Err(refuse("This is not an access token of this service."));
    }
    if token.header_text("alg") != Some("RS256") {
        return Err(refuse("The token's algorithm is not RS256."));
    }
    // RFC 7515 section 4.1.11: unknown extensions must be refused, and this service knows none.
    if token.header().contains_key("crit") {
        return Err(refuse("The token has critical header parameters that this service does not know."));
    }
    let claims: Claims = serde_json::from_value(Value::Object(token.claims.clone())).map_err(|_| {
        refuse("The token lacks a claim of this service's access tokens, or a claim has the wrong type.")
    })?;
    if claims.iss != issuer.url {
        return Err(refuse("The token was issued by another service or deployment."));
    }
    if claims.aud != issuer.audience {
        return Err(refuse("The token is meant for another audience."));
    }
    let expired = || TokenRefusal::new("token_expired", "The token has expired.").about(token, now);
    let kid = token.header_text("kid").unwrap_or_default();
    let key = keys.verifying(kid, now).ok_or_else(|| {
        if keys.knows(kid) && token.time("exp").is_some_and(|expiry| now >= expiry + skew) {
            return expired();
        }
        refuse("The token was signed with a key that is not, or no longer, in use.")
    })?;
    if !token.is_signed_by(key.verifying()) {
        return Err(refuse("The token's signature is wrong."));
    }
    let time = |claim| token.time(claim).ok_or_else(|| refuse("A time in the token is not a date."));
    let (issued, authenticated, expiry) = (time("iat")?, time("auth_time")?, time("exp")?);
    let not_before = if token.claims.contains_key("nbf") { time("nbf")? } else { issued };
    if [issued, authenticated, not_before].into_iter().any(|start| start > now + skew) {
        return Err(refuse("The token is from the future: a clock is wrong."));
    }
    if now >= expiry + skew {
        return Err(expired());
    }
    Ok(claims)
}
