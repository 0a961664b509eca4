//! Tests `/.well-known/*` and `/health` from the outside.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::testing::{ISSUER, Service, signing_keys};

async fn service() -> Service {
    Service::new(well_known::router()).await
}

#[tokio::test(start_paused = true)]
async fn the_key_set_has_public_members_only_and_may_be_cached() {
    let service = service().await;
    let answer = service.get("/.well-known/jwks.json").await.is(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let members: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["keys"]);
    let keys = answer.body["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "the one that signs, and the next");
    for key in keys {
        let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!((&key["alg"], &key["kty"], &key["use"]), (&json!("RS256"), &json!("RSA"), &json!("sig")));
        // RFC 7518 section 6.3.1: base64url without padding and without leading zeros. The modulus
        // has 2048 bits, and the exponent is 65537.
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        assert!(bytes("n").len() == 256 && bytes("n")[0] >= 0x80 && bytes("e") == [1, 0, 1], "{key}");
    }
    // The keys of refresh tokens are not published.
    let set: Value = serde_json::from_str(signing_keys()).unwrap();
    for key in set["keys"].as_array().unwrap() {
        for private in [&key["secret"], &key["private_key"]].into_iter().filter_map(Value::as_str) {
            assert!(private.lines().all(|line| line.starts_with("---") || !answer.body.to_string().contains(line)));
        }
        assert_eq!(answer.body.to_string().contains(key["kid"].as_str().unwrap()), key["alg"] == "RS256");
    }
    assert_eq!(keys[0]["kid"], set["keys"][0]["kid"], "the one that signs comes first");
}

#[tokio::test(start_paused = true)]
async fn how_long_the_documents_may_be_kept_is_chosen() {
    let service = Service::configured(well_known::router(), &[("JWKS_MAX_AGE_SECONDS", "60")]).await;
    for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration"] {
        assert_eq!(service.get(path).await.is(200).header("cache-control"), "public, max-age=60");
    }
}

#[tokio::test(start_paused = true)]
async fn the_discovery_document_leads_to_the_keys() {
    let service = service().await;
    let answer = service.get("/.well-known/openid-configuration").await.is(200);
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.body["issuer"], ISSUER);
    assert_eq!(answer.body["jwks_uri"], format!("{ISSUER}/.well-known/jwks.json"));
    assert_eq!(answer.body["id_token_signing_alg_values_supported"], json!(["RS256"]));
}

#[tokio::test(start_paused = true)]
async fn health_asks_nothing_else() {
    let service = service().await;
    let answer = service.get("/health").await.is(200);
    assert_eq!(answer.body, json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(service.calls().is_empty());
}
