//! A login by a code, and an address that its owner verifies.

use serde_json::{Value, json};
use shared::{
    mail::Kind,
    testing::{Answer, PASSWORD, Service, assert_session_object, code_of, wrong_code_of},
};

use super::{has_password, service};

async fn with_sign_in(variables: &[(&str, &str)]) -> Service {
    let variables: Vec<_> = variables.iter().copied().chain([("EMAIL_SIGN_IN", "existing")]).collect();
    Service::configured(email::router(), &variables).await
}

async fn ask(service: &Service, email: &str) -> Value {
    service.post("/login/email", json!({"email": email})).await.is(200).body["challenge"].clone()
}

async fn log_in(service: &Service, challenge: &Value, code: &str, password: &str) -> Answer {
    let body = json!({"challenge": challenge, "code": code, "password": password});
    service.post("/login/email/complete", body).await
}

#[tokio::test(start_paused = true)]
async fn a_code_logs_in_once_in_two_and_three_round_trips() {
    let service = with_sign_in(&[]).await;
    let user = service.account_with("james@yopmail.com", None, |user| user.email_verified = true).await;
    let challenge = ask(&service, "james@yopmail.com").await;
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    assert_eq!(service.mails().await[0].kind, Kind::SignIn);
    let answer = log_in(&service, &challenge, &code_of(&challenge), "").await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    assert_session_object(&answer.body);
    assert!(has_password(&service, &user, PASSWORD).await);
    assert_eq!(service.stored(&user).await.unwrap().epoch, user.epoch);
    log_in(&service, &challenge, &code_of(&challenge), "").await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn nobody_and_a_disabled_account_are_asked_alike_and_get_no_session() {
    let service = with_sign_in(&[]).await;
    service.account_with("barred@yopmail.com", None, |user| user.disabled = true).await;
    for (email, status, code) in
        [("nobody@yopmail.com", 401, "code_invalid"), ("barred@yopmail.com", 403, "account_disabled")]
    {
        service.calls();
        let challenge = ask(&service, email).await;
        assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"], "{email}");
        log_in(&service, &challenge, &wrong_code_of(&challenge, 0), "").await.refused(401, "code_invalid");
        log_in(&service, &challenge, &code_of(&challenge), "").await.refused(status, code);
    }
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("SESSION#")));
}

/// Whoever made an account with somebody else's address keeps nothing of it, unless the owner of
/// the mailbox shows its password too.
#[tokio::test(start_paused = true)]
async fn a_code_takes_an_unverified_account_over_unless_its_password_comes_too() {
    for (password, is_kept) in [("", false), ("wrong horse battery", false), (PASSWORD, true)] {
        let service = with_sign_in(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
        let user = service.account("james@yopmail.com").await;
        let stranger = service.new_session(&user);
        service.app().store().put_session(&stranger).await.unwrap();
        let challenge = ask(&service, "james@yopmail.com").await;
        log_in(&service, &challenge, &code_of(&challenge), password).await.is(200);
        let stored = service.stored(&user).await.unwrap();
        assert!(stored.email_verified, "{password}");
        assert_eq!((stored.password_hash.is_some(), stranger.is_of(&stored)), (is_kept, is_kept), "{password}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_both_steps_name_it() {
    let service = service().await;
    for (path, body) in [
        ("/login/email", json!({"email": "a@b.de"})),
        ("/login/email/complete", json!({"challenge": "A", "code": "123456"})),
    ] {
        let answer = service.post(path, body).await.refused(501, "not_configured");
        assert!(answer.body["detail"].as_str().unwrap().contains("EMAIL_SIGN_IN"), "{}", answer.body);
    }
    assert!(service.calls().is_empty());
}

async fn verify(service: &Service, session: &Value, challenge: &Value, code: &str) -> Answer {
    let call = service.request(axum::http::Method::POST, "/me/email/verify/complete");
    call.bearer(&session["access_token"]).json(json!({"challenge": challenge, "code": code})).await
}

async fn ask_to_verify(service: &Service, session: &Value) -> Answer {
    let call = service.request(axum::http::Method::POST, "/me/email/verify");
    call.bearer(&session["access_token"]).json(json!({})).await
}

#[tokio::test(start_paused = true)]
async fn an_owner_verifies_the_address_and_keeps_password_and_sessions() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let session = service.session(&user).await;
    let challenge = ask_to_verify(&service, &session).await.is(200).body["challenge"].clone();
    // Asked again at once, the same challenge comes again and no second mail.
    let again = ask_to_verify(&service, &session).await.is(200).body;
    assert_eq!((&again["challenge"], service.mails().await.len()), (&challenge, 1));
    verify(&service, &session, &challenge, &wrong_code_of(&challenge, 0)).await.refused(401, "code_invalid");
    for _ in 0..2 {
        let answer = verify(&service, &session, &challenge, &code_of(&challenge)).await.is(200);
        assert_eq!(
            (&answer.body["email_verified"], &answer.body["user"]["email_verified"]),
            (&true.into(), &true.into())
        );
    }
    let stored = service.stored(&user).await.unwrap();
    assert!(stored.email_verified && stored.epoch == user.epoch && has_password(&service, &user, PASSWORD).await);
    ask_to_verify(&service, &session).await.refused(400, "already_verified");
}

#[tokio::test(start_paused = true)]
async fn a_code_verifies_the_account_that_asked_for_it_alone() {
    let service = service().await;
    let (james, ann) = (service.account("james@yopmail.com").await, service.account("ann@yopmail.com").await);
    let (of_james, of_ann) = (service.session(&james).await, service.session(&ann).await);
    let challenge = ask_to_verify(&service, &of_james).await.is(200).body["challenge"].clone();
    verify(&service, &of_ann, &challenge, &code_of(&challenge)).await.refused(401, "code_invalid");
    for user in [&james, &ann] {
        assert!(!service.stored(user).await.unwrap().email_verified);
    }
    verify(&service, &of_james, &challenge, &code_of(&challenge)).await.is(200);
}
