//! `/.well-known/*`, the documents for verifying this service's tokens, and `/health`.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};
use shared::{App, error::Error, token::access::Issuer};

/// The routes of this function.
pub fn router() -> Router<App> {
    Router::new()
        .route("/.well-known/jwks.json", get(jwks))
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/health", get(health))
}

/// The public keys (RFC 7517 section 5). The key that signs comes first.
async fn jwks(State(app): State<App>) -> Result<impl IntoResponse, Error> {
    let now = app.now();
    Ok((cached(&app), Json(app.keys().public(now).await?.jwks(now))))
}

/// The members of OpenID Connect Discovery 1.0 section 3 that a verifier needs. There is no OAuth
/// flow, so the endpoints of one are left out.
async fn discovery(State(app): State<App>, issuer: Issuer) -> impl IntoResponse {
    let document = json!({
        "issuer": issuer.url,
        "jwks_uri": format!("{}/.well-known/jwks.json", issuer.url),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "claims_supported": [
            "iss", "sub", "aud", "iat", "exp", "jti", "sid", "email", "email_verified", "name", "role_id", "auth_time",
        ],
    });
    (cached(&app), Json(document))
}

/// The time for which the documents may be kept. A new key is published for longer than this time
/// before it signs.
fn cached(app: &App) -> [(HeaderName, String); 1] {
    [(header::CACHE_CONTROL, format!("public, max-age={}", app.config().keys.jwks_max_age.as_secs()))]
}

/// 200, without a call to any other service.
async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}
