//! `POST /verify` and `GET /verify`: verify a token and return its claims.

use std::borrow::Cow;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, Uri},
};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    App,
    account::user::User,
    auth::verification::{self, Verified},
    error::Error,
    http::{
        api::{
            Api, Operation, Parameter,
            operation::{Place, Tag},
            refusals::{BODY, TOKEN},
        },
        body::Body,
        caller,
        fields::{self, Fields, Input, described::Kind as FieldKind},
    },
    jose::{jwt, kind::Kind},
    sample::{Meaning, Sample},
    telemetry::metrics,
    time::Timestamp,
    token::access::Issuer,
};

const CHECK_REVOKED: Parameter = Parameter {
    name: "check_revoked",
    place: Place::Query,
    kind: FieldKind::Flag,
    text: "Whether to read the account too, so that an ended session and a disabled account are refused.",
    example: "true",
};

/// The endpoints of this function.
pub fn api() -> Api {
    let operation = |id, summary| {
        Operation::new::<Verification>(id, summary)
            .text("Says whether a token is good: this service's, Firebase's, or one with the shared secret.")
            .tag(Tag::Tokens)
            .parameters(&[CHECK_REVOKED])
            .fails(TOKEN)
            .fails(&[(400, "token_missing")])
    };
    // A GET may have a body too, which few clients can send.
    let by_header = operation("verify", "Check the token of whoever calls").bearer().for_clients().fails(BODY);
    let by_body = operation("verifyToken", "Check a token").body::<TokenInput>().bearer_or_field();
    Api::new().get("/verify", verify, by_header).post("/verify", verify, by_body)
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
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
    act: String,
    provider: String,
    issued_at: String,
    expires_at: String,
    expires_in: i64,
    revocation_checked: bool,
    claims: Map<String, Value>,
    report: String,
}

impl Sample for Verification {
    const NAME: &'static str = "Verification";
    const MEMBERS: &'static [Meaning] = &[
        ("valid", "Always true: a refusal is a 401."),
        ("kind", "access_token, firebase_id_token or shared_secret."),
        ("role_id", "0 where neither the account nor the token says a role."),
        ("act", "The admin who signed in as this person, such as key:anna; empty for the person."),
        ("provider", "The kind of sign-in, such as password, custom or google.com."),
        ("expires_at", "Empty if the token never expires."),
        ("expires_in", "In seconds."),
        ("revocation_checked", "Whether the account was read."),
        ("claims", "The payload, unchanged."),
        ("report", "A line for people; empty if the token never expires."),
    ];
    const DATES_OR_EMPTY: &'static [&'static str] = &["issued_at", "expires_at"];

    fn sample() -> Self {
        Self {
            valid: true,
            kind: Kind::FirebaseIdToken,
            uid: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e".to_owned(),
            email: "james@example.com".to_owned(),
            email_verified: false,
            name: "James".to_owned(),
            role_id: 1,
            act: String::new(),
            provider: "custom".to_owned(),
            issued_at: "2026-05-27T14:00:00Z".to_owned(),
            expires_at: "2026-05-27T15:00:00Z".to_owned(),
            expires_in: 780,
            revocation_checked: true,
            claims: Map::new(),
            report: "Expires: 2026-05-27 15:00:00 UTC — in 13 minutes".to_owned(),
        }
    }
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
    let act = verified.actor().unwrap_or_default().to_owned();
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
        act,
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
