//! Tests `/jwt/decode` from the outside.

use std::time::Duration;

use axum::http::Method;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::testing::{Answer, Service};

async fn service() -> Service {
    Service::new(jwt::router()).await
}

async fn decode(service: &Service, token: &Value) -> Answer {
    service.post("/jwt/decode", json!({"token": token})).await
}

fn unverified(claims: &Value) -> Value {
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    json!(format!("{}.{}.c2ln", part(&json!({"alg": "RS256", "kid": "k"})), part(claims)))
}

#[tokio::test(start_paused = true)]
async fn an_access_token_is_decoded_and_not_verified() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["access_token"].clone();
    service.pass(Duration::from_secs(90));
    let report = decode(&service, &token).await.is(200).body;
    assert_eq!((&report["verified"], &report["kind"]), (&json!(false), &json!("access_token")));
    assert_eq!((&report["uid"], &report["email"]), (&json!(user.id), &json!("a@b.de")));
    assert_eq!((&report["expired"], &report["problems"]), (&json!(false), &json!([])));
    assert_eq!(report["header"]["typ"], "at+jwt");
    assert_eq!(report["payload"]["sub"], json!(user.id));
    assert!(report["report"].as_str().unwrap().ends_with("— in 58 minutes"), "{report}");
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_id_is_reported() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    let (header, rest) = token.as_str().unwrap().split_once('.').unwrap();
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let mut header: Value = serde_json::from_str(&header).unwrap();
    header["kid"] = json!("other");
    let token = json!(format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string())));
    assert_eq!(decode(&service, &token).await.is(200).body["problems"][0]["code"], "unknown_key");
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_project_is_named() {
    let service = service().await;
    let claims = json!({"iss": "https://securetoken.google.com/p", "aud": "p", "exp": service.now().seconds() + 100});
    let report = decode(&service, &unverified(&claims)).await.is(200).body;
    assert_eq!(report["problems"][0]["code"], "wrong_project");
    let message = report["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("\"p\"") && message.contains("\"demo-latchkey\""), "{message}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_token_is_refused_with_what_it_is() {
    let service = service().await;
    for (text, words) in [
        (json!("a.b"), "three parts"),
        (json!(""), "empty"),
        (json!(5), "a number"),
        (json!({"type": "service_account"}), "the file of a service account"),
        (json!("-----BEGIN PRIVATE KEY-----"), "key or a certificate"),
    ] {
        let answer = decode(&service, &text).await.refused(400, "token_malformed");
        assert!(answer.body["message"].as_str().unwrap().contains(words), "{}", answer.body);
    }
    service.post("/jwt/decode", json!({})).await.refused(400, "invalid_request");
}

#[tokio::test(start_paused = true)]
async fn a_custom_token_is_told_which_rule_it_breaks_and_what_firebase_ignores() {
    let service = service().await;
    let email = "latchkey@demo-latchkey.iam.gserviceaccount.com";
    let now = service.now().seconds();
    let report = async |changes: Value| {
        let mut claims = json!({
            "iss": email, "sub": email, "uid": "u", "iat": now, "exp": now + 3600,
            "aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit",
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        decode(&service, &unverified(&claims)).await.is(200).body
    };
    for (changes, words) in [
        (json!({"aud": "demo-latchkey"}), "Its `aud` is not the audience of custom tokens, but the id of the project"),
        (json!({"aud": "123456789012"}), "Its `aud` is not the audience of custom tokens, but a project number"),
        (json!({"exp": now + 7200}), "It lives too long: `exp` is 7200 seconds after `iat`"),
        (json!({"iat": now * 1000}), "Its `iat` is in milliseconds"),
        (json!({"claims": {"sub": 1, "acr": 1}}), "reserved and cannot be set: acr, sub."),
        (json!({}), "Its signature is not by this key"),
    ] {
        let report = report(changes).await;
        assert_eq!(
            (&report["kind"], &report["problems"][0]["code"]),
            (&json!("firebase_custom_token"), &json!("wrong_kind"))
        );
        assert_eq!(report["problems"][1]["code"], "custom_token", "{report}");
        assert!(report["problems"][1]["message"].as_str().unwrap().contains(words), "{words}: {report}");
    }
    let report = report(json!({"role": "admin", "claims": {"email": "a@b.de"}})).await;
    let warnings: Vec<_> = report["warnings"].as_array().unwrap().iter().map(|warning| &warning["message"]).collect();
    assert_eq!(warnings.len(), 3, "a `kid`, a claim beside `claims`, and `email` within: {report}");
}

#[tokio::test(start_paused = true)]
async fn fractions_are_shown_to_their_last_digit() {
    let claims = json!({"n": [31.245270191439438, 121.48791951161945, 100.78399658203125, 5e-324]});
    let report = decode(&service().await, &unverified(&claims)).await.is(200).body;
    assert_eq!(report["payload"].to_string(), claims.to_string());
}

#[tokio::test(start_paused = true)]
async fn a_form_is_read_and_white_space_around_the_token_is_no_part_of_it() {
    let service = service().await;
    let token = unverified(&json!({"sub": "u"}));
    let form = format!("token=%20{}%0A", token.as_str().unwrap());
    let report = service.request(Method::POST, "/jwt/decode").form(&form).await.is(200).body;
    assert_eq!(report["uid"], "u");
}
