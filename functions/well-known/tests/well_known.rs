//! `/.well-known/*` and `/health` from the outside.

use serde_json::json;
use shared::testing::{ISSUER, Service};

async fn service() -> Service {
    Service::new(well_known::router()).await
}

#[tokio::test]
async fn the_key_set_has_public_members_only_and_may_be_cached() {
    let service = service().await;
    let answer = service.get("/.well-known/jwks.json").await.is(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let keys = answer.body["keys"].as_array().unwrap();
    let members: Vec<_> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!((&keys[0]["alg"], &keys[0]["kty"], &keys[0]["use"]), (&json!("RS256"), &json!("RSA"), &json!("sig")));
}

#[tokio::test]
async fn the_discovery_document_leads_to_the_keys() {
    let service = service().await;
    let answer = service.get("/.well-known/openid-configuration").await.is(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.body["issuer"], ISSUER);
    assert_eq!(answer.body["jwks_uri"], format!("{ISSUER}/.well-known/jwks.json"));
    assert_eq!(answer.body["id_token_signing_alg_values_supported"], json!(["RS256"]));
}

#[tokio::test]
async fn health_asks_nothing_else() {
    let service = service().await;
    let answer = service.get("/health").await.is(200);
    assert_eq!(answer.body, json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(service.calls().is_empty());
}
