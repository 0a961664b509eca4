//! The answer to an error: status, headers and the body of RFC 9457.

use std::sync::{Arc, OnceLock};

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::error_form::{ErrorForm, OAuthError, SupabaseError};
use crate::{
    error::{Confirmation, Error, Field},
    sample::{Meaning, Sample},
};

/// The content type of every other answer.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// The content type of RFC 9457, for callers that ask for it.
pub(super) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The version of the errors of Supabase, without which its clients read another member.
const SUPABASE_VERSION: [(HeaderName, &str); 1] = [(HeaderName::from_static("x-supabase-api-version"), "2024-01-01")];

impl IntoResponse for Error {
    /// The status alone; the contract writes the body, which needs the request.
    fn into_response(self) -> Response {
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.status_and_code().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The challenge of `WWW-Authenticate` (RFC 6750 section 3). A request without a token gets no
/// error code. A client of OAuth learns how to show its secret (RFC 6749 section 5.2).
fn challenge(error: &Error, form: ErrorForm) -> Option<&'static str> {
    match error {
        Error::ApiKey if form == ErrorForm::OAuth => Some(r#"Basic realm="token endpoint""#),
        Error::Token(_) => Some(r#"Bearer error="invalid_token""#),
        Error::TokenMissing => Some("Bearer"),
        _ => None,
    }
}

/// The members of RFC 9457, with `message`, `code`, `request_id`, `fields` and `next`. `report` is
/// there only where a token was refused.
#[derive(Serialize)]
pub struct Body<'a> {
    pub(super) r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    pub(super) message: &'a str,
    pub(super) code: &'a str,
    request_id: &'a str,
    pub(super) fields: &'a [Field],
    next: Next<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a str>,
}

/// The values that the next call needs.
#[derive(Serialize)]
#[serde(untagged)]
enum Next<'a> {
    Nothing {},
    Confirmation(&'a Confirmation),
}

impl Sample for Body<'static> {
    const NAME: &'static str = "Error";
    const MEMBERS: &'static [Meaning] = &[
        ("type", "The page about this code."),
        ("detail", "For whoever builds the app: names of fields, and what to do."),
        ("message", "For the person who uses the app, and fit for a snackbar."),
        ("code", "A stable word, for programs."),
        ("request_id", "The same text as in the header X-Request-Id and in the log."),
        ("fields", "Everything that is wrong with single fields."),
        ("next", "Values that the next call needs; empty where there is no way on."),
        ("report", "The line about a refused token's expiry."),
    ];
    const OPTIONAL: &'static [&'static str] = &["report"];

    fn sample() -> Self {
        Self {
            r#type: "https://YOUR-URL/errors#invalid_request".to_owned(),
            title: "Invalid request".to_owned(),
            status: 400,
            detail: "`email` is required: it was not sent, or its value was empty.",
            message: "Enter your e-mail address.",
            code: "invalid_request",
            request_id: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e",
            fields: FIELDS.get_or_init(|| vec![Field::new("email", "required", "Enter your e-mail address.")]),
            next: Next::Nothing {},
            report: Some(""),
        }
    }
}

/// The reader of an error.
pub(super) struct Reader<'a> {
    /// The URL of the service.
    pub base: &'a str,
    /// The id of the request.
    pub request_id: &'a str,
    /// Whether the caller accepts `application/problem+json`.
    pub as_problem: bool,
    /// The form that the client reads.
    pub form: ErrorForm,
}

/// Writes the body and the headers of `error` into its response.
pub(super) fn write(response: Response, error: &Error, reader: &Reader<'_>) -> Response {
    let own = error.status_and_code();
    let (status, code) = reader.form.refusal(own);
    let (detail, message) = (error.detail(), error.to_string());
    let body = Body {
        r#type: format!("{}/errors#{}", reader.base, own.1),
        title: title(own.1),
        status,
        detail: &detail,
        message: &message,
        code,
        request_id: reader.request_id,
        fields: error.fields(),
        next: match error {
            Error::EmailConfirmationNeeded(Some(confirmation)) => Next::Confirmation(confirmation),
            _ => Next::Nothing {},
        },
        report: match error {
            Error::Token(refusal) => Some(&refusal.report),
            _ => None,
        },
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match reader.form {
        ErrorForm::Own => (status, Json(body)).into_response(),
        ErrorForm::OAuth => (status, Json(OAuthError::of(body))).into_response(),
        ErrorForm::Supabase => (status, SUPABASE_VERSION, Json(SupabaseError::of(body))).into_response(),
    };
    // The layers inside have set CORS and `Allow`.
    for (name, value) in &parts.headers {
        response.headers_mut().append(name, value.clone());
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, if reader.as_problem { PROBLEM_JSON } else { JSON });
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(challenge) = challenge(error, reader.form) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// The fields of the example.
static FIELDS: OnceLock<Vec<Field>> = OnceLock::new();

/// Makes a title of a code: `Invalid credentials` of `invalid_credentials`, `Id token expired` of
/// `auth/id-token-expired`.
fn title(code: &str) -> String {
    let words = code.rsplit('/').next().unwrap_or(code).replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Whether the caller accepts `application/problem+json`.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/problem+json"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_make_titles() {
        assert_eq!(title("invalid_credentials"), "Invalid credentials");
        assert_eq!(title("auth/id-token-expired"), "Id token expired");
    }
}
