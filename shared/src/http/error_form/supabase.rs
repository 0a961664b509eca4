//! Errors as the client libraries of Supabase read them.
//!
//! A client drops its session after any refusal of a refresh that it does not take for a passing
//! fault. Whatever passes is therefore 503 here, a conflict included.

use serde::Serialize;

use crate::{
    error::Field,
    http::{api::refusals::Refusal, problem},
    sample::{Meaning, Sample},
};

/// Status and code of a refusal in the words of GoTrue. A code without a word there is the
/// service's own.
pub(super) fn refusal((status, code): Refusal) -> Refusal {
    match (status, code) {
        (_, "invalid_request") => (status, "validation_failed"),
        (_, "invalid_credentials" | "password_incorrect") => (400, "invalid_credentials"),
        (_, "email_taken") => (422, "user_already_exists"),
        (_, "weak_password") => (422, "weak_password"),
        (_, "sign_up_closed" | "invitation_required") => (422, "signup_disabled"),
        (_, "email_domain_not_allowed") => (400, "email_address_not_authorized"),
        (401, "account_disabled") | (_, "auth/user-disabled") => (403, "user_banned"),
        (_, "account_disabled") => (400, "user_banned"),
        (_, "email_not_verified") => (400, "email_not_confirmed"),
        (_, "refresh_token_invalid") => (400, "refresh_token_not_found"),
        (_, "refresh_token_reused") => (400, "refresh_token_already_used"),
        (_, "refresh_token_expired") => (400, "session_expired"),
        (_, "refresh_conflict") => (503, "conflict"),
        (_, "too_many_attempts") => (429, "over_request_rate_limit"),
        (_, "token_revoked" | "auth/id-token-revoked") => (403, "session_not_found"),
        (401, _) => (403, "bad_jwt"),
        (503, _) | (_, "internal_error") => (status, "unexpected_failure"),
        other => other,
    }
}

/// An error of an endpoint below `/auth/v1`.
#[derive(Serialize)]
pub struct SupabaseError<'a> {
    error_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    weak_password: Option<WeakPassword>,
    #[serde(flatten)]
    body: problem::Body<'a>,
}

#[derive(Serialize)]
struct WeakPassword {
    reasons: Vec<&'static str>,
}

impl<'a> SupabaseError<'a> {
    /// The error with the members of GoTrue before its own.
    pub(in crate::http) fn of(body: problem::Body<'a>) -> Self {
        let weak_password =
            (body.code == "weak_password").then(|| WeakPassword { reasons: body.fields.iter().map(reason).collect() });
        Self { error_code: body.code, weak_password, body }
    }
}

/// The word of GoTrue for the weakness of a password.
fn reason(field: &Field) -> &'static str {
    match field.code {
        "password_too_short" | "password_too_long" => "length",
        "password_too_common" | "password_is_breached" => "pwned",
        _ => "characters",
    }
}

impl Sample for SupabaseError<'static> {
    const NAME: &'static str = "SupabaseError";
    const MEMBERS: &'static [Meaning] = &[
        ("error_code", "The code again, for older clients."),
        ("weak_password", "The reasons why a new password was refused: length, characters or pwned."),
        ("message", "For the person who uses the app."),
        ("code", "The word of Supabase for this error."),
        ("detail", "For whoever builds the app: names of fields, and what to do."),
        ("request_id", "The same text as in the header X-Request-Id and in the log."),
        ("fields", "Everything that is wrong with single fields."),
    ];
    const OPTIONAL: &'static [&'static str] = &["weak_password", "report"];

    fn sample() -> Self {
        Self { weak_password: Some(WeakPassword { reasons: vec!["length"] }), ..Self::of(problem::Body::sample()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_passes_is_a_fault_that_a_client_tries_again() {
        for own in [(409, "refresh_conflict"), (503, "unavailable"), (503, "keys_unavailable")] {
            assert_eq!(refusal(own).0, 503, "{own:?}");
        }
    }

    #[test]
    fn a_refusal_has_the_status_and_the_word_by_which_a_client_decides() {
        for (own, expected) in [
            ((401, "invalid_credentials"), (400, "invalid_credentials")),
            ((409, "email_taken"), (422, "user_already_exists")),
            ((400, "weak_password"), (422, "weak_password")),
            ((403, "account_disabled"), (400, "user_banned")),
            ((401, "account_disabled"), (403, "user_banned")),
            ((401, "refresh_token_reused"), (400, "refresh_token_already_used")),
            ((401, "token_missing"), (403, "bad_jwt")),
            ((401, "token_revoked"), (403, "session_not_found")),
            ((500, "internal_error"), (500, "unexpected_failure")),
            ((413, "payload_too_large"), (413, "payload_too_large")),
        ] {
            assert_eq!(refusal(own), expected);
        }
    }
}
