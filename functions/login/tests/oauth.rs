//! Tests `POST /oauth/token` from the outside.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{net::IpAddr, time::Duration};

use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::testing::{Answer, Faults, PASSWORD, Service, faults::Fault};

/// A key of every scope, and one that may mint and not forward.
const API_KEYS: &str = "an api key of at least 32 characters\nmint:encode:another key of at least 32 letters";
const API_KEY: &str = "an api key of at least 32 characters";
const MINTING_KEY: &str = "another key of at least 32 letters";

async fn service() -> Service {
    Service::configured(login::router(), &[("TOKEN_PROFILE", "access"), ("API_KEY", API_KEYS)]).await
}

fn by_password(password: &str) -> Value {
    json!({"grant_type": "password", "username": "a@b.de", "password": password})
}

async fn ask(service: &Service, body: Value) -> Answer {
    service.post("/oauth/token", body).await
}

/// Fails unless the answer is this error of RFC 6749 and this code of the service.
#[track_caller]
fn refused(answer: Answer, status: u16, error: &str, code: &str) -> Answer {
    let answer = answer.refused(status, code);
    assert_eq!(answer.body["error"], error, "{:#}", answer.body);
    assert_eq!(answer.body["error_uri"], answer.body["type"]);
    assert_eq!(answer.body["error_description"], answer.body["message"]);
    answer
}

#[tokio::test(start_paused = true)]
async fn a_password_is_exchanged_for_the_tokens_of_the_standard_in_two_round_trips() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let form = "grant_type=password&username=a%40b.de&password=correct+horse+battery+staple&client_id=app\
                &client_secret=&scope=openid";
    let answer = service.request(Method::POST, "/oauth/token").form(form).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let names: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    let all = [
        "access_token",
        "expires_at",
        "expires_in",
        "jwt_token",
        "refresh_expires_at",
        "refresh_token",
        "scope",
        "token_type",
        "uid",
    ];
    assert_eq!(names, all);
    let told = ["token_type", "expires_in", "scope", "uid"].map(|name| answer.body[name].clone());
    assert_eq!(told, [json!("Bearer"), json!(3600), json!(""), json!(user.id)]);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let json = ask(&service, by_password(PASSWORD)).await.is(200);
    assert_eq!(json.body["uid"], user.id);
}

#[tokio::test(start_paused = true)]
async fn a_username_stands_in_the_same_field() {
    let service = service().await;
    service.account_with("a@b.de", Some("james"), |_| {}).await;
    let body = json!({"grant_type": "password", "username": "james", "password": PASSWORD});
    ask(&service, body).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_is_exchanged_for_the_next_one_in_two_round_trips() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    let renew = |token: &Value| json!({"grant_type": "refresh_token", "refresh_token": token});
    let first = ask(&service, renew(&session["refresh_token"])).await.is(200);
    assert_eq!(service.calls(), ["UpdateItem", "BatchGetItem"]);
    assert_ne!(first.body["refresh_token"], session["refresh_token"]);
    let second = ask(&service, renew(&first.body["refresh_token"])).await.is(200);
    ask(&service, renew(&second.body["refresh_token"])).await.is(200);
    service.pass(Duration::from_secs(60));
    let old = ask(&service, renew(&session["refresh_token"])).await;
    refused(old, 400, "invalid_grant", "refresh_token_reused");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_account_and_a_wrong_password_look_the_same() {
    let service = service().await;
    service.account("a@b.de").await;
    let mut told = Vec::new();
    for username in ["a@b.de", "nobody@b.de", "nobody"] {
        let body = json!({"grant_type": "password", "username": username, "password": "wrong"});
        let mut answer = refused(ask(&service, body).await, 400, "invalid_grant", "invalid_credentials");
        answer.body["request_id"] = Value::Null;
        told.push(answer.body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn every_refusal_has_its_word_of_the_standard() {
    let service = service().await;
    service.account_with("off@b.de", None, |user| user.disabled = true).await;
    let off = json!({"grant_type": "password", "username": "off@b.de", "password": PASSWORD});
    refused(ask(&service, off).await, 400, "invalid_grant", "account_disabled");
    let none = json!({"grant_type": "refresh_token", "refresh_token": "A".repeat(43)});
    refused(ask(&service, none).await, 400, "invalid_grant", "refresh_token_invalid");
    for grant in ["authorization_code", "client_credentials", "Password"] {
        let body = json!({"grant_type": grant, "code": "x"});
        refused(ask(&service, body).await, 400, "unsupported_grant_type", "unsupported_grant_type");
    }
    for (body, fields) in [
        (json!({}), &[("grant_type", "required")][..]),
        (json!({"grant_type": "password"}), &[("username", "required"), ("password", "required")]),
        (json!({"grant_type": "password", "username": "a@b.de"}), &[("password", "required")]),
        (json!({"grant_type": "refresh_token"}), &[("refresh_token", "required")]),
        (json!({"grant_type": "refresh_token", "refresh_token": ""}), &[("refresh_token", "required")]),
    ] {
        let answer = refused(ask(&service, body).await, 400, "invalid_request", "invalid_request");
        assert_eq!(answer.fields(), fields);
    }
    let unfilled = json!({"grant_type": "password", "username": "<username>", "password": "x"});
    refused(ask(&service, unfilled).await, 400, "invalid_request", "placeholder_not_filled");
    let call = service.request(Method::GET, "/oauth/token").send().await;
    refused(call, 405, "invalid_request", "method_not_allowed");
}

#[tokio::test(start_paused = true)]
async fn an_unverified_address_is_no_grant_where_addresses_must_be_verified() {
    let variables = [("TOKEN_PROFILE", "access"), ("REQUIRE_VERIFIED_EMAIL", "true")];
    let service = Service::configured(login::router(), &variables).await;
    service.account("a@b.de").await;
    refused(ask(&service, by_password(PASSWORD)).await, 400, "invalid_grant", "email_not_verified");
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_are_told_with_the_time_to_wait() {
    let service = service().await;
    service.account("a@b.de").await;
    let from = |password: &str| {
        let call = service.request(Method::POST, "/oauth/token").from(IpAddr::from([192, 0, 2, 1]));
        call.json(by_password(password))
    };
    for _ in 0..5 {
        from("wrong").await.is(400);
    }
    let answer = refused(from(PASSWORD).await, 429, "invalid_grant", "too_many_attempts");
    assert_ne!(answer.header("retry-after"), "");
}

#[tokio::test(start_paused = true)]
async fn a_fault_and_a_conflict_pass_and_say_when_to_try_again() {
    let faults = Faults::seeded(1);
    let service = Service::faulty(login::router(), &[("TOKEN_PROFILE", "access")], &faults).await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    faults.inject_every("UpdateItem", Fault::Reset);
    let body = json!({"grant_type": "refresh_token", "refresh_token": session["refresh_token"]});
    let answer = refused(ask(&service, body).await, 503, "temporarily_unavailable", "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

/// A call by way of a server, with the headers and fields of its client.
async fn by_server(service: &Service, header: Option<&str>, field: Option<&str>) -> Answer {
    let mut call = service.request(Method::POST, "/oauth/token").from(IpAddr::from([198, 51, 100, 1]));
    call = call.header("x-forwarded-for", "192.0.2.7");
    if let Some(pair) = header {
        call = call.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
    }
    let mut body = by_password(PASSWORD);
    if let Some(secret) = field {
        body["client_secret"] = secret.into();
    }
    call.json(body).await
}

#[tokio::test(start_paused = true)]
async fn a_client_is_public_or_shows_an_api_key_in_the_header_or_in_the_body() {
    let service = service().await;
    service.account("a@b.de").await;
    let (pair, encoded) = (format!("app:{API_KEY}"), format!("app:{}", API_KEY.replace(' ', "+")));
    for (header, field) in [
        (None, None),
        (Some("app:"), None),
        (Some(pair.as_str()), None),
        (Some(encoded.as_str()), None),
        (None, Some(API_KEY)),
        (None, Some(MINTING_KEY)),
    ] {
        by_server(&service, header, field).await.is(200);
    }
    for (header, field) in [(Some("app:wrong"), None), (Some("no pair"), None), (None, Some("wrong"))] {
        let answer = by_server(&service, header, field).await;
        let answer = refused(answer, 401, "invalid_client", "invalid_api_key");
        assert_eq!(answer.header("www-authenticate"), r#"Basic realm="token endpoint""#);
    }
    let answer = by_server(&service, Some(&pair), Some(API_KEY)).await;
    refused(answer, 400, "invalid_request", "invalid_request");
}

#[tokio::test(start_paused = true)]
async fn the_address_that_a_server_names_counts_if_its_key_may_forward() {
    let service = service().await;
    service.account("a@b.de").await;
    let wrong = |secret: &'static str| {
        let call = service.request(Method::POST, "/oauth/token").from(IpAddr::from([198, 51, 100, 1]));
        let mut body = by_password("wrong");
        body["client_secret"] = secret.into();
        call.header("x-forwarded-for", "192.0.2.7").json(body)
    };
    for _ in 0..5 {
        wrong(API_KEY).await.is(400);
    }
    refused(wrong(API_KEY).await, 429, "invalid_grant", "too_many_attempts");
    // The address of the server itself has failed nowhere yet.
    wrong(MINTING_KEY).await.is(400);
    let public = service.request(Method::POST, "/oauth/token").from(IpAddr::from([198, 51, 100, 1]));
    public.json(by_password(PASSWORD)).await.is(200);
}
