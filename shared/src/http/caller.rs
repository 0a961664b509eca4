//! The caller of a request: the account behind a bearer token, or a trusted server.

use std::borrow::Cow;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use tracing::Span;

use crate::{
    App,
    account::{session::SessionId, user::User},
    auth::verification::{load_account, verify},
    error::{Error, TokenRefusal},
    jose::kind::Kind,
    keys::api_key::Scope,
    text::trimmed,
    token::access::Issuer,
};

/// Extracts the account behind the bearer token of a request to `/me`.
pub struct Caller {
    /// The account, as it was read for this request.
    pub user: User,
    /// The session of the access token; a Firebase ID token has none.
    pub session: Option<SessionId>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = bearer(&parts.headers).ok_or(Error::TokenMissing)?.into_owned();
        let issuer = Issuer::from_request_parts(parts, app).await?;
        let now = app.now();
        let verified = verify(app, &issuer, &token, now).await?;
        // Everybody who knows the shared secret could otherwise call as any user.
        if verified.kind == Kind::SharedSecret {
            let sentence = "This is a token signed with a shared secret, where an access token of this service or a Firebase ID \
                            token is expected.";
            return Err(Error::Token(TokenRefusal::new("token_invalid", sentence).about(&verified.token, now)));
        }
        let user = load_account(app, &verified, now).await?;
        let user = user.ok_or_else(|| Error::internal("a sign-in without an account"))?;
        Ok(Self { user, session: verified.session() })
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
    let Some(keys) = app.keys().api_keys_if(app.now(), |keys| keys.find(shown).is_some()).await? else {
        tracing::warn!("no API key is configured, so nobody has one: set API_KEY or API_KEY_SECRET_ID");
        return Ok(false);
    };
    let Some(key) = keys.find(shown) else { return Ok(false) };
    Span::current().record("api_key", key.name.as_str());
    if !key.may(scope) {
        tracing::warn!(scope = scope.word(), "the API key lacks this scope");
    }
    Ok(key.may(scope))
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

#[cfg(test)]
mod tests {
    use super::*;

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
