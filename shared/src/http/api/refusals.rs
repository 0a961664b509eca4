//! Sets of refusals that operations share.

/// A status with a code of the contract.
pub type Refusal = (u16, &'static str);

/// The refusals that any request may meet. An operation does not name them.
pub const ANY: &[Refusal] = &[
    (400, "invalid_request"),
    (400, "forwarded_address_missing"),
    (403, "proxy_required"),
    (408, "request_timeout"),
    (414, "uri_too_long"),
    (431, "headers_too_large"),
    (500, "internal_error"),
    (503, "unavailable"),
];

/// The refusals of a request with a body.
pub const BODY: &[Refusal] = &[
    (400, "invalid_request"),
    (400, "placeholder_not_filled"),
    (400, "secret_in_query"),
    (413, "payload_too_large"),
    (415, "unsupported_media_type"),
];

/// The refusals of a token that is verified.
pub const TOKEN: &[Refusal] = &[
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "token_revoked"),
    (401, "account_disabled"),
    (401, "auth/argument-error"),
    (401, "auth/id-token-expired"),
    (401, "auth/id-token-revoked"),
    (401, "auth/mismatching-tenant-id"),
    (401, "auth/user-disabled"),
    (403, "email_not_verified"),
    (503, "keys_unavailable"),
];

/// The refusal of a request without a token.
pub const BEARER: &[Refusal] = &[(401, "token_missing")];

/// The refusals of a password that is tried.
pub const ATTEMPT: &[Refusal] = &[(429, "too_many_attempts")];

/// The refusals of a request without the credential of an admin.
pub const ADMIN: &[Refusal] = &[
    (401, "invalid_admin_key"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "token_revoked"),
    (401, "account_disabled"),
    (401, "reauthentication_required"),
    (403, "admin_address_refused"),
    (403, "email_not_verified"),
    (429, "too_many_attempts"),
    (501, "not_configured"),
];

/// The refusal of an admin by role, of a change that needs an admin key.
pub const KEY_ALONE: &[Refusal] = &[(403, "admin_key_required")];

/// The refusals of a login.
pub const SIGN_IN: &[Refusal] = &[(401, "invalid_credentials"), (403, "account_disabled"), (403, "email_not_verified")];

/// The refusals of a refresh.
pub const REFRESH: &[Refusal] = &[
    (401, "refresh_token_invalid"),
    (401, "refresh_token_expired"),
    (401, "refresh_token_reused"),
    (403, "account_disabled"),
    (403, "email_not_verified"),
    (409, "refresh_conflict"),
];
