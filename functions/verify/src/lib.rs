//! `POST /verify` and `GET /verify`: is this token good, and what does it say?

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    routing::post,
};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    App,
    auth::verification::{self, Verified},
    error::Error,
    http::{
        body::{Body, Fields, Input},
        contract,
    },
    jose::{jwt, kind::Kind},
    telemetry::metrics,
    time::Timestamp,
    token::access::Party,
};

/// The routes of this function.
pub fn router() -> Router<App> {
    Router::new().route("/verify", post(verify).get(verify))
}

/// `token`, unless it comes as `Authorization: Bearer`.
struct Presented {
    token: Option<String>,
}

impl Input for Presented {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { token: fields.presented("token") })
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
    claims: Map<String, Value>,
    report: String,
}

/// 200 with a verification object, and counts what it came to.
async fn verify(
    State(app): State<App>,
    party: Party,
    uri: Uri,
    headers: HeaderMap,
    Body(presented): Body<Presented>,
) -> Result<Json<Verification>, Error> {
    let verified = verified(&app, &party, &uri, &headers, presented).await;
    metrics::count_verification(verified.as_ref().err());
    verified.map(Json)
}

/// Of a token that never expires `expires_at` is empty. Asks no store, unless `check_revoked=true` wants to know whether the session
/// still is.
async fn verified(
    app: &App,
    party: &Party,
    uri: &Uri,
    headers: &HeaderMap,
    presented: Presented,
) -> Result<Verification, Error> {
    let given = presented.token.as_deref();
    let text = given.filter(|text| !text.is_empty()).or_else(|| contract::bearer(headers)).or(given);
    let text = text.ok_or(Error::TokenMissing(StatusCode::BAD_REQUEST))?;
    let check_revoked = contract::flag(uri, "check_revoked")?;
    let now = app.now();
    let verified = verification::verify(app, party, text, now).await?;
    let user = if check_revoked { verification::live(app, &verified, now).await? } else { None };
    verification::admit(app, &verified, user).await?;
    Ok(verification(verified, now))
}

fn verification(verified: Verified, now: Timestamp) -> Verification {
    let expiry = verified.expires_at;
    Verification {
        valid: true,
        kind: verified.kind,
        uid: verified.uid,
        email: verified.email,
        email_verified: verified.email_verified,
        name: verified.name,
        role_id: verified.role_id,
        provider: verified.provider,
        issued_at: verified.issued_at.map(Timestamp::rfc3339).unwrap_or_default(),
        expires_at: expiry.map(Timestamp::rfc3339).unwrap_or_default(),
        // Within the skew a token is taken for a moment after its time.
        expires_in: expiry.map_or(0, |expiry| (expiry.seconds() - now.seconds()).max(0)),
        report: expiry.map(|expiry| jwt::report(expiry, now)).unwrap_or_default(),
        claims: verified.token.claims,
    }
}
