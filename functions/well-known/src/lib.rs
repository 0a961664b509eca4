//! `/.well-known/*`, what others need to verify this service's tokens, and `/health`.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};
use shared::{App, access::Party, error::Error};

/// For how long the documents may be cached. A new key is published for longer than this before it signs.
const CACHED: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=300")];

/// The routes of this function.
pub fn router() -> Router<App> {
    Router::new()
        .route("/.well-known/jwks.json", get(jwks))
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/health", get(health))
}

/// The public keys (RFC 7517 section 5), the one that signs first.
async fn jwks(State(app): State<App>) -> Result<impl IntoResponse, Error> {
    Ok((CACHED, Json(app.keys().ring().await?.jwks(app.now()))))
}

/// What a verifier needs of OpenID Connect Discovery 1.0 section 3. The endpoints of an OAuth flow are left out: there is none.
async fn discovery(party: Party) -> impl IntoResponse {
    let document = json!({
        "issuer": party.issuer,
        "jwks_uri": format!("{}/.well-known/jwks.json", party.issuer),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "claims_supported": [
            "iss", "sub", "aud", "iat", "exp", "jti", "sid", "email", "email_verified", "name", "role_id", "auth_time",
        ],
    });
    (CACHED, Json(document))
}

/// 200 without asking anything else.
async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}
