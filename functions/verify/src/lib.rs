//! `POST /verify` and `GET /verify`: verify a token and return its claims.

use std::borrow::Cow;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, Uri},
    routing::post,
};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    App,
    account::user::User,
    auth::verification::{self, Verified},
    error::Error,
    http::{
        body::Body,
        caller,
        fields::{self, Fields, Input},
    },
    jose::{jwt, kind::Kind},
    telemetry::metrics,
    time::Timestamp,
    token::access::Issuer,
};

/// The routes of this function.
pub fn router() -> Router<App> {
    Router::new().route("/verify", post(verify).get(verify))
}

/// `token`, unless it comes as `Authorization: Bearer`.
struct TokenInput {
    token: Option<String>,
}

impl Input for TokenInput {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { token: fields.optional_token("token") })
    }
}

/// The verification object.
#[derive(Serialize)]
struct Verification {
    valid: bool,
    kind: Kind,
    uid: String,
    email: String,
    email_verified: bool,
    name: String,
    role_id: u32,
    provider: String,
    issued_at: String,
    expires_at: String,
    expires_in: i64,
    revocation_checked: bool,
    claims: Map<String, Value>,
    report: String,
}

/// 200 with a verification object. Counts the result of each verification.
async fn verify(
    State(app): State<App>,
    issuer: Issuer,
    uri: Uri,
    headers: HeaderMap,
    Body(input): Body<TokenInput>,
) -> Result<Json<Verification>, Error> {
    let verified = verified(&app, &issuer, &uri, &headers, input).await;
    metrics::count_verification(verified.as_ref().err().map(|error| error.status_and_code().1));
    verified.map(Json)
}

/// Verifies the token of the request. `expires_at` is empty if the token never expires. Reads no
/// store, unless `check_revoked=true` asks whether the session is still live.
async fn verified(
    app: &App,
    issuer: &Issuer,
    uri: &Uri,
    headers: &HeaderMap,
    input: TokenInput,
) -> Result<Verification, Error> {
    let given = input.token.as_deref();
    let filled = given.filter(|text| !text.trim().is_empty()).map(Cow::Borrowed);
    let text = filled.or_else(|| caller::bearer(headers)).or(given.map(Cow::Borrowed)).ok_or(Error::TokenRequired)?;
    let check_revoked = fields::query_flag(uri, "check_revoked")?;
    let now = app.now();
    let verified = verification::verify(app, issuer, &text, now).await?;
    let account = if check_revoked { verification::load_account(app, &verified, now).await? } else { None };
    // An account that was loaded is admitted.
    if account.is_none() {
        verification::require_verified_email(app, &verified, now).await?;
    }
    Ok(verification(verified, account, now))
}

/// The verification object. An account that was read says who the holder is. A token may be an hour
/// old, and a Firebase ID token has no role.
fn verification(verified: Verified, account: Option<User>, now: Timestamp) -> Verification {
    let expiry = verified.expires_at;
    let revocation_checked = account.is_some();
    let (email, email_verified, name, role_id) = match account {
        Some(user) => (user.email, user.email_verified, user.name, user.role_id),
        None => (verified.email, verified.email_verified, verified.name, verified.role_id),
    };
    Verification {
        valid: true,
        kind: verified.kind,
        uid: verified.uid,
        email,
        email_verified,
        name,
        role_id,
        provider: verified.provider,
        issued_at: verified.issued_at.map(Timestamp::rfc3339).unwrap_or_default(),
        expires_at: expiry.map(Timestamp::rfc3339).unwrap_or_default(),
        // The clock skew lets a token pass for a moment after its expiry.
        expires_in: expiry.map_or(0, |expiry| (expiry.seconds() - now.seconds()).max(0)),
        revocation_checked,
        report: expiry.map(|expiry| jwt::report(expiry, now)).unwrap_or_default(),
        claims: verified.token.claims,
    }
}
