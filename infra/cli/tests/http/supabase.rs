//! Tests the endpoints below `/auth/v1`, as the client libraries of Supabase call them.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    jose::jwt::Jwt,
    testing::{Answer, PASSWORD, Service},
};

const NEW_PASSWORD: &str = "violet tractor 47 umbrella";

async fn service() -> Service {
    Service::configured(latchkey::router(), &[("TOKEN_PROFILE", "access")]).await
}

async fn sign_in(service: &Service, password: &str) -> Answer {
    service.post("/auth/v1/token?grant_type=password", json!({"email": "a@b.de", "password": password})).await
}

async fn refresh(service: &Service, session: &Value) -> Answer {
    let body = json!({"refresh_token": session["refresh_token"]});
    service.post("/auth/v1/token?grant_type=refresh_token", body).await
}

async fn user(service: &Service, session: &Value) -> Answer {
    service.request(Method::GET, "/auth/v1/user").bearer(&session["access_token"]).send().await
}

async fn update(service: &Service, session: &Value, body: Value) -> Answer {
    service.request(Method::PUT, "/auth/v1/user").bearer(&session["access_token"]).json(body).await
}

async fn log_out(service: &Service, session: &Value, query: &str) -> Answer {
    let path = format!("/auth/v1/logout{query}");
    service.request(Method::POST, &path).bearer(&session["access_token"]).send().await
}

/// Fails unless this is a refusal as the clients read it.
#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) -> Answer {
    let answer = answer.refused(status, code);
    assert_eq!(answer.body["error_code"], code);
    assert_eq!(answer.header("x-supabase-api-version"), "2024-01-01");
    answer
}

#[tokio::test(start_paused = true)]
async fn a_sign_up_and_a_sign_in_give_a_session_in_the_form_of_supabase() {
    let service = service().await;
    let body = json!({
        "email": "a@b.de", "password": PASSWORD, "data": {"full_name": "James", "plan": "pro", "email_verified": true},
        "gotrue_meta_security": {}, "code_challenge": null,
    });
    let up = service.post("/auth/v1/signup", body).await.is(200).body;
    let session = sign_in(&service, PASSWORD).await.is(200).body;
    for session in [&up, &session] {
        let token = Jwt::parse(session["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(session["expires_at"], token.expires_at().unwrap().seconds());
        assert_eq!((&session["token_type"], &session["expires_in"]), (&json!("bearer"), &json!(3600)));
        let user = &session["user"];
        assert_eq!((&user["aud"], &user["role"]), (&json!("authenticated"), &json!("authenticated")));
        let metadata = json!({"name": "James", "email_verified": false, "full_name": "James", "plan": "pro"});
        assert_eq!((&user["user_metadata"], &user["email_confirmed_at"]), (&metadata, &Value::Null));
        assert_eq!(user["app_metadata"], json!({"provider": "email", "providers": ["email"], "role_id": 1}));
        assert_eq!(user["identities"][0]["user_id"], user["id"]);
    }
    assert_eq!(user(&service, &session).await.is(200).body, session["user"]);
    let me = service.request(Method::GET, "/me").bearer(&session["access_token"]).send().await.is(200);
    assert_eq!((&me.body["user"]["name"], &me.body["user"]["metadata"]["plan"]), (&json!("James"), &json!("pro")));
    let next = refresh(&service, &session).await.is(200).body;
    assert_ne!(next["refresh_token"], session["refresh_token"]);
}

#[tokio::test(start_paused = true)]
async fn while_an_address_must_be_verified_a_sign_up_gives_the_user_alone() {
    let variables = [("TOKEN_PROFILE", "access"), ("REQUIRE_VERIFIED_EMAIL", "true")];
    let service = Service::configured(latchkey::router(), &variables).await;
    let body = json!({"email": "a@b.de", "password": PASSWORD});
    let answer = service.post("/auth/v1/signup", body).await.is(200);
    assert_eq!((&answer.body["email"], &answer.body["access_token"]), (&json!("a@b.de"), &Value::Null));
    refused(sign_in(&service, PASSWORD).await, 400, "email_not_confirmed");
    assert_eq!(service.get("/auth/v1/settings").await.is(200).body["mailer_autoconfirm"], false);
}

#[tokio::test(start_paused = true)]
async fn every_refusal_has_the_status_and_the_word_of_supabase() {
    let service = service().await;
    let account = service.account("a@b.de").await;
    service.account_with("off@b.de", None, |user| user.disabled = true).await;
    refused(sign_in(&service, "wrong").await, 400, "invalid_credentials");
    let off = json!({"email": "off@b.de", "password": PASSWORD});
    refused(service.post("/auth/v1/token?grant_type=password", off).await, 400, "user_banned");
    let sign_up = |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        service.request(Method::POST, "/auth/v1/signup").json(body)
    };
    refused(sign_up("a@b.de", PASSWORD).await, 422, "user_already_exists");
    for (password, reason) in [("short", "length"), ("password1", "pwned"), ("somebody@yopmail.com", "characters")] {
        let answer = refused(sign_up("somebody@yopmail.com", password).await, 422, "weak_password");
        assert_eq!(answer.body["weak_password"], json!({"reasons": [reason]}), "{password}");
    }
    refused(sign_up("", PASSWORD).await, 400, "validation_failed");
    refused(service.post("/auth/v1/token?grant_type=pkce", json!({})).await, 400, "unsupported_grant_type");
    refused(service.post("/auth/v1/token", json!({})).await, 400, "unsupported_grant_type");
    for grant in ["password", "refresh_token"] {
        let answer = service.post(&format!("/auth/v1/token?grant_type={grant}"), json!({})).await;
        refused(answer, 400, "validation_failed");
    }
    let none = json!({"refresh_token": "A".repeat(43)});
    refused(refresh(&service, &none).await, 400, "refresh_token_not_found");
    refused(service.get("/auth/v1/user").await, 403, "bad_jwt");
    refused(user(&service, &json!({"access_token": "the anon key"})).await, 403, "bad_jwt");
    let session = service.session(&account).await;
    log_out(&service, &session, "?scope=local").await.is(204);
    refused(user(&service, &session).await, 403, "session_not_found");
}

#[tokio::test(start_paused = true)]
async fn an_old_refresh_token_ends_the_session_and_a_lost_answer_does_not() {
    let service = service().await;
    service.account("a@b.de").await;
    let first = sign_in(&service, PASSWORD).await.is(200).body;
    let lost = refresh(&service, &first).await.is(200).body;
    let again = refresh(&service, &first).await.is(200).body;
    assert_eq!(lost["refresh_token"], again["refresh_token"]);
    let next = refresh(&service, &again).await.is(200).body;
    refresh(&service, &next).await.is(200);
    service.pass(Duration::from_secs(60));
    refused(refresh(&service, &first).await, 400, "refresh_token_already_used");
}

#[tokio::test(start_paused = true)]
async fn data_changes_key_by_key_and_an_address_is_not_changed_here() {
    let service = service().await;
    service.account("a@b.de").await;
    let session = sign_in(&service, PASSWORD).await.is(200).body;
    let set = json!({"data": {"plan": "pro", "tries": 3, "name": "Jim"}, "email": "A@b.de"});
    update(&service, &session, set).await.is(200);
    let answer = update(&service, &session, json!({"data": {"plan": null}})).await.is(200);
    assert_eq!(answer.body["user_metadata"], json!({"name": "Jim", "email_verified": false, "tries": 3}));
    let answer = update(&service, &session, json!({"email": "new@b.de"})).await;
    assert_eq!(refused(answer, 400, "validation_failed").fields(), [("email", "not_settable")]);
    update(&service, &session, json!({})).await.is(200);
}

/// The client keeps the tokens that it has. Its session must not end with the others.
#[tokio::test(start_paused = true)]
async fn a_new_password_needs_the_current_one_and_ends_every_other_session() {
    let service = service().await;
    service.account("a@b.de").await;
    let (own, other) = (sign_in(&service, PASSWORD).await.body, sign_in(&service, PASSWORD).await.body);
    let new = json!({"password": NEW_PASSWORD});
    refused(update(&service, &own, new).await, 400, "reauthentication_needed");
    let wrong = json!({"password": NEW_PASSWORD, "current_password": "wrong"});
    refused(update(&service, &own, wrong).await, 400, "invalid_credentials");
    let weak = json!({"password": "short", "current_password": PASSWORD});
    refused(update(&service, &own, weak).await, 422, "weak_password");
    let right = json!({"password": NEW_PASSWORD, "current_password": PASSWORD, "data": {"name": "Jim"}});
    let answer = update(&service, &own, right).await.is(200);
    assert_eq!(answer.body["user_metadata"]["name"], "Jim");
    user(&service, &own).await.is(200);
    let own = refresh(&service, &own).await.is(200).body;
    user(&service, &own).await.is(200);
    refused(user(&service, &other).await, 403, "session_not_found");
    refused(refresh(&service, &other).await, 400, "refresh_token_not_found");
    refused(sign_in(&service, PASSWORD).await, 400, "invalid_credentials");
    sign_in(&service, NEW_PASSWORD).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_logout_ends_one_session_the_others_or_all_and_its_answer_has_no_body() {
    let service = service().await;
    service.account("a@b.de").await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(sign_in(&service, PASSWORD).await.is(200).body);
    }
    let answer = log_out(&service, &sessions[0], "?scope=local").await.is(204);
    assert_eq!((answer.text.as_str(), answer.content_type()), ("", ""));
    refused(user(&service, &sessions[0]).await, 403, "session_not_found");
    user(&service, &sessions[1]).await.is(200);

    log_out(&service, &sessions[1], "?scope=others").await.is(204);
    refused(refresh(&service, &sessions[2]).await, 400, "refresh_token_not_found");
    let own = refresh(&service, &sessions[1]).await.is(200).body;
    refused(log_out(&service, &sessions[2], "?scope=others").await, 403, "session_not_found");

    let other = sign_in(&service, PASSWORD).await.is(200).body;
    log_out(&service, &own, "").await.is(204);
    for session in [&own, &other] {
        refused(refresh(&service, session).await, 400, "refresh_token_not_found");
    }
    refused(log_out(&service, &other, "?scope=all").await, 400, "validation_failed");
    refused(log_out(&service, &json!({"access_token": "x"}), "").await, 403, "bad_jwt");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_ends_its_own_session_and_no_other() {
    let service = service().await;
    service.account("a@b.de").await;
    let (own, other) = (sign_in(&service, PASSWORD).await.body, sign_in(&service, PASSWORD).await.body);
    service.pass(Duration::from_secs(2 * 60 * 60));
    refused(log_out(&service, &own, "?scope=others").await, 403, "bad_jwt");
    log_out(&service, &own, "").await.is(204);
    refused(refresh(&service, &own).await, 400, "refresh_token_not_found");
    refresh(&service, &other).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn the_public_documents_are_those_that_a_client_asks_for() {
    let service = service().await;
    let keys = service.get("/auth/v1/.well-known/jwks.json").await.is(200);
    assert_eq!(keys.body, service.get("/.well-known/jwks.json").await.is(200).body);
    assert_eq!(service.get("/auth/v1/health").await.is(200).body["name"], "Latchkey");
    let settings = service.get("/auth/v1/settings").await.is(200).body;
    assert_eq!((&settings["external"]["email"], &settings["disable_signup"]), (&json!(true), &json!(false)));
}
