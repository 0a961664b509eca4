//! The caller of a request: the account behind a bearer token, or a trusted server.

use std::borrow::Cow;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use tracing::Span;

use crate::{
    App,
    account::{session::SessionId, user::User},
    auth::{
        admin::note_actor,
        verification::{load_signed_in, verify},
    },
    error::{Error, TokenRefusal},
    jose::kind::Kind,
    keys::api_key::Scope,
    text::trimmed,
    time::Timestamp,
    token::access::Issuer,
};

/// Extracts the account behind the bearer token of a request to `/me`.
pub struct Caller {
    /// The account, as it was read for this request.
    pub user: User,
    /// The session of the access token; a Firebase ID token has none.
    pub session: Option<SessionId>,
    /// The time when the person logged in. The first of all times in the session of an admin who
    /// signed in as the person: no change is confirmed by such a login.
    pub auth_time: Timestamp,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = bearer(&parts.headers).ok_or(Error::TokenMissing)?.into_owned();
        let issuer = Issuer::from_request_parts(parts, app).await?;
        Self::of(app, &issuer, &token).await
    }
}

impl Caller {
    /// The account behind the bearer token of a request that has one only in some cases.
    ///
    /// # Errors
    ///
    /// 401 without a token, or if the token is not good. 503 if DynamoDB fails.
    pub async fn of_headers(app: &App, issuer: &Issuer, headers: &HeaderMap) -> Result<Self, Error> {
        let token = bearer(headers).ok_or(Error::TokenMissing)?;
        Self::of(app, issuer, &token).await
    }

    async fn of(app: &App, issuer: &Issuer, token: &str) -> Result<Self, Error> {
        let now = app.now();
        let verified = verify(app, issuer, token, now).await?;
        // Everybody who knows the shared secret could otherwise call as any user.
        if verified.kind == Kind::SharedSecret {
            let sentence = "This is a token signed with a shared secret, where an access token of this service or a Firebase ID \
                            token is expected.";
            return Err(Error::Token(TokenRefusal::new("token_invalid", sentence).about(&verified.token, now)));
        }
        note_actor(app, verified.actor());
        let found = load_signed_in(app, &verified, now).await?;
        let (user, auth_time) = found.ok_or_else(|| Error::internal("a sign-in without an account"))?;
        let auth_time = if verified.actor().is_some() { Timestamp::from_seconds(0) } else { auth_time };
        Ok(Self { user, session: verified.session(), auth_time })
    }
}

/// Whether a trusted server calls: the request has an API key with this scope as `X-Api-Key`. The
/// key's name is then in every later line of the request.
///
/// # Errors
///
/// 503 if the request has a key and the API keys cannot be loaded.
pub async fn is_server(app: &App, headers: &HeaderMap, scope: Scope) -> Result<bool, Error> {
    let shown = headers.get("x-api-key").and_then(|key| str::from_utf8(key.as_bytes()).ok()).unwrap_or_default();
    let shown = trimmed(shown);
    if shown.is_empty() {
        return Ok(false);
    }
    Ok(may(app, shown, scope).await?.unwrap_or_default())
}

/// Whether a text is an API key with this scope; `None` if it is no API key at all. The key's name
/// is then in every later line of the request.
///
/// # Errors
///
/// 503 if the API keys cannot be loaded.
pub async fn may(app: &App, shown: &str, scope: Scope) -> Result<Option<bool>, Error> {
    let Some(keys) = app.keys().api_keys_if(app.now(), |keys| keys.find(shown).is_some()).await? else {
        tracing::warn!("no API key is configured, so nobody has one: set API_KEY or API_KEY_SECRET_ID");
        return Ok(None);
    };
    let Some(key) = keys.find(shown) else { return Ok(None) };
    Span::current().record("api_key", key.name.as_str());
    if !key.may(scope) {
        tracing::warn!(scope = scope.word(), "the API key lacks this scope");
    }
    Ok(Some(key.may(scope)))
}

/// Extracts the fact that a trusted server calls, whose key has the scope `encode`.
pub struct Server;

impl FromRequestParts<App> for Server {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        if is_server(app, &parts.headers, Scope::Encode).await? { Ok(Self) } else { Err(Error::ApiKey) }
    }
}

/// The token of `Authorization: Bearer` (RFC 6750 section 2.1), to be judged. `None` if the header
/// has no token. Anything else in the header is returned as it stands, so that its judge can say
/// what it is.
pub fn bearer(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let value = String::from_utf8_lossy(headers.get(header::AUTHORIZATION)?.as_bytes());
    let scheme = "Bearer";
    let is_bearer = value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let rest = if is_bearer { value.get(scheme.len()..).unwrap_or_default() } else { &value };
    match rest.trim() {
        "" => None,
        token if is_bearer && rest.starts_with([' ', '\t']) => Some(token.to_owned().into()),
        _ => Some(value),
    }
}

/// The secret of a client of OAuth in `Authorization: Basic` (RFC 6749 section 2.3.1). The id of
/// the client counts for nothing. `None` without such a header, and for an empty secret.
///
/// The RFC asks for the form encoding of the secret, in which a plus sign is a space. Many clients
/// leave the encoding out. The secret is therefore one of two texts.
///
/// # Errors
///
/// 401 for a header that is no pair of id and secret.
pub fn basic(headers: &HeaderMap) -> Result<Option<[String; 2]>, Error> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((scheme, pair)) = value.trim().split_once([' ', '\t']) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Ok(None);
    }
    let pair = STANDARD.decode(pair.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
    let pair = pair.ok_or(Error::ApiKey)?;
    let (_, secret) = pair.split_once(':').ok_or(Error::ApiKey)?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Ok((!secret.is_empty()).then(|| [decoded(secret), decoded(&secret.replace('+', " "))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_client_is_read_with_and_without_the_form_encoding() {
        let secret_of = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            basic(&headers).map_err(|error| error.status_and_code().0)
        };
        let basic_of = |pair: &str| secret_of(&format!("Basic {}", STANDARD.encode(pair)));
        let either = |raw: &str, encoded: &str| Ok(Some([raw.to_owned(), encoded.to_owned()]));
        assert_eq!(basic_of("app:a+b/c="), either("a+b/c=", "a b/c="));
        assert_eq!(basic_of("app:a%2Bb%2Fc%3D"), either("a+b/c=", "a+b/c="));
        assert_eq!(basic_of("app:a+b%2Bc"), either("a+b+c", "a b+c"));
        assert_eq!(basic_of(":a:b"), either("a:b", "a:b"));
        assert_eq!(basic_of("app:"), Ok(None));
        assert_eq!(secret_of("Bearer abc"), Ok(None));
        assert_eq!(secret_of("Basic"), Ok(None));
        for value in ["Basic !", "Basic YQ==", "Basic /w=="] {
            assert_eq!(secret_of(value), Err(401), "{value}");
        }
    }

    #[test]
    fn a_bearer_token_stands_behind_its_scheme_and_anything_else_is_told_as_it_is() {
        let bearer_of = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            bearer(&headers).map(Cow::into_owned)
        };
        assert_eq!(bearer_of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(bearer_of("bearer  abc ").as_deref(), Some("abc"));
        for value in ["Bearer", "Bearer ", "bearer\t", " "] {
            assert_eq!(bearer_of(value), None, "{value}");
        }
        for value in ["Basic abc", "abc", "BearereyJ", "Bearer: abc"] {
            assert_eq!(bearer_of(value).as_deref(), Some(value));
        }
    }
}
