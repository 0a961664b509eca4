//! The documents that anybody may read: `/.well-known/*` for verifying this service's tokens,
//! `/health`, and the pages that mails link to.

mod pages;
mod supabase;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, header},
    response::IntoResponse,
};
use serde::Serialize;
use shared::{
    App,
    error::Error,
    http::api::{Api, Operation, operation::Tag},
    sample::Sample,
    token::access::Issuer,
};

/// The endpoints of this function.
pub fn api() -> Api {
    let keys = operation::<KeySet>("jwks", "Public keys").text("The public keys of access tokens (RFC 7517).");
    let discovery = operation::<Discovery>("discovery", "Discovery document")
        .text("The members of OpenID Connect Discovery 1.0 that a verifier needs.");
    let health = operation::<Health>("health", "Health").text("Says that the service runs. It asks nothing else.");
    Api::new()
        .get("/.well-known/jwks.json", jwks, keys)
        .get("/.well-known/openid-configuration", self::discovery, discovery)
        .get("/health", self::health, health)
        .merge(pages::api())
        .merge(supabase::api())
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}

fn operation<T: Sample>(id: &'static str, summary: &'static str) -> Operation {
    Operation::new::<T>(id, summary).tag(Tag::Documents)
}

/// The form of the public keys.
#[derive(Serialize)]
struct KeySet {
    keys: [Key; 1],
}

#[derive(Serialize)]
struct Key {
    alg: &'static str,
    e: &'static str,
    kid: &'static str,
    kty: &'static str,
    n: &'static str,
    r#use: &'static str,
}

impl Sample for KeySet {
    const NAME: &'static str = "KeySet";

    fn sample() -> Self {
        let (kid, n) = ("k1", "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4");
        Self { keys: [Key { alg: "RS256", e: "AQAB", kid, kty: "RSA", n, r#use: "sig" }] }
    }
}

/// The public keys (RFC 7517 section 5). The key that signs comes first.
async fn jwks(State(app): State<App>) -> Result<impl IntoResponse, Error> {
    let now = app.now();
    Ok((cached(&app), Json(app.keys().public(now).await?.jwks(now))))
}

/// The members of OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2 that a verifier and
/// a client of the token endpoint need. No flow has a page, so that there is no endpoint for one.
async fn discovery(State(app): State<App>, issuer: Issuer) -> impl IntoResponse {
    (cached(&app), Json(Discovery::of(issuer.url)))
}

#[derive(Serialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    revocation_endpoint: String,
    grant_types_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    response_types_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    claims_supported: [&'static str; 12],
}

impl Discovery {
    fn of(issuer: String) -> Self {
        Self {
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            token_endpoint: format!("{issuer}/oauth/token"),
            userinfo_endpoint: format!("{issuer}/oauth/userinfo"),
            revocation_endpoint: format!("{issuer}/oauth/revoke"),
            issuer,
            grant_types_supported: ["password", "refresh_token"],
            token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
            revocation_endpoint_auth_methods_supported: ["none"],
            id_token_signing_alg_values_supported: ["RS256"],
            response_types_supported: ["token"],
            subject_types_supported: ["public"],
            claims_supported: [
                "iss",
                "sub",
                "aud",
                "iat",
                "exp",
                "jti",
                "sid",
                "email",
                "email_verified",
                "name",
                "role_id",
                "auth_time",
            ],
        }
    }
}

impl Sample for Discovery {
    const NAME: &'static str = "Discovery";

    fn sample() -> Self {
        Self::of("https://YOUR-URL".to_owned())
    }
}

/// The time for which the documents may be kept. A new key is published for longer than this time
/// before it signs.
fn cached(app: &App) -> [(HeaderName, String); 1] {
    [(header::CACHE_CONTROL, format!("public, max-age={}", app.config().keys.jwks_max_age.as_secs()))]
}

/// 200, without a call to any other service.
async fn health() -> Json<Health> {
    Json(Health::sample())
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

impl Sample for Health {
    const NAME: &'static str = "Health";

    fn sample() -> Self {
        Self { status: "ok", version: env!("CARGO_PKG_VERSION") }
    }
}
