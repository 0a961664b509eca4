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
    access::Party,
    caller::{self, Verified},
    clock::Timestamp,
    error::Error,
    http,
    input::{Body, Fields, Input},
    token,
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
        Some(Self { token: fields.optional("token") })
    }
}

/// The verification object.
#[derive(Serialize)]
struct Verification {
    valid: bool,
    kind: &'static str,
    uid: String,
    email: String,
    email_verified: bool,
    name: String,
    role_id: u32,
    provider: &'static str,
    issued_at: String,
    expires_at: String,
    expires_in: i64,
    claims: Map<String, Value>,
    report: String,
}

/// 200 with a verification object. Asks no store, unless `check_revoked=true` wants to know whether the session still is.
async fn verify(
    State(app): State<App>,
    party: Party,
    uri: Uri,
    headers: HeaderMap,
    Body(presented): Body<Presented>,
) -> Result<Json<Verification>, Error> {
    let text = presented.token.as_deref().map(str::trim).or_else(|| http::bearer(&headers));
    let text = text.ok_or(Error::TokenMissing(StatusCode::BAD_REQUEST))?;
    let now = app.now();
    let verified = caller::verify(&app, &party, text, now).await?;
    if http::flag(&uri, "check_revoked")? {
        caller::live(&app, &verified, now).await?;
    }
    if app.config().require_verified_email && !verified.claims.email_verified {
        return Err(Error::EmailNotVerified);
    }
    Ok(Json(verification(verified, now)))
}

fn verification(Verified { token, claims }: Verified, now: Timestamp) -> Verification {
    let expiry = Timestamp::from_seconds(claims.exp);
    Verification {
        valid: true,
        kind: "access_token",
        uid: claims.sub,
        email: claims.email,
        email_verified: claims.email_verified,
        name: claims.name,
        role_id: claims.role_id,
        provider: "password",
        issued_at: Timestamp::from_seconds(claims.iat).rfc3339(),
        expires_at: expiry.rfc3339(),
        // Within the skew a token is taken for a moment after its time.
        expires_in: (claims.exp - now.seconds()).max(0),
        report: token::report(expiry, now),
        claims: token.claims,
    }
}
