//! The way of a new account to its first session: the code of its first mail.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    mail::Kind,
    password::{Password, Verdict},
    testing::{Answer, PASSWORD, Service, assert_session_object, code_of, link_of, wrong_code_of},
};

use super::{REQUIRED, create, sessions_stored};

const EMAIL: &str = "james@yopmail.com";

async fn service(variables: &[(&str, &str)]) -> Service {
    Service::configured(latchkey::router(), variables).await
}

async fn log_in(service: &Service, challenge: &Value, code: &str) -> Answer {
    service.post("/login/email/complete", json!({"challenge": challenge, "code": code})).await
}

async fn has_password(service: &Service, id: &Value) -> bool {
    let user = service.app().store().user(id.as_str().unwrap()).await.unwrap().unwrap();
    let user = service.app().store().credentials(&user).await.unwrap().unwrap();
    let password = Password::parse(PASSWORD).unwrap();
    let checked = service.app().hasher().check(password, user.password_hash).await.unwrap();
    matches!(checked.verdict, Verdict::Right | Verdict::Outdated)
}

#[tokio::test(start_paused = true)]
async fn the_code_of_the_first_mail_gives_the_first_session_and_the_password_stays() {
    let service = service(&[REQUIRED, ("PUBLIC_URL", "https://login.herbs.example")]).await;
    let call = service.request(Method::POST, "/create-account");
    let created = call.json(json!({"email": EMAIL, "password": PASSWORD, "locale": "de"})).await.is(201).body;
    let next = &created["next"];
    assert_eq!(
        (&next["action"], &next["code_length"], &next["resend_in"]),
        (&"verify_email".into(), &6.into(), &30.into())
    );
    let mails = service.mails().await;
    assert_eq!((mails.len(), mails[0].kind, mails[0].to.as_str()), (1, Kind::Verify, EMAIL));
    assert_eq!(mails[0].language.tag(), "de");
    let challenge = &next["challenge"];
    log_in(&service, challenge, &wrong_code_of(challenge, 0)).await.refused(401, "code_invalid");
    assert_eq!(sessions_stored(&service).await, 0);
    let session = log_in(&service, challenge, &code_of(challenge)).await.is(200).body;
    assert_session_object(&session);
    assert_eq!(session["user"]["email_verified"], true);
    assert!(has_password(&service, &created["uid"]).await);
    log_in(&service, challenge, &code_of(challenge)).await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn the_link_of_the_first_mail_and_the_password_open_the_login() {
    let service = service(&[REQUIRED]).await;
    let created = create(&service, "key", EMAIL, PASSWORD).await.is(201).body;
    let link = json!({"token": link_of(&created["next"]["challenge"]), "password": PASSWORD});
    service.post("/pages/verify", link).await.is(200);
    service.post("/login", json!({"email": EMAIL, "password": PASSWORD})).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_sign_up_answers_the_same_challenge_and_later_another_one() {
    let service = service(&[REQUIRED]).await;
    let challenge = async || create(&service, "key", EMAIL, PASSWORD).await.is(201).body["next"]["challenge"].clone();
    let first = challenge().await;
    assert_eq!((challenge().await, service.mails().await.len()), (first.clone(), 1));
    service.pass(Duration::from_secs(30));
    let second = challenge().await;
    assert_ne!(second, first);
    assert_eq!(service.mails().await.len(), 2);
    log_in(&service, &second, &code_of(&second)).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn whoever_lost_the_challenge_asks_for_a_code_and_keeps_the_password_by_sending_it() {
    let service = service(&[REQUIRED]).await;
    let created = create(&service, "key", EMAIL, PASSWORD).await.is(201).body;
    service.pass(Duration::from_secs(30));
    let started = service.post("/login/email", json!({"email": EMAIL})).await.is(200).body;
    let challenge = &started["challenge"];
    let body = json!({"challenge": challenge, "code": code_of(challenge), "password": PASSWORD});
    service.post("/login/email/complete", body).await.is(200);
    assert!(has_password(&service, &created["uid"]).await);
}

#[tokio::test(start_paused = true)]
async fn with_the_setting_a_new_account_has_its_session_and_its_mail_at_once() {
    let service = service(&[("VERIFY_EMAIL", "send")]).await;
    let created = create(&service, "key", EMAIL, PASSWORD).await.is(201).body;
    assert_session_object(&created);
    assert_eq!(service.mails().await.len(), 1);
    let call = || service.request(Method::POST, "/me/email/verify").bearer(&created["access_token"]);
    let challenge = call().json(json!({})).await.is(200).body["challenge"].clone();
    assert_eq!(service.mails().await.len(), 1, "the mail of the sign-up has this challenge");
    let shown = json!({"challenge": challenge, "code": code_of(&challenge)});
    let call = service.request(Method::POST, "/me/email/verify/complete").bearer(&created["access_token"]);
    call.json(shown).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn without_the_setting_or_without_mails_a_new_account_gets_none() {
    for (variables, is_waiting) in
        [(&[][..], false), (&[REQUIRED, ("MAIL", "off")], true), (&[("VERIFY_EMAIL", "send"), ("MAIL", "off")], false)]
    {
        let service = service(variables).await;
        let created = create(&service, "key", EMAIL, PASSWORD).await.is(201).body;
        assert_eq!(service.mails().await.len(), 0);
        assert_eq!((&created["next"]["challenge"], created["access_token"] == ""), (&"".into(), is_waiting));
        let message = created["next"]["message"].as_str().unwrap();
        assert_eq!(message.contains("Ask the people who run this app"), is_waiting, "{message}");
    }
}

/// An address is not flooded by sign-ups either: the account is made, and its mail waits.
#[tokio::test(start_paused = true)]
async fn a_limit_refuses_the_mail_and_not_the_account() {
    let service = service(&[REQUIRED]).await;
    service.travel_to_next_hour();
    let started = service.post("/password/forgot", json!({"email": EMAIL})).await.is(200);
    drop(started);
    for _ in 0..4 {
        service.pass(Duration::from_secs(30));
        service.post("/login/email", json!({"email": EMAIL})).await.is(200);
    }
    let created = create(&service, "key", EMAIL, PASSWORD).await.is(201).body;
    assert_eq!((&created["next"]["challenge"], service.mails().await.len()), (&"".into(), 0));
    assert!(created["next"]["message"].as_str().unwrap().contains("Ask for a code"), "{created}");
    service.post("/login", json!({"email": EMAIL, "password": PASSWORD})).await.refused(403, "email_not_verified");
}

#[tokio::test(start_paused = true)]
async fn a_code_makes_an_account_where_the_deployment_says_so() {
    let service = service(&[("EMAIL_SIGN_IN", "sign_up"), ("SIGN_UP", "domains:yopmail.com")]).await;
    let ask = async |email: &str| {
        service.post("/login/email", json!({"email": email})).await.is(200).body["challenge"].clone()
    };
    let challenge = ask(EMAIL).await;
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let mails = service.mails().await;
    assert_eq!((mails.len(), mails[0].kind, mails[0].to.as_str()), (1, Kind::SignIn, EMAIL));
    log_in(&service, &challenge, &wrong_code_of(&challenge, 0)).await.refused(401, "code_invalid");
    service.calls();
    let body = json!({"challenge": challenge, "code": code_of(&challenge), "name": "James"});
    let session = service.post("/login/email/complete", body).await.is(200).body;
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    assert_session_object(&session);
    assert_eq!((&session["user"]["name"], &session["user"]["email_verified"]), (&"James".into(), &true.into()));
    service.post("/login", json!({"email": EMAIL, "password": PASSWORD})).await.refused(401, "invalid_credentials");
    log_in(&service, &challenge, &code_of(&challenge)).await.refused(401, "code_invalid");
    // The next code finds the account.
    service.pass(Duration::from_secs(30));
    let challenge = ask(EMAIL).await;
    let again = log_in(&service, &challenge, &code_of(&challenge)).await.is(200).body;
    assert_eq!(again["uid"], session["uid"]);
    // Nobody may sign up with this address, and the answer does not tell.
    let challenge = ask("james@other.example.org").await;
    log_in(&service, &challenge, &code_of(&challenge)).await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_somebody_made_meanwhile_is_told_to_whoever_has_the_code() {
    let service = service(&[("EMAIL_SIGN_IN", "sign_up")]).await;
    let challenge = service.post("/login/email", json!({"email": EMAIL})).await.is(200).body["challenge"].clone();
    create(&service, "key", EMAIL, PASSWORD).await.is(201);
    log_in(&service, &challenge, &wrong_code_of(&challenge, 0)).await.refused(401, "code_invalid");
    log_in(&service, &challenge, &code_of(&challenge)).await.refused(409, "email_taken");
}
