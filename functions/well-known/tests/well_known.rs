//! Tests `/.well-known/*`, `/health` and the pages from the outside.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use aws_lc_rs::digest;
use axum::http::Method;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
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
    for (member, path) in [("token", "token"), ("userinfo", "userinfo"), ("revocation", "revoke")] {
        assert_eq!(answer.body[format!("{member}_endpoint")], format!("{ISSUER}/oauth/{path}"));
    }
    assert_eq!(answer.body["grant_types_supported"], json!(["password", "refresh_token"]));
    let ways = json!(["none", "client_secret_basic", "client_secret_post"]);
    assert_eq!(answer.body["token_endpoint_auth_methods_supported"], ways);
}

#[tokio::test(start_paused = true)]
async fn health_asks_nothing_else() {
    let service = service().await;
    let answer = service.get("/health").await.is(200);
    assert_eq!(answer.body, json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(service.calls().is_empty());
}

const PAGES: [&str; 5] = ["/pages/reset", "/pages/verify", "/pages/email", "/pages/undo", "/pages/sign-in"];

/// The text of the only element of this name.
fn element<'a>(html: &'a str, name: &str) -> &'a str {
    let parts: Vec<&str> = html.split(&format!("<{name}>")).collect();
    let [_, rest] = parts.as_slice() else { panic!("{} elements {name}, where one is expected", parts.len() - 1) };
    rest.split(&format!("</{name}>")).next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_page_runs_its_own_script_alone_and_asks_nothing() {
    let service = service().await;
    let hash = |text: &str| STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
    for path in PAGES {
        let page = service.get(path).await.is(200);
        let policy = format!(
            "default-src 'none'; connect-src 'self'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
            hash(element(&page.text, "style")),
            hash(element(&page.text, "script")),
        );
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", &policy),
            ("referrer-policy", "no-referrer"),
            ("x-robots-tag", "noindex"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.header(name), value, "{path}");
        }
        for outside in ["http:", "https:", "src=", "@import", "url("] {
            assert!(!page.text.contains(outside), "{path} has {outside}");
        }
        let head = service.request(Method::HEAD, path).send().await.is(200);
        assert_eq!((head.header("content-security-policy"), head.text.as_str()), (policy.as_str(), ""));
    }
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_page_is_the_same_whoever_asks_and_whatever_the_request_has() {
    let service = service().await;
    for path in PAGES {
        let page = service.get(path).await.text;
        let asked =
            service.request(Method::GET, &format!("{path}?x=%3Cscript%3E&token=a")).header("host", "evil.example");
        let asked = asked.header("x-forwarded-host", "evil.example").header("accept-language", "de").send().await;
        assert_eq!(asked.text, page, "{path}");
        service.request(Method::GET, &format!("{path}/")).send().await.refused(404, "not_found");
    }
}

/// The keys of a language's texts with the placeholders of each, so that two languages can be
/// compared.
fn places(text: &Value, key: &str, found: &mut Vec<String>) {
    match text {
        Value::String(text) => {
            assert!(!text.is_empty() && !text.contains(['<', '>']), "{key}: {text}");
            let mut names: Vec<&str> = text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
            names.sort_unstable();
            found.push(format!("{key} {names:?}"));
        }
        Value::Object(texts) => texts.iter().for_each(|(name, text)| places(text, &format!("{key}.{name}"), found)),
        other => panic!("{key}: {other}"),
    }
}

#[test]
fn every_language_says_all_that_english_says() {
    let texts = [
        include_str!("../src/pages/texts/en.json"),
        include_str!("../src/pages/texts/de.json"),
        include_str!("../src/pages/texts/fr.json"),
        include_str!("../src/pages/texts/es.json"),
        include_str!("../src/pages/texts/pt.json"),
    ];
    let [english, others @ ..] = texts.map(|text| {
        let mut found = Vec::new();
        places(&serde_json::from_str(text).unwrap(), "", &mut found);
        found
    });
    assert!(english.len() > 50, "{english:?}");
    for other in others {
        assert_eq!(other, english);
    }
}
