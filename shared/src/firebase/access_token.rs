//! The access token of the service account, with which it calls Google's APIs (RFC 7523).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use jsonwebtoken::Header;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    fetch::{Fetcher, Leased, TIME_MAX},
    jose::rsa,
    keys::service_account::ServiceAccount,
    time::Timestamp,
};

/// Google's token endpoint, as `token_uri` of each service account names it.
pub(super) const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// The scope of the users of the project, and nothing else.
pub(super) const USERS: &str = "https://www.googleapis.com/auth/identitytoolkit";
/// The scope that reads the settings of the project.
pub(super) const READ_PROJECT: &str = "https://www.googleapis.com/auth/cloud-platform.read-only";
/// The grant of RFC 7523 section 2.1.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The life of the signed request. Google accepts an hour at most.
const REQUEST_LIFE: Duration = Duration::from_secs(3_600);
/// The time before its end at which a token is renewed. Google's own libraries keep to minutes too.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);

/// The access token of one service account.
pub(super) type AccessTokens = Leased<AccessToken>;

pub(super) struct AccessToken {
    pub(super) text: Zeroizing<String>,
    /// The key that asked for it. Another key may be of another account.
    key: (String, Option<String>),
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Zeroizing<String>,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

/// The access token of `account` with a scope, from `url` if no good one is held. One holder is for
/// one scope.
///
/// # Errors
///
/// A phrase for the log.
pub(super) async fn get(
    tokens: &AccessTokens,
    fetcher: &Fetcher,
    url: &str,
    (account, scope): (&ServiceAccount, &str),
    now: Timestamp,
) -> Result<Arc<AccessToken>, String> {
    let key = (account.email.clone(), account.key_id.clone());
    let suits = |token: &AccessToken| token.key == key;
    let ask = async {
        let granted = ask(fetcher, url, (account, scope), now).await?;
        let life = Duration::from_secs(granted.expires_in).saturating_sub(RENEWED_BEFORE);
        Ok((AccessToken { text: granted.access_token, key: key.clone() }, life))
    };
    tokens.get(now, suits, ask).await
}

async fn ask(
    fetcher: &Fetcher,
    url: &str,
    (account, scope): (&ServiceAccount, &str),
    now: Timestamp,
) -> Result<Granted, String> {
    let claims =
        Claims { iss: &account.email, scope, aud: url, iat: now.seconds(), exp: (now + REQUEST_LIFE).seconds() };
    let header = Header { kid: account.key_id.clone(), ..Header::new(rsa::ALGORITHM) };
    let signed = account.signer.sign(&header, &claims, now).await.map_err(|error| error.cause())?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", GRANT)
        .append_pair("assertion", &signed.token)
        .finish();
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .map_err(|error| error.to_string())?;
    let answer = fetcher.send_within(request, TIME_MAX).await.map_err(|why| format!("the token endpoint {why}"))?;
    if answer.status != StatusCode::OK {
        // `invalid_grant` for a deleted key, or for a clock that is wrong.
        let word = serde_json::from_slice::<Denied>(&answer.body).map(|denied| denied.error).unwrap_or_default();
        let word: String = word.chars().filter(|letter| letter.is_ascii_lowercase() || *letter == '_').collect();
        return Err(format!("the token endpoint answered {} {word}", answer.status.as_u16()));
    }
    serde_json::from_slice(&answer.body).map_err(|_| "the token endpoint answered no access token".to_owned())
}
