//! Every failure, named for the action of the caller.
//!
//! Each has two texts. The *message* is for the person who uses the app: a plain sentence without
//! names of keys. The *detail* is for the people who build the app, and may say more.

pub mod codes;
mod sentences;

use std::{fmt, net::IpAddr, time::Duration};

use serde::Serialize;

/// The cause of a fault, for the log alone.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The code of a text field that holds a placeholder, in a field and of the whole error.
pub const PLACEHOLDER: &str = "placeholder_not_filled";

/// The code of a key that is not stored, in a field and of the whole error.
pub const UNKNOWN_FIELD: &str = "unknown_field";

/// The reason why a request fails. `Display` is the message for the person who uses the app.
#[derive(Debug)]
pub enum Error {
    /// 400: the body or a header breaks the contract.
    Invalid {
        /// A code of the HTTP contract.
        code: &'static str,
        /// The message.
        message: String,
        /// The detail.
        detail: String,
        /// The mistakes in single fields.
        fields: Vec<Field>,
    },
    /// 400: a secret stands in the query of a request that changes something.
    SecretInQuery,
    /// 400: the new password is too weak.
    WeakPassword(Field),
    /// 400: the request has no token to verify.
    TokenRequired,
    /// 401: the request has no bearer token.
    TokenMissing,
    /// 400: a new password was sent without the current one.
    ReauthenticationNeeded,
    /// 400: the token endpoint has no such grant.
    UnsupportedGrantType,
    /// 400: the text is no JWT. The sentence says why and never quotes the text.
    MalformedToken(String),
    /// 400: there is no payload to sign. The field says why.
    PayloadRequired(Field),
    /// 401: the account is unknown, the password is wrong, or there is no password to check.
    Credentials,
    /// 403: somebody who is logged in has given a wrong password.
    PasswordIncorrect,
    /// 401: there is no API key, or a wrong one.
    ApiKey,
    /// 401: there is neither an admin key nor an admin token, or the key is wrong.
    AdminKey,
    /// 403: an admin by role does what needs an admin key.
    AdminKeyRequired,
    /// 403: nobody may call `/admin` from this address, as far as it is known.
    AdminAddress(Option<IpAddr>),
    /// 401: the token is not good.
    Token(TokenRefusal),
    /// 401: the text is no refresh token of this service. The sentence says what it is.
    NoRefreshToken(String),
    /// 401 or 409: the refresh token is not good.
    Refresh(RefreshRefusal),
    /// 400: the address of the account is verified already.
    AlreadyVerified,
    /// 400: the account has this address already.
    EmailUnchanged,
    /// 401: the code is wrong, or not good any more; the codes that may still be wrong.
    CodeInvalid(u32),
    /// 401: the link of a mail is not good.
    Link(LinkRefusal),
    /// 403: the account is disabled. The caller has sent the right password or a genuine token.
    Disabled,
    /// 403: the e-mail address is not verified, and the deployment requires verified addresses.
    EmailNotVerified,
    /// 403: the deployment does not let this person create an account.
    SignUp(SignUpRefusal),
    /// 409: another account has this `email`, `username` or `id`.
    Taken(&'static str),
    /// 409: the identity is linked to another account.
    IdentityTaken,
    /// 409: the account has as many identities as it may have.
    TooManyIdentities,
    /// 409: the identity is the only way into the account.
    LastWayIn,
    /// 409: the provider does not vouch for the address, and an account has it. The values for the
    /// call that shows the mailbox, if a mail was sent.
    EmailConfirmationNeeded(Option<Box<Confirmation>>),
    /// 401: the login is too long ago for this change.
    LoginTooOld,
    /// 409: the idempotency key came with another request before.
    IdempotencyKeyReused,
    /// 429: too many failures, or too many requests from one address; the time to wait.
    TooManyAttempts(Duration),
    /// 400: the gateway's event, or the bytes of the connection, make no request.
    Unreadable,
    /// 400: the request names no caller, and the deployment's proxy names one in each request.
    ForwardedAddressMissing,
    /// 403: the request came past the deployment's proxy.
    ProxyRequired,
    /// 403: a page of another site made a call that is for the pages of this service alone.
    CrossOrigin,
    /// 404: no route has this path. The path that was meant, if it is known.
    NotFound(Option<&'static str>),
    /// 404: no account has this id.
    NoSuchAccount,
    /// 409: the account is of another version than the one that the change was made for.
    VersionConflict,
    /// 405: the path has no such method.
    MethodNotAllowed(Methods),
    /// 408: the request did not come to its end in time.
    RequestTimeout,
    /// 413: the body is over its limit.
    TooLarge,
    /// 414: the URL is over its limit.
    UriTooLong,
    /// 415: the body is neither JSON nor a form in UTF-8. The type that it was sent as.
    UnsupportedMediaType(Media),
    /// 431: the head of the request is over its limit.
    HeadersTooLarge,
    /// 501: the deployment lacks a setting for this request. The sentence names the variables.
    NotConfigured(&'static str),
    /// 503: the public keys for Firebase tokens cannot be fetched.
    KeysUnavailable(Cause),
    /// 503: a service behind this one fails or is slow.
    Unavailable(Cause),
    /// 500: a fault of this service.
    Internal(Cause),
}

/// The values with which a client shows that a mailbox is its person's: the answer to whoever asks
/// for a mail.
#[derive(Clone, Debug, Serialize)]
pub struct Confirmation {
    /// To be sent with the code of the mail.
    pub challenge: String,
    /// The life of the code, in seconds.
    pub expires_in: u64,
    /// The end of that life, as a date of RFC 3339.
    pub expires_at: String,
    /// The time until another mail may be asked for, in seconds.
    pub resend_in: u64,
    /// The end of that time, as a date of RFC 3339.
    pub resend_at: String,
    /// The digits of the code.
    pub code_length: usize,
    /// A sentence for the person.
    pub message: &'static str,
}

/// A mistake in one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The name of the field.
    pub field: String,
    /// A stable code, for programs.
    pub code: &'static str,
    /// A sentence, for the person who uses the app.
    pub message: String,
    /// A part of the detail of the whole error, for the people who build the app.
    #[serde(skip)]
    detail: String,
}

impl Field {
    /// A mistake in `field`. The detail is the same sentence behind the field's name. Backquotes
    /// are for the detail alone.
    pub fn new(field: impl Into<String>, code: &'static str, sentence: impl AsRef<str>) -> Self {
        let (field, sentence) = (field.into(), sentence.as_ref());
        let detail = format!("`{field}`: {sentence}");
        Self { field, code, message: sentence.replace('`', ""), detail }
    }

    /// The same mistake in another field.
    pub fn renamed(self, field: &str) -> Self {
        let detail = self.detail.replace(&format!("`{}`", self.field), &format!("`{field}`"));
        Self { field: field.to_owned(), detail, ..self }
    }

    /// Says more to the people who build the app.
    pub fn explained(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The sentence for the people who build the app.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

/// The methods that a path accepts, for the answer to another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Methods {
    /// The methods, in the order of the router; empty if they are not known.
    pub allowed: Vec<&'static str>,
    /// Whether the request was a GET, as a browser sends it for an address that is opened.
    pub is_get: bool,
}

/// The type of a body that this service does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `multipart/form-data`, as for the upload of a file.
    Multipart,
    /// `text/plain`.
    Text,
    /// A known type with another charset than UTF-8.
    Charset,
    /// A body that `Content-Encoding` calls compressed. The name of the compression, if known.
    Encoded(&'static str),
    /// Any other type, or none that can be read.
    Other,
}

impl Error {
    /// A mistake in the request as a whole. Message and detail are the same.
    pub fn invalid(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::explained(message.clone(), message)
    }

    /// A mistake in the request as a whole.
    pub fn explained(message: impl Into<String>, detail: impl Into<String>) -> Self {
        let (message, detail) = (message.into(), detail.into());
        Self::Invalid { code: "invalid_request", message, detail, fields: Vec::new() }
    }

    /// Mistakes in fields, all of them. The code is that of a field whose mistake has a code of its
    /// own for the whole request.
    pub fn wrong(fields: Vec<Field>) -> Self {
        let is_unknown = !fields.is_empty() && fields.iter().all(|field| field.code == UNKNOWN_FIELD);
        let has_placeholder = fields.iter().any(|field| field.code == PLACEHOLDER);
        let code = match (has_placeholder, is_unknown) {
            (true, _) => PLACEHOLDER,
            (false, true) => UNKNOWN_FIELD,
            (false, false) => "invalid_request",
        };
        let mut messages: Vec<&str> = Vec::new();
        for field in &fields {
            if !messages.contains(&field.message.as_str()) {
                messages.push(&field.message);
            }
        }
        let message = if fields.is_empty() { "The request is not as expected.".to_owned() } else { messages.join(" ") };
        let details: Vec<&str> = fields.iter().map(Field::detail).collect();
        let detail = if fields.is_empty() { message.clone() } else { details.join(" ") };
        Self::Invalid { code, message, detail, fields }
    }

    /// This mistake and another one of the same request, told at once. An error that is no mistake
    /// of the request, such as a body that is too large, is told alone.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (code, message, detail, mut fields) = match self {
            Self::Invalid { code, message, detail, fields } => (code, message, detail, fields),
            alone => return alone,
        };
        let Self::Invalid { code: others, message: more, detail: details, fields: others_fields } = other else {
            return other;
        };
        fields.extend(others_fields);
        let code = if [code, others].contains(&PLACEHOLDER) { PLACEHOLDER } else { "invalid_request" };
        Self::Invalid { code, message: format!("{message} {more}"), detail: format!("{detail} {details}"), fields }
    }

    /// A fault of this service.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// A fault of a service behind this one.
    pub fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// A fault of the endpoint that publishes Firebase's keys.
    pub fn keys_unavailable(cause: impl Into<Cause>) -> Self {
        Self::KeysUnavailable(cause.into())
    }

    /// The cause, for the log alone. Without a cause, the detail.
    pub fn cause(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.detail(), chain)
    }

    /// The HTTP status and the stable code.
    pub fn status_and_code(&self) -> (u16, &'static str) {
        match self {
            Self::Invalid { code, .. } => (400, code),
            Self::Unreadable => (400, "invalid_request"),
            Self::SecretInQuery => (400, "secret_in_query"),
            Self::ForwardedAddressMissing => (400, "forwarded_address_missing"),
            Self::ProxyRequired => (403, "proxy_required"),
            Self::CrossOrigin => (403, "cross_origin"),
            Self::WeakPassword(_) => (400, "weak_password"),
            Self::TokenRequired => (400, "token_missing"),
            Self::TokenMissing => (401, "token_missing"),
            Self::ReauthenticationNeeded => (400, "reauthentication_needed"),
            Self::UnsupportedGrantType => (400, "unsupported_grant_type"),
            Self::MalformedToken(_) => (400, "token_malformed"),
            Self::PayloadRequired(_) => (400, "payload_required"),
            Self::Credentials => (401, "invalid_credentials"),
            Self::PasswordIncorrect => (403, "password_incorrect"),
            Self::ApiKey => (401, "invalid_api_key"),
            Self::AdminKey => (401, "invalid_admin_key"),
            Self::AdminKeyRequired => (403, "admin_key_required"),
            Self::AdminAddress(_) => (403, "admin_address_refused"),
            Self::Token(refusal) => (401, refusal.code),
            Self::NoRefreshToken(_) | Self::Refresh(RefreshRefusal::Invalid) => (401, "refresh_token_invalid"),
            Self::Refresh(RefreshRefusal::Expired) => (401, "refresh_token_expired"),
            Self::Refresh(RefreshRefusal::Reused) => (401, "refresh_token_reused"),
            Self::Refresh(RefreshRefusal::Conflict) => (409, "refresh_conflict"),
            Self::AlreadyVerified => (400, "already_verified"),
            Self::EmailUnchanged => (400, "email_unchanged"),
            Self::CodeInvalid(_) => (401, "code_invalid"),
            Self::Link(LinkRefusal::Invalid) => (401, "link_invalid"),
            Self::Link(LinkRefusal::Expired) => (401, "link_expired"),
            Self::Link(LinkRefusal::Used) => (401, "link_used"),
            Self::Disabled => (403, "account_disabled"),
            Self::EmailNotVerified => (403, "email_not_verified"),
            Self::SignUp(SignUpRefusal::Closed) => (403, "sign_up_closed"),
            Self::SignUp(SignUpRefusal::Uninvited) => (403, "invitation_required"),
            Self::SignUp(SignUpRefusal::Domain) => (403, "email_domain_not_allowed"),
            Self::Taken("username") => (409, "username_taken"),
            Self::Taken("id") => (409, "id_taken"),
            Self::Taken(_) => (409, "email_taken"),
            Self::IdentityTaken => (409, "identity_taken"),
            Self::TooManyIdentities => (409, "too_many_identities"),
            Self::LastWayIn => (409, "last_way_in"),
            Self::EmailConfirmationNeeded(_) => (409, "email_confirmation_needed"),
            Self::LoginTooOld => (401, "reauthentication_required"),
            Self::IdempotencyKeyReused => (409, "idempotency_key_reused"),
            Self::TooManyAttempts(_) => (429, "too_many_attempts"),
            Self::VersionConflict => (409, "version_conflict"),
            Self::NotFound(_) => (404, "not_found"),
            Self::NoSuchAccount => (404, "user_not_found"),
            Self::MethodNotAllowed(_) => (405, "method_not_allowed"),
            Self::RequestTimeout => (408, "request_timeout"),
            Self::TooLarge => (413, "payload_too_large"),
            Self::UriTooLong => (414, "uri_too_long"),
            Self::UnsupportedMediaType(_) => (415, "unsupported_media_type"),
            Self::HeadersTooLarge => (431, "headers_too_large"),
            Self::NotConfigured(_) => (501, "not_configured"),
            Self::KeysUnavailable(_) => (503, "keys_unavailable"),
            Self::Unavailable(_) => (503, "unavailable"),
            Self::Internal(_) => (500, "internal_error"),
        }
    }

    /// The mistakes in single fields.
    pub fn fields(&self) -> &[Field] {
        match self {
            Self::Invalid { fields, .. } => fields,
            Self::WeakPassword(field) | Self::PayloadRequired(field) => std::slice::from_ref(field),
            _ => &[],
        }
    }

    /// The seconds after which another attempt may succeed; `None` if waiting does not help.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        match self {
            Self::TooManyAttempts(wait) => Some(whole_seconds(*wait)),
            Self::KeysUnavailable(_) | Self::Unavailable(_) | Self::Refresh(RefreshRefusal::Conflict) => Some(1),
            _ => None,
        }
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

/// The reason why a token is refused: a stable code and a sentence, both for the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenRefusal {
    /// A code of the HTTP contract.
    pub code: &'static str,
    /// A sentence that quotes no more of the token than its `aud`.
    pub message: String,
    /// The line about the token's expiry; empty if the expiry cannot be read.
    pub report: String,
}

impl TokenRefusal {
    /// A refusal with this code, without a line about the expiry.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), report: String::new() }
    }
}

impl fmt::Debug for TokenRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

/// The reason why a refresh is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRefusal {
    /// 401: the token is not from this service, or its session has ended.
    Invalid,
    /// 401: the session has reached the end of its life.
    Expired,
    /// 401: the token was exchanged long ago, so somebody holds a copy. The session ends.
    Reused,
    /// 409: another change of the session was under way.
    Conflict,
}

/// The reason why the link of a mail is refused. Whoever has the link has shown the mail, so that
/// the reasons may be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    /// 401: this service made no such link, or made it for something else.
    Invalid,
    /// 401: its time is over.
    Expired,
    /// 401: it was used, or the account has changed since.
    Used,
}

/// The reason why somebody may not create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpRefusal {
    /// 403: nobody may.
    Closed,
    /// 403: only people with an invitation may.
    Uninvited,
    /// 403: only people with an e-mail address of certain domains may.
    Domain,
}

/// Writes an error and its causes by `Display`. `Debug` is never used: an SDK error's `Debug` text
/// holds the whole answer, secrets included.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut chain = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some wrappers repeat the sentence of the error inside.
        if !chain.ends_with(&text) {
            chain.push_str(": ");
            chain.push_str(&text);
        }
        next = cause.source();
    }
    chain
}

/// Rounds a wait up to whole seconds, one at least, so that a caller who waits that long is let
/// through.
pub fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
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
        use super::RefreshRefusal::{Conflict, Expired, Invalid, Reused};
        let weak = Field::new("password", "password_too_short", "Too short.");
        let token = TokenRefusal::new("token_expired", "Expired.");
        let payload = Field::new("payload", "required", "None.");
        let cases = [
            (Error::invalid("Wrong."), 400, "invalid_request", None),
            (Error::SecretInQuery, 400, "secret_in_query", None),
            (Error::WeakPassword(weak), 400, "weak_password", None),
            (Error::TokenRequired, 400, "token_missing", None),
            (Error::TokenMissing, 401, "token_missing", None),
            (Error::ReauthenticationNeeded, 400, "reauthentication_needed", None),
            (Error::UnsupportedGrantType, 400, "unsupported_grant_type", None),
            (Error::MalformedToken("Not a JWT.".to_owned()), 400, "token_malformed", None),
            (Error::PayloadRequired(payload), 400, "payload_required", None),
            (Error::Credentials, 401, "invalid_credentials", None),
            (Error::PasswordIncorrect, 403, "password_incorrect", None),
            (Error::ApiKey, 401, "invalid_api_key", None),
            (Error::AdminKey, 401, "invalid_admin_key", None),
            (Error::AdminKeyRequired, 403, "admin_key_required", None),
            (Error::AdminAddress(None), 403, "admin_address_refused", None),
            (Error::NoSuchAccount, 404, "user_not_found", None),
            (Error::VersionConflict, 409, "version_conflict", None),
            (Error::Token(token), 401, "token_expired", None),
            (Error::NoRefreshToken("A JWT.".to_owned()), 401, "refresh_token_invalid", None),
            (Error::Refresh(Invalid), 401, "refresh_token_invalid", None),
            (Error::Refresh(Expired), 401, "refresh_token_expired", None),
            (Error::Refresh(Reused), 401, "refresh_token_reused", None),
            (Error::Refresh(Conflict), 409, "refresh_conflict", Some(1)),
            (Error::Disabled, 403, "account_disabled", None),
            (Error::EmailNotVerified, 403, "email_not_verified", None),
            (Error::SignUp(SignUpRefusal::Closed), 403, "sign_up_closed", None),
            (Error::SignUp(SignUpRefusal::Uninvited), 403, "invitation_required", None),
            (Error::SignUp(SignUpRefusal::Domain), 403, "email_domain_not_allowed", None),
            (Error::Taken("email"), 409, "email_taken", None),
            (Error::Taken("username"), 409, "username_taken", None),
            (Error::Taken("id"), 409, "id_taken", None),
            (Error::IdentityTaken, 409, "identity_taken", None),
            (Error::TooManyIdentities, 409, "too_many_identities", None),
            (Error::LastWayIn, 409, "last_way_in", None),
            (Error::EmailConfirmationNeeded(None), 409, "email_confirmation_needed", None),
            (Error::LoginTooOld, 401, "reauthentication_required", None),
            (Error::IdempotencyKeyReused, 409, "idempotency_key_reused", None),
            (Error::TooManyAttempts(Duration::from_millis(1_001)), 429, "too_many_attempts", Some(2)),
            (Error::Unreadable, 400, "invalid_request", None),
            (Error::ForwardedAddressMissing, 400, "forwarded_address_missing", None),
            (Error::ProxyRequired, 403, "proxy_required", None),
            (Error::EmailUnchanged, 400, "email_unchanged", None),
            (Error::CrossOrigin, 403, "cross_origin", None),
            (Error::NotFound(None), 404, "not_found", None),
            (Error::MethodNotAllowed(Methods::default()), 405, "method_not_allowed", None),
            (Error::RequestTimeout, 408, "request_timeout", None),
            (Error::TooLarge, 413, "payload_too_large", None),
            (Error::UriTooLong, 414, "uri_too_long", None),
            (Error::HeadersTooLarge, 431, "headers_too_large", None),
            (Error::UnsupportedMediaType(Media::Text), 415, "unsupported_media_type", None),
            (Error::NotConfigured("Set it."), 501, "not_configured", None),
            (Error::keys_unavailable("cause"), 503, "keys_unavailable", Some(1)),
            (Error::unavailable("cause"), 503, "unavailable", Some(1)),
            (Error::internal("cause"), 500, "internal_error", None),
        ];
        for (error, status, code, retry_after) in cases {
            let (actual, actual_code) = error.status_and_code();
            assert_eq!((actual, actual_code, error.retry_after_seconds()), (status, code, retry_after));
            let entry = codes::CODES.iter().find(|entry| entry.code == code);
            assert!(entry.is_some_and(|entry| entry.statuses.contains(&status)), "{status} {code} has no entry");
            let is_bubbles = matches!(error, Error::PayloadRequired(_));
            assert!(
                (is_bubbles || error.to_string().ends_with('.')) && !error.to_string().contains("cause"),
                "{error}"
            );
        }
    }

    #[test]
    fn who_waits_the_seconds_that_it_is_told_is_let_through() {
        for (milliseconds, told) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (900_000, 900)] {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), told);
        }
    }
}
