//! Everything that can go wrong, named for what the caller did, and what the caller reads of it.

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    account::{rate_limit, session},
    jose::jwt,
    telemetry::log,
};

/// The cause of a fault, for the log alone.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a request is not answered as asked. `Display` is the sentence its caller reads.
#[derive(Debug)]
pub enum Error {
    /// 400: the body or a header is not as the contract says.
    Invalid {
        /// The sentence.
        detail: String,
        /// What is wrong with which field.
        fields: Vec<Field>,
    },
    /// 400: the new password is too weak.
    WeakPassword(Field),
    /// 400 at `/verify`, 401 elsewhere: no token was sent.
    TokenMissing(StatusCode),
    /// 400: the text is no JWT, and why: a sentence that never quotes it.
    MalformedToken(String),
    /// 400: there is no payload to sign, and why.
    PayloadRequired(Field),
    /// 401: unknown account, wrong password, or no password to check.
    Credentials,
    /// 401: no API key, or a wrong one.
    ApiKey,
    /// 401: the token is not good.
    Token(jwt::TokenRefusal),
    /// 401 or 409: the refresh token is not good.
    Refresh(session::RefreshRefusal),
    /// 403: said only after the right password, or to the holder of a genuine token.
    Disabled,
    /// 403: said only where the deployment asks for verified addresses.
    EmailNotVerified,
    /// 409: somebody has this `email`, `username` or `id`.
    Taken(&'static str),
    /// 409: the idempotency key came with another body before.
    IdempotencyKeyReused,
    /// 429: too many failures before, or too much from one address; how long to wait.
    TooManyAttempts(Duration),
    /// 404, 405, 413 or 415.
    Request(StatusCode),
    /// 501: the deployment has not what this needs; names the variables.
    NotConfigured(&'static str),
    /// 503: the keys that would tell whether a Firebase token is genuine cannot be had.
    KeysUnavailable(Cause),
    /// 503: something this service depends on fails or is slow.
    Unavailable(Cause),
    /// 500: a fault of this service.
    Internal(Cause),
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub field: String,
    /// Stable, for programs.
    pub code: &'static str,
    /// A sentence, for people.
    pub message: String,
}

impl Field {
    /// What is wrong with `field`.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

impl Error {
    /// A request that is wrong as a whole.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::Invalid { detail: detail.into(), fields: Vec::new() }
    }

    /// A fault of this service.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// A fault of something this service depends on.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// A fault of the endpoint that publishes Firebase's keys.
    pub fn keys_unavailable(cause: impl Into<Cause>) -> Self {
        Self::KeysUnavailable(cause.into())
    }

    /// What caused it, which its caller is not told; of what has no cause, what its caller is told.
    pub fn cause(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.to_string(), log::causes)
    }

    /// The status and the stable code.
    pub fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::WeakPassword(_) => (StatusCode::BAD_REQUEST, "weak_password"),
            Self::TokenMissing(status) => (*status, "token_missing"),
            Self::MalformedToken(_) => (StatusCode::BAD_REQUEST, "token_malformed"),
            Self::PayloadRequired(_) => (StatusCode::BAD_REQUEST, "payload_required"),
            Self::Credentials => (StatusCode::UNAUTHORIZED, "invalid_credentials"),
            Self::ApiKey => (StatusCode::UNAUTHORIZED, "invalid_api_key"),
            Self::Token(refusal) => (StatusCode::UNAUTHORIZED, refusal.code),
            Self::Refresh(session::RefreshRefusal::Invalid) => (StatusCode::UNAUTHORIZED, "refresh_token_invalid"),
            Self::Refresh(session::RefreshRefusal::Expired) => (StatusCode::UNAUTHORIZED, "refresh_token_expired"),
            Self::Refresh(session::RefreshRefusal::Reused) => (StatusCode::UNAUTHORIZED, "refresh_token_reused"),
            Self::Refresh(session::RefreshRefusal::Conflict) => (StatusCode::CONFLICT, "refresh_conflict"),
            Self::Disabled => (StatusCode::FORBIDDEN, "account_disabled"),
            Self::EmailNotVerified => (StatusCode::FORBIDDEN, "email_not_verified"),
            Self::Taken("username") => (StatusCode::CONFLICT, "username_taken"),
            Self::Taken("id") => (StatusCode::CONFLICT, "id_taken"),
            Self::Taken(_) => (StatusCode::CONFLICT, "email_taken"),
            Self::IdempotencyKeyReused => (StatusCode::CONFLICT, "idempotency_key_reused"),
            Self::TooManyAttempts(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::Request(StatusCode::NOT_FOUND) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Request(StatusCode::METHOD_NOT_ALLOWED) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Request(StatusCode::PAYLOAD_TOO_LARGE) => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::Request(StatusCode::UNSUPPORTED_MEDIA_TYPE) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::Request(status) => (*status, "invalid_request"),
            Self::NotConfigured(_) => (StatusCode::NOT_IMPLEMENTED, "not_configured"),
            Self::KeysUnavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        }
    }

    /// What is wrong with which field.
    pub fn fields(&self) -> &[Field] {
        match self {
            Self::Invalid { fields, .. } => fields,
            Self::WeakPassword(field) | Self::PayloadRequired(field) => std::slice::from_ref(field),
            Self::TokenMissing(_)
            | Self::MalformedToken(_)
            | Self::Credentials
            | Self::ApiKey
            | Self::Token(_)
            | Self::Refresh(_)
            | Self::Disabled
            | Self::EmailNotVerified
            | Self::Taken(_)
            | Self::IdempotencyKeyReused
            | Self::TooManyAttempts(_)
            | Self::Request(_)
            | Self::NotConfigured(_)
            | Self::KeysUnavailable(_)
            | Self::Unavailable(_)
            | Self::Internal(_) => &[],
        }
    }

    /// After how many seconds to try again, where that helps.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::TooManyAttempts(wait) => Some(rate_limit::seconds(*wait)),
            Self::KeysUnavailable(_) | Self::Unavailable(_) | Self::Refresh(session::RefreshRefusal::Conflict) => {
                Some(1)
            }
            _ => None,
        }
    }

    /// `WWW-Authenticate` (RFC 6750 section 3): without an error code where no token was sent at all.
    pub fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Token(_) => Some(r#"Bearer error="invalid_token""#),
            Self::TokenMissing(StatusCode::UNAUTHORIZED) => Some("Bearer"),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::Invalid { detail, .. } => detail,
            Self::WeakPassword(field) => &field.message,
            Self::TokenMissing(_) => "Send the token as `Authorization: Bearer`, or as `token` in the body of /verify.",
            Self::MalformedToken(sentence) => sentence,
            // The words of Bubble's plugin, which builders look for.
            Self::PayloadRequired(_) => "payload is required",
            Self::Credentials => "Email or password is incorrect.",
            Self::ApiKey => "Send a server API key of this service as X-Api-Key.",
            Self::Token(refusal) => &refusal.message,
            Self::Refresh(session::RefreshRefusal::Invalid) => {
                "This refresh token is not valid, or its session has ended. Log in again."
            }
            Self::Refresh(session::RefreshRefusal::Expired) => "The session has expired. Log in again.",
            Self::Refresh(session::RefreshRefusal::Reused) => {
                "This refresh token was used before, so its session was ended. Log in again."
            }
            Self::Refresh(session::RefreshRefusal::Conflict) => {
                "The session is being refreshed already. Try again in a moment."
            }
            Self::Disabled => "This account is disabled.",
            Self::EmailNotVerified => "The e-mail address is not verified yet.",
            Self::Taken("username") => "This username is taken.",
            Self::Taken("id") => "An account with this id exists already.",
            Self::Taken(_) => "An account with this e-mail address exists already.",
            Self::IdempotencyKeyReused => "This Idempotency-Key was used with another request.",
            Self::TooManyAttempts(wait) => {
                return write!(formatter, "Too many attempts. Try again in {}.", span(*wait));
            }
            Self::Request(StatusCode::NOT_FOUND) => "There is nothing at this path.",
            Self::Request(StatusCode::METHOD_NOT_ALLOWED) => "This path does not take this method.",
            Self::Request(StatusCode::PAYLOAD_TOO_LARGE) => "The body is larger than 16 KiB.",
            Self::Request(StatusCode::UNSUPPORTED_MEDIA_TYPE) => {
                "Send the body as application/json or application/x-www-form-urlencoded, in UTF-8."
            }
            Self::Request(_) => "The request could not be read.",
            Self::NotConfigured(sentence) => sentence,
            Self::KeysUnavailable(_) => "The public keys of Firebase cannot be fetched. Try again in a moment.",
            Self::Unavailable(_) => "The service is temporarily unavailable. Try again in a moment.",
            Self::Internal(_) => "Something went wrong on our side.",
        };
        formatter.write_str(sentence)
    }
}

/// `1 second`, `90 seconds`, `15 minutes`: rounded up, so that who waits that long is let through.
fn span(wait: Duration) -> String {
    match rate_limit::seconds(wait) {
        1 => "1 second".to_owned(),
        seconds @ 2..=120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::KeysUnavailable(cause) | Self::Unavailable(cause) | Self::Internal(cause) => Some(cause.as_ref()),
            _ => None,
        }
    }
}

impl IntoResponse for Error {
    /// The status alone; `http` writes the body, which needs the request.
    fn into_response(self) -> Response {
        let mut response = self.status_and_code().0.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_wait_is_told_in_words() {
        let told = |milliseconds| Error::TooManyAttempts(Duration::from_millis(milliseconds)).to_string();
        assert_eq!(told(1), "Too many attempts. Try again in 1 second.");
        assert_eq!(told(119_001), "Too many attempts. Try again in 120 seconds.");
        assert_eq!(told(120_001), "Too many attempts. Try again in 3 minutes.");
    }

    #[test]
    fn every_error_has_its_status_its_code_and_where_it_helps_a_time_to_try_again() {
        use session::RefreshRefusal::{Conflict, Expired, Invalid, Reused};
        let weak = Field::new("password", "password_too_short", "Too short.");
        let token = jwt::TokenRefusal::new("token_expired", "Expired.");
        let payload = Field::new("payload", "required", "None.");
        let cases = [
            (Error::invalid("Wrong."), 400, "invalid_request", None),
            (Error::WeakPassword(weak), 400, "weak_password", None),
            (Error::TokenMissing(StatusCode::BAD_REQUEST), 400, "token_missing", None),
            (Error::TokenMissing(StatusCode::UNAUTHORIZED), 401, "token_missing", None),
            (Error::MalformedToken("Not a JWT.".to_owned()), 400, "token_malformed", None),
            (Error::PayloadRequired(payload), 400, "payload_required", None),
            (Error::Credentials, 401, "invalid_credentials", None),
            (Error::ApiKey, 401, "invalid_api_key", None),
            (Error::Token(token), 401, "token_expired", None),
            (Error::Refresh(Invalid), 401, "refresh_token_invalid", None),
            (Error::Refresh(Expired), 401, "refresh_token_expired", None),
            (Error::Refresh(Reused), 401, "refresh_token_reused", None),
            (Error::Refresh(Conflict), 409, "refresh_conflict", Some(1)),
            (Error::Disabled, 403, "account_disabled", None),
            (Error::EmailNotVerified, 403, "email_not_verified", None),
            (Error::Taken("email"), 409, "email_taken", None),
            (Error::Taken("username"), 409, "username_taken", None),
            (Error::Taken("id"), 409, "id_taken", None),
            (Error::IdempotencyKeyReused, 409, "idempotency_key_reused", None),
            (Error::TooManyAttempts(Duration::from_millis(1_001)), 429, "too_many_attempts", Some(2)),
            (Error::Request(StatusCode::NOT_FOUND), 404, "not_found", None),
            (Error::Request(StatusCode::METHOD_NOT_ALLOWED), 405, "method_not_allowed", None),
            (Error::Request(StatusCode::PAYLOAD_TOO_LARGE), 413, "payload_too_large", None),
            (Error::Request(StatusCode::UNSUPPORTED_MEDIA_TYPE), 415, "unsupported_media_type", None),
            (Error::NotConfigured("Set it."), 501, "not_configured", None),
            (Error::keys_unavailable("cause"), 503, "keys_unavailable", Some(1)),
            (Error::unavailable("cause"), 503, "unavailable", Some(1)),
            (Error::internal("cause"), 500, "internal_error", None),
        ];
        for (error, status, code, retry_after) in cases {
            let (actual, actual_code) = error.status_and_code();
            assert_eq!((actual.as_u16(), actual_code, error.retry_after_seconds()), (status, code, retry_after));
            let is_bubbles = matches!(error, Error::PayloadRequired(_));
            assert!(
                (is_bubbles || error.to_string().ends_with('.')) && !error.to_string().contains("cause"),
                "{error}"
            );
        }
    }
}
