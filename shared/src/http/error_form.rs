//! The forms in which errors are written: the service's own, and forms that clients of other
//! protocols read. Each other form has the members of the own one too.

mod supabase;

use serde::Serialize;

pub use supabase::SupabaseError;

use super::{api::refusals::Refusal, problem};
use crate::sample::{Meaning, Sample};

/// The form of the errors of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorForm {
    /// The service's own form.
    #[default]
    Own,
    /// The form of OAuth 2.0 (RFC 6749 section 5.2).
    OAuth,
    /// The form of GoTrue, Supabase's server of accounts.
    Supabase,
}

impl ErrorForm {
    /// The form of the errors of this path.
    pub fn of(path: &str) -> Self {
        match path {
            "/oauth/token" | "/oauth/revoke" => Self::OAuth,
            path if path.starts_with("/auth/v1/") => Self::Supabase,
            _ => Self::Own,
        }
    }

    /// The name of the shape in the documents of the API.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Own => problem::Body::NAME,
            Self::OAuth => OAuthError::NAME,
            Self::Supabase => SupabaseError::NAME,
        }
    }

    /// Status and code of a refusal, as this form tells them.
    pub fn refusal(self, (status, code): Refusal) -> Refusal {
        match (self, oauth_error(code)) {
            (Self::Own, _) => (status, code),
            (Self::OAuth, INVALID_GRANT) if status != 429 => (400, code),
            (Self::OAuth, UNAVAILABLE) => (503, code),
            (Self::OAuth, _) => (status, code),
            (Self::Supabase, _) => supabase::refusal((status, code)),
        }
    }
}

const INVALID_GRANT: &str = "invalid_grant";
const UNAVAILABLE: &str = "temporarily_unavailable";

/// The word of OAuth 2.0 for a code: of RFC 6749 section 5.2, or of 4.1.2.1 for a fault. 429 has no
/// word of its own.
fn oauth_error(code: &str) -> &'static str {
    match code {
        "invalid_credentials" | "account_disabled" | "email_not_verified" | "too_many_attempts" => INVALID_GRANT,
        "refresh_token_invalid" | "refresh_token_expired" | "refresh_token_reused" => INVALID_GRANT,
        "unsupported_grant_type" => "unsupported_grant_type",
        "invalid_api_key" => "invalid_client",
        "refresh_conflict" | "keys_unavailable" | "unavailable" => UNAVAILABLE,
        "internal_error" => "server_error",
        _ => "invalid_request",
    }
}

/// An error of the token endpoint.
#[derive(Serialize)]
pub struct OAuthError<'a> {
    error: &'static str,
    error_description: String,
    error_uri: String,
    #[serde(flatten)]
    body: problem::Body<'a>,
}

impl<'a> OAuthError<'a> {
    /// The error with the members of OAuth before its own.
    pub(super) fn of(body: problem::Body<'a>) -> Self {
        // RFC 6749 section 5.2 allows these characters and no others.
        let is_allowed = |letter: &char| matches!(letter, ' '..='!' | '#'..='[' | ']'..='~');
        Self {
            error: oauth_error(body.code),
            error_description: body.message.chars().filter(is_allowed).collect(),
            error_uri: body.r#type.clone(),
            body,
        }
    }
}

impl Sample for OAuthError<'static> {
    const NAME: &'static str = "OAuthError";
    const MEMBERS: &'static [Meaning] = &[
        ("error", "The word of RFC 6749 for this error."),
        ("error_description", "The message again, in plain ASCII."),
        ("error_uri", "The page about this code."),
        ("detail", "For whoever builds the app: names of fields, and what to do."),
        ("message", "For the person who uses the app."),
        ("code", "A stable word, finer than error."),
        ("request_id", "The same text as in the header X-Request-Id and in the log."),
        ("fields", "Everything that is wrong with single fields."),
    ];
    const OPTIONAL: &'static [&'static str] = <problem::Body<'static> as Sample>::OPTIONAL;

    fn sample() -> Self {
        Self::of(problem::Body::sample())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_oauth_tells_refusals_by_the_statuses_of_the_standard() {
        let form = ErrorForm::of("/oauth/token");
        for (own, expected, error) in [
            ((401, "invalid_credentials"), 400, INVALID_GRANT),
            ((403, "account_disabled"), 400, INVALID_GRANT),
            ((401, "refresh_token_reused"), 400, INVALID_GRANT),
            ((429, "too_many_attempts"), 429, INVALID_GRANT),
            ((409, "refresh_conflict"), 503, UNAVAILABLE),
            ((503, "keys_unavailable"), 503, UNAVAILABLE),
            ((500, "internal_error"), 500, "server_error"),
            ((401, "invalid_api_key"), 401, "invalid_client"),
            ((400, "placeholder_not_filled"), 400, "invalid_request"),
            ((413, "payload_too_large"), 413, "invalid_request"),
        ] {
            assert_eq!((form.refusal(own), oauth_error(own.1)), ((expected, own.1), error));
            assert_eq!(ErrorForm::of("/oauth/userinfo").refusal(own), own);
        }
    }

    #[test]
    fn a_description_has_no_character_that_the_standard_forbids() {
        let mut body = problem::Body::sample();
        body.message = "A \"quoted\" \\ é\u{7f}word.";
        assert_eq!(OAuthError::of(body).error_description, "A quoted  word.");
    }
}
