//! Tests `/verify` with Firebase ID tokens from the outside.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod kinds;
mod rules;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    testing::{Answer, Google, PROJECT, Reply, Service, certificate, id_token_claims},
    time::Timestamp,
};

/// The key id of Google's signatures, unless a test says otherwise.
const KID: &str = "0e5a1c";
const UID: &str = "0198a1f0-7c1e-7000-8000-0123456789ab";

async fn google() -> Google {
    Google::start(Reply::certificates(&[(0, KID), (1, "4f2b99")])).await
}

/// A deployment with keys from `google`, and these variables.
async fn deployment(google: &Google, variables: &[(&str, &str)]) -> Service {
    let url = google.url();
    let all = [&[("FIREBASE_CERTS_URL", url.as_str())], variables].concat();
    Service::configured(verify::router(), &all).await
}

/// A deployment that verifies the tokens of the project.
async fn service(google: &Google) -> Service {
    deployment(google, &[("FIREBASE_PROJECT_ID", PROJECT)]).await
}

async fn verify(service: &Service, token: &Value) -> Answer {
    service.post("/verify", json!({"token": token})).await
}

async fn check_revoked(service: &Service, token: &Value) -> Answer {
    service.request(Method::GET, "/verify?check_revoked=true").bearer(token).send().await
}

fn claims(service: &Service) -> Value {
    id_token_claims(UID, service.now())
}

fn signed(claims: &Value) -> Value {
    certificate(0).id_token(KID, claims)
}

fn with(object: &Value, key: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[key] = value;
    object
}

fn without(object: &Value, key: &str) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove(key);
    object
}

#[track_caller]
fn assert_says(answer: &Answer, words: &str) {
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains(words), "{words:?} is not in {message:?}");
}

/// Fails unless the answer is 401 `auth/argument-error`, as for every broken rule except for the
/// expiry.
#[track_caller]
fn refused(answer: Answer, words: &str) -> Answer {
    let answer = answer.refused(401, "auth/argument-error");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    assert_says(&answer, words);
    answer
}

#[tokio::test(start_paused = true)]
async fn a_genuine_id_token_is_verified_without_asking_the_store() {
    let google = google().await;
    let service = service(&google).await;
    let mut claims = claims(&service);
    claims["email"] = json!("James@b.de");
    claims["email_verified"] = json!(true);
    claims["name"] = json!("James");
    claims["firebase"]["sign_in_provider"] = json!("google.com");
    let body = verify(&service, &signed(&claims)).await.is(200).body;
    assert!(service.calls().is_empty());
    assert_eq!(google.fetches(), 1);
    let time = |claim: &str| Timestamp::from_seconds(claims[claim].as_i64().unwrap());
    assert_eq!(
        body,
        json!({
            "valid": true, "kind": "firebase_id_token", "uid": UID, "email": "James@b.de", "email_verified": true,
            "name": "James", "role_id": 0, "act": "", "provider": "google.com", "issued_at": time("iat").rfc3339(),
            "expires_at": time("exp").rfc3339(), "expires_in": body["expires_in"], "revocation_checked": false,
            "claims": claims,
            "report": format!("Expires: {} — in 59 minutes", time("exp").readable()),
        })
    );
    assert!((3_560..=3_570).contains(&body["expires_in"].as_i64().unwrap()), "{body}");
}

#[tokio::test(start_paused = true)]
async fn what_a_token_leaves_out_or_has_of_another_type_has_a_default() {
    let google = google().await;
    let service = service(&google).await;
    let defaults = ["email", "email_verified", "name", "role_id", "provider"];
    let bare = without(&without(&claims(&service), "firebase"), "user_id");
    let mut odd = claims(&service);
    for (claim, value) in [
        ("email", json!(["a@b.de"])),
        ("email_verified", json!("true")),
        ("name", json!(null)),
        ("role_id", json!(7)),
        ("user_id", json!("another")),
        ("firebase", json!({"sign_in_provider": 1})),
    ] {
        odd[claim] = value;
    }
    for claims in [bare, with(&odd, "firebase", json!("custom")), odd] {
        let body = verify(&service, &signed(&claims)).await.is(200).body;
        assert_eq!(
            defaults.map(|key| body[key].clone()),
            [json!(""), json!(false), json!(""), json!(0), json!("unknown")]
        );
        assert_eq!((&body["uid"], &body["claims"]), (&json!(UID), &claims));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_comes_in_the_body_in_a_form_or_in_the_header() {
    let google = google().await;
    let service = service(&google).await;
    let token = signed(&claims(&service));
    let post = || service.request(Method::POST, "/verify");
    verify(&service, &token).await.is(200);
    post().form(&format!("token={}", token.as_str().unwrap())).await.is(200);
    post().bearer(&token).send().await.is(200);
    service.request(Method::GET, "/verify").bearer(&token).send().await.is(200);
    post().bearer(&token).json(json!({"token": ""})).await.is(200);
    post().bearer(&token).json(json!({"token": null})).await.is(200);
    refused(post().bearer(&token).json(json!({"token": "x"})).await, "three parts");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_text_is_no_token_and_nothing_at_all_is_missing() {
    let google = google().await;
    let service = service(&google).await;
    for (token, words) in [
        (json!(5), "a number"),
        (json!(true), "the text true"),
        (json!(["a"]), "a list: take its entry"),
        (json!([signed(&claims(&service))]), "a list: take its entry"),
        (json!(["a", "b"]), "a list of several values"),
        (json!({"token": "a"}), "three parts"),
        (json!({"a": "b"}), "JSON without a token in it"),
        (json!(""), "is empty"),
        (json!(" "), "is empty"),
    ] {
        assert_eq!(refused(verify(&service, &token).await, words).body["report"], "");
    }
    let form = async |body| service.request(Method::POST, "/verify").form(body).await;
    refused(form("token=").await, "is empty");
    form("other=1").await.refused(400, "token_missing");
    for body in [json!({"token": null}), json!({})] {
        service.post("/verify", body).await.refused(400, "token_missing");
    }
    service.get("/verify").await.refused(400, "token_missing");
}

#[tokio::test(start_paused = true)]
async fn a_token_has_at_most_16_kib() {
    let google = google().await;
    let service = service(&google).await;
    let of_length = |longest: usize| {
        let token = |filler: usize| signed(&with(&claims(&service), "x", json!("x".repeat(filler))));
        let filler = longest - token(0).as_str().unwrap().len();
        // In base64 three bytes are four letters.
        (filler / 4 * 3 - 8..).map(token).take_while(|token| token.as_str().unwrap().len() <= longest).last().unwrap()
    };
    let call = async |token: &Value| service.request(Method::GET, "/verify").bearer(token).send().await;
    call(&of_length(16 * 1024)).await.is(200);
    refused(call(&of_length(16 * 1024 + 4)).await, "16 KiB");
}
