//! Tests `POST /login` from the outside.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    account::metadata::MetadataChange,
    jose::{jwt::Jwt, kind::Kind},
    store::ProfileChange,
    testing::{Answer, Faults, PASSWORD, Service, assert_session_object, faults::Fault},
    time::Timestamp,
};

/// The time of a call in a test that counts round trips. The hash takes no time on its clock.
const ROUND_TRIP: Duration = Duration::from_millis(100);

async fn service() -> Service {
    Service::new(login::router()).await
}

async fn log_in(service: &Service, email: &str, password: &str) -> Answer {
    service.post("/login", json!({"email": email, "password": password})).await
}

#[tokio::test(start_paused = true)]
async fn the_right_password_gives_a_session_object_in_two_round_trips() {
    let service = service().await;
    let user = service.account("James@YopMail.com").await;
    let answer = log_in(&service, " james@yopmail.COM ", PASSWORD).await.is(200);
    assert_session_object(&answer.body);
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    assert_eq!(
        answer.body["user"],
        json!({
            "id": user.id, "role_id": 1, "name": "James", "email": "James@YopMail.com", "email_verified": false,
            "username": "", "created_at": user.created_at.rfc3339(), "metadata": {},
        })
    );
    assert_eq!(answer.body["expires_in"], 3600);
    assert_eq!(answer.content_type(), "application/json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// The id of the account, and so the key of its profile, is known only after the first read.
#[tokio::test(start_paused = true)]
async fn the_name_in_a_profile_is_read_beside_the_write_in_the_same_two_round_trips() {
    let faults = Faults::seeded(1);
    let service = Service::faulty(login::router(), &[], &faults).await;
    let user = service.account("a@b.de").await;
    let metadata = MetadataChange::parse(r#"{"plan": "pro", "big": 113774264463038321964}"#).unwrap();
    let change = ProfileChange { name: Some("Jim"), metadata: Some(&metadata), private_metadata: None };
    service.app().store().change_profile(&user, &change).await.unwrap();
    service.calls();
    faults.inject_every("BatchGetItem", Fault::Slow(ROUND_TRIP));
    faults.inject_every("TransactWriteItems", Fault::Slow(ROUND_TRIP));
    let began = service.now();
    let answer = log_in(&service, "a@b.de", PASSWORD).await.is(200);
    assert_eq!(answer.body["user"]["name"], "Jim");
    assert!(answer.text.contains(r#""metadata":{"plan":"pro","big":113774264463038321964}"#), "{}", answer.text);
    let mut calls = service.calls();
    assert_eq!((calls.len(), calls.remove(0).as_str()), (3, "BatchGetItem"));
    assert!(service.now() < began + ROUND_TRIP * 3, "two round trips");
    faults.inject_every("TransactWriteItems", Fault::Reset);
    log_in(&service, "a@b.de", PASSWORD).await.refused(503, "unavailable");
    log_in(&service, "a@b.de", "wrong horse").await.refused(503, "unavailable");
}

#[tokio::test(start_paused = true)]
async fn times_in_the_answer_are_those_of_its_tokens() {
    let service = service().await;
    service.account("a@b.de").await;
    let body = log_in(&service, "a@b.de", PASSWORD).await.is(200).body;
    for name in ["jwt_token", "access_token"] {
        let token = Jwt::parse(body[name].as_str().unwrap()).unwrap();
        assert_eq!(token.expires_at().unwrap().rfc3339(), body["expires_at"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_username_logs_in_as_well_in_either_field() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    for body in [
        json!({"username": "JAMES", "password": PASSWORD}),
        json!({"email": "james", "password": PASSWORD}),
        json!({"username": "A@b.de", "password": PASSWORD, "email": ""}),
        json!({"email": "a@b.de", "password": PASSWORD, "username": null, "remember": true}),
    ] {
        service.calls();
        assert_eq!(service.post("/login", body).await.is(200).body["uid"], user.id);
        assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_logs_in_as_json_does() {
    let service = service().await;
    service.account("a+b@c.de").await;
    let call = service.request(axum::http::Method::POST, "/login");
    let answer = call.form("email=a%2Bb%40c.de&password=correct+horse%20battery+staple").await.is(200);
    assert_session_object(&answer.body);
}

/// The answer without the request id, which differs by design.
fn but_for_request_id(mut answer: Answer) -> (u16, Value, Vec<String>) {
    answer.body["request_id"] = Value::Null;
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (answer.status.as_u16(), answer.body, names)
}

#[tokio::test(start_paused = true)]
async fn an_unknown_account_a_wrong_password_and_none_at_all_look_the_same() {
    let service = service().await;
    service.account("known@b.de").await;
    service.account_with("without@b.de", None, |user| user.password_hash = None).await;
    service.account_with("disabled@b.de", None, |user| user.disabled = true).await;
    let broken = |user: &mut shared::account::user::User| {
        user.password_hash = Some(shared::password::StoredHash::new("$argon2id$"))
    };
    service.account_with("broken@b.de", None, broken).await;
    let wrong =
        but_for_request_id(log_in(&service, "known@b.de", "wrong horse").await.refused(401, "invalid_credentials"));
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    for email in ["unknown@b.de", "without@b.de", "disabled@b.de", "broken@b.de"] {
        let answer = log_in(&service, email, "wrong horse").await.refused(401, "invalid_credentials");
        assert_eq!(but_for_request_id(answer), wrong, "{email}");
        assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"], "{email}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_account_is_reported_only_after_the_right_password() {
    let service = service().await;
    service.account_with("a@b.de", None, |user| user.disabled = true).await;
    log_in(&service, "a@b.de", PASSWORD).await.refused(403, "account_disabled");
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
}

#[tokio::test(start_paused = true)]
async fn an_unverified_address_is_refused_only_where_that_is_configured() {
    let service = Service::configured(login::router(), &[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    service.account("a@b.de").await;
    service.account_with("v@b.de", None, |user| user.email_verified = true).await;
    log_in(&service, "a@b.de", "wrong horse").await.refused(401, "invalid_credentials");
    log_in(&service, "a@b.de", PASSWORD).await.refused(403, "email_not_verified");
    log_in(&service, "v@b.de", PASSWORD).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_wrong_is_told_field_by_field() {
    let service = service().await;
    let cases = [
        (json!({}), vec![("email", "required"), ("password", "required")]),
        (json!({"email": "a@b.de"}), vec![("password", "required")]),
        (json!({"email": "a@b.de", "password": ""}), vec![("password", "required")]),
        (json!({"email": 1, "password": ["x"]}), vec![("email", "invalid_type"), ("password", "invalid_type")]),
        (json!({"email": "a@b", "password": "x"}), vec![("email", "invalid_email")]),
        (json!({"username": "j m", "password": "x"}), vec![("username", "invalid_username")]),
        (json!({"email": "a@b.de", "username": "james", "password": "x"}), vec![("username", "ambiguous")]),
        (
            json!({"email": "a@b.de", "password": "x", "id": "u", "role_id": 9, "email_verified": true}),
            vec![("role_id", "not_settable"), ("id", "not_settable"), ("email_verified", "not_settable")],
        ),
    ];
    for (body, fields) in cases {
        let answer = service.post("/login", body.clone()).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), fields, "{body}");
    }
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn jwt_token_is_what_the_profile_says_and_without_one_what_there_is_to_sign_it() {
    let account = ("FIREBASE_SERVICE_ACCOUNT", shared::testing::service_account());
    let secret = ("JWT_SHARED_SECRET", "a shared secret of more than 32 bytes");
    let profile = |profile| ("TOKEN_PROFILE", profile);
    for (variables, kind) in [
        (vec![], Kind::AccessToken),
        (vec![secret], Kind::AccessToken),
        (vec![account, secret], Kind::FirebaseCustomToken),
        (vec![account, secret, profile("firebase")], Kind::FirebaseCustomToken),
        (vec![account, secret, profile("access")], Kind::AccessToken),
        (vec![account, secret, profile("shared_secret")], Kind::SharedSecret),
    ] {
        let service = Service::configured(login::router(), &variables).await;
        service.account("a@b.de").await;
        let body = log_in(&service, "a@b.de", PASSWORD).await.is(200).body;
        let token = Jwt::parse(body["jwt_token"].as_str().unwrap()).unwrap();
        assert_eq!(token.kind(), kind, "{variables:?}");
        assert_eq!(body["jwt_token"] == body["access_token"], kind == Kind::AccessToken);
        if kind == Kind::SharedSecret {
            let access = Jwt::parse(body["access_token"].as_str().unwrap()).unwrap();
            let mut claims = access.claims;
            claims.insert("user_id".to_owned(), body["uid"].clone());
            assert_eq!(token.claims, claims);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_typed_on_another_keyboard_is_the_same_password() {
    let service = service().await;
    let hash = async |text: &str| {
        let password = shared::password::Password::parse(text).unwrap();
        service.app().hasher().hash(password, [1; 16]).await.unwrap()
    };
    let composed = hash("caf\u{e9} \u{212b} 🔑 battery").await;
    service.account_with("a@b.de", None, |user| user.password_hash = Some(composed)).await;
    log_in(&service, "a@b.de", "cafe\u{301}\u{a0}A\u{30a} 🔑 battery").await.is(200);
    log_in(&service, "a@b.de", "cafe A 🔑 battery").await.refused(401, "invalid_credentials");
}

#[tokio::test(start_paused = true)]
async fn a_login_in_the_second_in_which_all_sessions_ended_waits_for_the_next_so_that_firebase_tells_them_apart() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let stored = service.stored(&user).await.unwrap();
    let mut ended = stored.clone();
    // The end is the last millisecond of this second, so it is in the future.
    let end = Timestamp::from_milliseconds(service.now().floor().milliseconds() + 999);
    ended.end_sessions(end);
    service.app().store().change_user(&stored, &ended).await.unwrap();
    let credentials = json!({"email": "a@b.de", "password": PASSWORD});
    service.post("/login", credentials).await.is(200);
    assert!(service.now() > end, "the answer is of a second in which a sign-in would be from before the end");
}

#[tokio::test(start_paused = true)]
async fn a_key_with_other_letters_or_another_word_is_told_the_right_name() {
    let service = service().await;
    for (body, details) in [
        (
            json!({"Email": "a@b.de", "Password": "x"}),
            ["`Email` was sent: write `email`", "`Password` was sent: write `password`"],
        ),
        (
            json!({"e-mail": "a@b.de", "pwd": "x"}),
            ["`e-mail` was sent: write `email`", "`pwd` was sent: write `password`"],
        ),
        (
            json!({"login": "james", "pass": "x"}),
            ["`login` was sent: write `username`", "`pass` was sent: write `password`"],
        ),
    ] {
        let detail = service.post("/login", body).await.refused(400, "invalid_request").body["detail"].clone();
        for words in details {
            assert!(detail.as_str().unwrap().contains(words), "{words}: {detail}");
        }
    }
    let detail = service.post("/login", json!({"Email": "", "x": "y"})).await.is(400).body["detail"].clone();
    assert!(detail.as_str().unwrap().contains("neither was sent"), "{detail}");
}
