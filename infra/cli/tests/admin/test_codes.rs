//! The fixed code of a test account.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{Answer, Service, assert_session_object, code_of, wrong_code_of},
};

use super::{KEY, variables};

const CODE: &str = "135790";
const EMAIL: &str = "review@example.com";

async fn service_with(more: &[(&'static str, &'static str)]) -> Service {
    Service::configured(latchkey::router(), &[&variables()[..], more].concat()).await
}

async fn admin(service: &Service, method: Method, user: &User, body: Value) -> Answer {
    let path = format!("/admin/users/{}/test-code", user.id);
    service.request(method, &path).header("x-admin-key", KEY).json(body).await
}

async fn set(service: &Service, user: &User, code: &str, days: u64) -> Answer {
    let until = (service.now() + Duration::from_secs(days * 86_400)).rfc3339();
    admin(service, Method::PUT, user, json!({"code": code, "until": until})).await
}

async fn ask(service: &Service, email: &str) -> Value {
    service.post("/login/email", json!({"email": email})).await.is(200).body["challenge"].clone()
}

async fn log_in(service: &Service, challenge: &Value, code: &str) -> Answer {
    service.post("/login/email/complete", json!({"challenge": challenge, "code": code})).await
}

#[tokio::test(start_paused = true)]
async fn a_fixed_code_logs_in_again_and_again_until_its_end_and_verifies_nothing() {
    let service = service_with(&[]).await;
    let user = service.account(EMAIL).await;
    let shown = set(&service, &user, CODE, 14).await.is(200).body;
    let until = (service.now() + Duration::from_secs(14 * 86_400)).rfc3339();
    assert_eq!(shown["user"]["test_code_until"], until);
    for _ in 0..3 {
        let challenge = ask(&service, EMAIL).await;
        service.calls();
        let session = log_in(&service, &challenge, "135 790").await.is(200).body;
        assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
        assert_session_object(&session);
        assert_eq!(session["user"]["email_verified"], false);
        // The challenge is used up, as by a mailed code.
        log_in(&service, &challenge, CODE).await.refused(401, "code_invalid");
    }
    let stored = service.stored(&user).await.unwrap();
    assert_eq!((stored.epoch, stored.email_verified), (user.epoch, false));
    // The mailed code is good beside it.
    let challenge = ask(&service, EMAIL).await;
    log_in(&service, &challenge, &code_of(&challenge)).await.is(200);

    set(&service, &user, CODE, 14).await.is(200);
    let challenge = ask(&service, EMAIL).await;
    service.pass(Duration::from_secs(14 * 86_400));
    log_in(&service, &ask(&service, EMAIL).await, CODE).await.refused(401, "code_invalid");
    log_in(&service, &challenge, CODE).await.refused(401, "code_invalid");
    let path = format!("/admin/users/{}", user.id);
    let shown = service.request(Method::GET, &path).header("x-admin-key", KEY).send().await.is(200).body;
    assert_eq!(shown["user"]["test_code_until"], "");
}

#[tokio::test(start_paused = true)]
async fn a_fixed_code_is_of_one_account_and_of_one_use_alone() {
    let service = service_with(&[]).await;
    let (user, other) = (service.account(EMAIL).await, service.account("other@yopmail.com").await);
    set(&service, &user, CODE, 14).await.is(200);
    for email in ["other@yopmail.com", "nobody@yopmail.com"] {
        log_in(&service, &ask(&service, email).await, CODE).await.refused(401, "code_invalid");
    }
    // Neither a reset, nor a verification, nor the proof for another address accepts it.
    let forgot = service.post("/password/forgot", json!({"email": EMAIL})).await.is(200).body["challenge"].clone();
    let reset = json!({"challenge": forgot, "code": CODE, "new_password": "violet tractor 47 umbrella"});
    service.post("/password/reset", reset).await.refused(401, "code_invalid");
    let session = service.session(&user).await;
    let by = |method, path: &str| service.request(method, path).bearer(&session["access_token"]);
    let started = by(Method::POST, "/me/email/verify").json(json!({})).await.is(200).body;
    let body = json!({"challenge": started["challenge"], "code": CODE});
    by(Method::POST, "/me/email/verify/complete").json(body.clone()).await.refused(401, "code_invalid");
    log_in(&service, &started["challenge"], CODE).await.refused(401, "code_invalid");
    let challenge = ask(&service, EMAIL).await;
    let change = json!({"new_email": "new@yopmail.com", "challenge": challenge, "code": CODE});
    by(Method::POST, "/me/email").json(change).await.refused(401, "code_invalid");
    assert!(service.stored(&other).await.unwrap().test_code.is_none());
}

#[tokio::test(start_paused = true)]
async fn guesses_at_a_fixed_code_count_as_all_others() {
    let service = service_with(&[]).await;
    let user = service.account(EMAIL).await;
    set(&service, &user, CODE, 14).await.is(200);
    let challenge = ask(&service, EMAIL).await;
    for number in 0..5 {
        let wrong = wrong_code_of(&challenge, number);
        assert_ne!(wrong, CODE);
        service.calls();
        log_in(&service, &challenge, &wrong).await.refused(401, "code_invalid");
        assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    }
    log_in(&service, &challenge, CODE).await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_replaced_or_taken_away_is_refused_at_once() {
    let service = service_with(&[]).await;
    let user = service.account(EMAIL).await;
    set(&service, &user, CODE, 14).await.is(200);
    let challenge = ask(&service, EMAIL).await;
    set(&service, &user, "975310", 14).await.is(200);
    log_in(&service, &challenge, CODE).await.refused(401, "code_invalid");
    let challenge = ask(&service, EMAIL).await;
    for _ in 0..2 {
        let shown = admin(&service, Method::DELETE, &user, json!({})).await.is(200).body;
        assert_eq!(shown["user"]["test_code_until"], "");
    }
    log_in(&service, &challenge, "975310").await.refused(401, "code_invalid");
    // Whoever takes the account over gets none of it.
    set(&service, &user, CODE, 14).await.is(200);
    let challenge = ask(&service, EMAIL).await;
    log_in(&service, &challenge, &code_of(&challenge)).await.is(200);
    assert!(service.stored(&user).await.unwrap().test_code.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_fixed_code_opens_no_account_that_is_refused() {
    let service = service_with(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    let user = service.account(EMAIL).await;
    set(&service, &user, CODE, 14).await.is(200);
    log_in(&service, &ask(&service, EMAIL).await, CODE).await.refused(403, "email_not_verified");
    let barred = service.account_with("barred@example.com", None, |user| user.disabled = true).await;
    set(&service, &barred, CODE, 14).await.is(200);
    log_in(&service, &ask(&service, "barred@example.com").await, CODE).await.refused(403, "account_disabled");
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("SESSION#")));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_none_or_lives_too_long_is_refused() {
    let service = service_with(&[]).await;
    let user = service.account(EMAIL).await;
    for (code, until, field) in [
        ("12345", "2030-01-01T00:00:00Z", "code"),
        ("123456", "2030-01-01T00:00:00Z", "code"),
        ("000000", "2030-01-01T00:00:00Z", "code"),
        (CODE, "tomorrow", "until"),
        (CODE, "", "until"),
        (CODE, "2030-01-01T00:00:00Z", "until"),
        (CODE, "2001-01-01T00:00:00Z", "until"),
    ] {
        let answer = admin(&service, Method::PUT, &user, json!({"code": code, "until": until})).await;
        let answer = answer.refused(400, "invalid_request");
        assert_eq!(answer.fields().first().map(|(name, _)| *name), Some(field), "{code} {until}: {}", answer.text);
    }
    set(&service, &user, CODE, 31).await.refused(400, "invalid_request");
    assert_eq!(service.stored(&user).await.unwrap().version, 0);
    set(&service, &user, CODE, 30).await.is(200);
    let nobody = User { id: "nobody".to_owned(), ..user };
    set(&service, &nobody, CODE, 1).await.refused(404, "user_not_found");
    admin(&service, Method::DELETE, &nobody, json!({})).await.refused(404, "user_not_found");
}

/// Neither the table nor an answer has the code.
#[tokio::test(start_paused = true)]
async fn a_fixed_code_is_told_to_nobody() {
    let service = service_with(&[]).await;
    let user = service.account(EMAIL).await;
    let mut answers = vec![set(&service, &user, "975312", 14).await.is(200).text];
    let path = format!("/admin/users/{}", user.id);
    answers.push(service.request(Method::GET, &path).header("x-admin-key", KEY).send().await.is(200).text);
    let challenge = ask(&service, EMAIL).await;
    answers.push(log_in(&service, &challenge, "975312").await.is(200).text);
    answers.push(format!("{:?}", service.records().await));
    for answer in answers {
        assert!(!answer.contains("975312"), "{answer}");
    }
}
