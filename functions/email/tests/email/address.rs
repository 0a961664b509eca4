//! A change of the e-mail address, and the way back.

use std::{collections::BTreeMap, time::Duration};

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::{
    account::{address_change::UNDO_LINKS_MAX, email::Identifier, rate_limit::mails::MAIL_PAUSE, user::User},
    mail::Kind,
    testing::{Answer, PASSWORD, Service, assert_session_object, code_of, link_of, proof_keys, wrong_code_of},
};

use super::{NEW_PASSWORD, has_password, service};

const OLD: &str = "james@yopmail.com";
const NEW: &str = "jim@yopmail.com";

async fn ask(service: &Service, session: &Value, body: Value) -> Answer {
    service.request(Method::POST, "/me/email").bearer(&session["access_token"]).json(body).await
}

/// Asks for a code with the right password, and returns the challenge.
async fn start(service: &Service, session: &Value, email: &str) -> Value {
    let body = json!({"new_email": email, "password": PASSWORD});
    ask(service, session, body).await.is(200).body["challenge"].clone()
}

async fn complete(service: &Service, session: &Value, challenge: &Value, code: &str) -> Answer {
    let call = service.request(Method::POST, "/me/email/complete").bearer(&session["access_token"]);
    call.json(json!({"challenge": challenge, "code": code})).await
}

/// Changes the address, and returns the new session.
async fn change(service: &Service, session: &Value, email: &str) -> Value {
    let challenge = start(service, session, email).await;
    complete(service, session, &challenge, &code_of(&challenge)).await.is(200).body
}

async fn undo(service: &Service, token: &str, email: &str) -> Answer {
    service.post("/pages/undo", json!({"token": token, "email": email})).await
}

/// The links that take a change back, by the address that each was mailed to.
async fn undo_links(service: &Service) -> BTreeMap<String, String> {
    let keys = proof_keys();
    let mails = service.mails().await.into_iter().filter(|mail| mail.kind == Kind::EmailChanged);
    mails.map(|mail| (mail.to, mail.proof_id.unwrap().link(keys.sealing()))).collect()
}

async fn holder(service: &Service, email: &str) -> Option<String> {
    let found = service.app().store().user_by(&Identifier::parse(email).unwrap()).await.unwrap();
    service.calls();
    found.map(|user| user.id)
}

async fn started(service: &Service) -> (User, Value) {
    let user = service.account(OLD).await;
    let session = service.session(&user).await;
    (user, session)
}

#[tokio::test(start_paused = true)]
async fn an_address_changes_by_the_password_and_a_code_and_every_other_session_ends() {
    let service = service().await;
    let (user, session) = started(&service).await;
    let other = service.new_session(&user);
    service.app().store().put_session(&other).await.unwrap();
    service.calls();
    let challenge = start(&service, &session, NEW).await;
    let calls = service.calls();
    assert_eq!(calls[calls.len() - 2..], ["BatchGetItem", "TransactWriteItems"], "the mail has two round trips");
    let mails = service.mails().await;
    assert_eq!((mails.len(), mails[0].kind, mails[0].to.as_str()), (1, Kind::Change, NEW));
    complete(&service, &session, &challenge, &wrong_code_of(&challenge, 0)).await.refused(401, "code_invalid");
    assert_eq!(holder(&service, OLD).await.as_deref(), Some(user.id.as_str()));

    let answer = complete(&service, &session, &challenge, &code_of(&challenge)).await.is(200).body;
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    assert_session_object(&answer);
    assert_eq!((&answer["user"]["email"], &answer["user"]["email_verified"]), (&NEW.into(), &true.into()));
    let stored = service.stored(&user).await.unwrap();
    assert!(!other.is_of(&stored) && has_password(&service, &stored, PASSWORD).await);
    assert_eq!((holder(&service, OLD).await, holder(&service, NEW).await), (None, Some(user.id)));
    let notice = service.mails().await.into_iter().find(|mail| mail.kind == Kind::EmailChanged).unwrap();
    assert_eq!(notice.to, OLD);
    complete(&service, &answer, &challenge, &code_of(&challenge)).await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn without_a_credential_nothing_is_mailed() {
    let service = service().await;
    let (_, session) = started(&service).await;
    let answer = ask(&service, &session, json!({"new_email": NEW})).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("password", "required")]);
    let wrong = json!({"new_email": NEW, "password": "wrong horse battery"});
    ask(&service, &session, wrong).await.refused(403, "password_incorrect");
    let unchanged = json!({"new_email": "JAMES@yopmail.com", "password": PASSWORD});
    ask(&service, &session, unchanged).await.refused(400, "email_unchanged");
    assert!(service.mails().await.is_empty());
    let off = Service::configured(email::router(), &[("MAIL", "off")]).await;
    let (_, session) = started(&off).await;
    let body = json!({"new_email": NEW, "password": PASSWORD});
    ask(&off, &session, body).await.refused(501, "not_configured");
}

#[tokio::test(start_paused = true)]
async fn an_account_without_a_password_shows_a_code_of_its_address_once() {
    let service = Service::configured(email::router(), &[("EMAIL_SIGN_IN", "existing")]).await;
    let user = service.account_with(OLD, None, |user| user.password_hash = None).await;
    let stranger = service.account("stranger@yopmail.com").await;
    let session = service.session(&user).await;
    let login = async |email: &str| {
        service.post("/login/email", json!({"email": email})).await.is(200).body["challenge"].clone()
    };
    let by = |challenge: &Value, code: String| json!({"new_email": NEW, "challenge": challenge, "code": code});
    let challenge = login(OLD).await;
    ask(&service, &session, by(&challenge, wrong_code_of(&challenge, 0))).await.refused(401, "code_invalid");
    let other = login(&stranger.email).await;
    ask(&service, &session, by(&other, code_of(&other))).await.refused(401, "code_invalid");
    let started = ask(&service, &session, by(&challenge, code_of(&challenge))).await.is(200).body;
    service.pass(Duration::from_secs(30));
    ask(&service, &session, by(&challenge, code_of(&challenge))).await.refused(401, "code_invalid");
    complete(&service, &session, &started["challenge"], &code_of(&started["challenge"])).await.is(200);
}

/// The parts of an answer that everybody shares.
fn shape(answer: &Answer) -> (u16, Vec<String>, Vec<String>) {
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (answer.status.as_u16(), names, answer.body.as_object().unwrap().keys().cloned().collect())
}

#[tokio::test(start_paused = true)]
async fn an_address_that_somebody_has_is_answered_alike_and_its_mailbox_alone_is_told() {
    let service = service().await;
    let (user, session) = started(&service).await;
    service.account("taken@yopmail.com").await;
    let mut shapes = Vec::new();
    let mut challenges = Vec::new();
    for email in ["taken@yopmail.com", "freed@yopmail.com"] {
        service.calls();
        let body = json!({"new_email": email, "password": PASSWORD});
        let first = ask(&service, &session, body.clone()).await;
        let calls = service.calls();
        let second = ask(&service, &session, body).await;
        challenges.push(first.body["challenge"].clone());
        shapes.push((shape(&first), calls, shape(&second)));
    }
    assert_eq!(shapes[0], shapes[1]);
    assert_eq!((shapes[0].0.0, shapes[0].2.0), (200, 429));
    let told: BTreeMap<String, Kind> = service.mails().await.into_iter().map(|mail| (mail.to, mail.kind)).collect();
    let expected = [("freed@yopmail.com", Kind::Change), ("taken@yopmail.com", Kind::AddressAlreadyUsed)];
    assert_eq!(
        told.into_iter().map(|(to, kind)| (to, kind.name())).collect::<Vec<_>>(),
        expected.map(|(to, kind)| (to.to_owned(), kind.name()))
    );
    complete(&service, &session, &challenges[0], &code_of(&challenges[0])).await.refused(401, "code_invalid");
    let link = json!({"token": link_of(&challenges[0]), "password": PASSWORD});
    service.post("/pages/email", link).await.refused(401, "link_invalid");
    assert_eq!(holder(&service, OLD).await, Some(user.id));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_taken_meanwhile_is_told_to_whoever_has_shown_it() {
    let service = service().await;
    let (user, session) = started(&service).await;
    let challenge = start(&service, &session, NEW).await;
    let winner = service.account(NEW).await;
    complete(&service, &session, &challenge, &wrong_code_of(&challenge, 0)).await.refused(401, "code_invalid");
    complete(&service, &session, &challenge, &code_of(&challenge)).await.refused(409, "email_taken");
    let link = json!({"token": link_of(&challenge), "password": PASSWORD});
    service.post("/pages/email", link).await.refused(409, "email_taken");
    assert_eq!((holder(&service, NEW).await, holder(&service, OLD).await), (Some(winner.id), Some(user.id)));
}

#[tokio::test(start_paused = true)]
async fn a_code_is_of_no_use_to_another_account_nor_after_a_new_password() {
    let service = service().await;
    let (user, session) = started(&service).await;
    let stranger = service.account("stranger@yopmail.com").await;
    let of_stranger = service.session(&stranger).await;
    let challenge = start(&service, &session, NEW).await;
    complete(&service, &of_stranger, &challenge, &code_of(&challenge)).await.refused(401, "code_invalid");
    let stored = service.stored(&user).await.unwrap();
    service.app().store().update_user(&stored, |user| user.void_proofs()).await.unwrap();
    complete(&service, &session, &challenge, &code_of(&challenge)).await.refused(401, "code_invalid");
    let link = json!({"token": link_of(&challenge), "password": PASSWORD});
    service.post("/pages/email", link).await.refused(401, "link_used");
    assert_eq!(holder(&service, OLD).await, Some(user.id));
}

#[tokio::test(start_paused = true)]
async fn a_link_changes_the_address_with_the_password_alone() {
    let service = service().await;
    let (user, session) = started(&service).await;
    let token = link_of(&start(&service, &session, NEW).await);
    let by_link =
        async |password: &str| service.post("/pages/email", json!({"token": token, "password": password})).await;
    by_link("wrong horse battery").await.refused(401, "invalid_credentials");
    by_link("").await.refused(400, "invalid_request");
    assert_eq!(holder(&service, OLD).await, Some(user.id.clone()));
    for _ in 0..2 {
        let answer = by_link(PASSWORD).await.is(200);
        assert_eq!(answer.body, json!({"email_changed": true, "continue_url": ""}));
    }
    by_link("wrong horse battery").await.refused(401, "invalid_credentials");
    assert_eq!((holder(&service, OLD).await, holder(&service, NEW).await), (None, Some(user.id)));
    assert_eq!(undo_links(&service).await.into_keys().collect::<Vec<_>>(), [OLD]);
}

#[tokio::test(start_paused = true)]
async fn the_former_address_takes_a_change_back_by_its_link_and_its_name() {
    let service = service().await;
    let (user, session) = started(&service).await;
    let newer = change(&service, &session, NEW).await;
    let token = undo_links(&service).await[OLD].clone();
    let answer = undo(&service, &token, NEW).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("email", "email_mismatch")]);
    assert_eq!(holder(&service, NEW).await, Some(user.id.clone()));
    for _ in 0..2 {
        assert_eq!(undo(&service, &token, OLD).await.is(200).body, json!({"restored": true}));
    }
    let stored = service.stored(&user).await.unwrap();
    assert_eq!((holder(&service, NEW).await, holder(&service, OLD).await), (None, Some(user.id.clone())));
    assert!(stored.email_verified && !has_password(&service, &stored, PASSWORD).await);
    ask(&service, &newer, json!({"new_email": NEW, "password": PASSWORD})).await.refused(401, "token_revoked");
    // A mail for a new password follows, and the other address hears that it has no access.
    let mails = service.mails().await;
    let reset = mails.iter().find(|mail| mail.kind == Kind::Reset).unwrap();
    assert!(mails.iter().any(|mail| mail.kind == Kind::AccessRevoked && mail.to == NEW));
    let token = reset.proof_id.unwrap().link(proof_keys().sealing());
    let body = json!({"token": token, "new_password": NEW_PASSWORD});
    service.post("/pages/reset", body).await.is(200);
    assert!(has_password(&service, &stored, NEW_PASSWORD).await);
}

/// Somebody who has taken an account changes its address twice, and sets another password.
#[tokio::test(start_paused = true)]
async fn a_second_change_and_a_new_password_end_no_link_and_the_way_back_ends_the_later_ones() {
    let service = service().await;
    let (user, session) = started(&service).await;
    let session = change(&service, &session, "second@yopmail.com").await;
    let session = change(&service, &session, "third@yopmail.com").await;
    change(&service, &session, "fourth@yopmail.com").await;
    let stored = service.stored(&user).await.unwrap();
    service.app().store().update_user(&stored, |user| user.void_proofs()).await.unwrap();
    let links = undo_links(&service).await;
    // The thief goes one step back, which leaves the owner's link alone.
    undo(&service, &links["third@yopmail.com"], "third@yopmail.com").await.is(200);
    undo(&service, &links[OLD], OLD).await.is(200);
    undo(&service, &links["second@yopmail.com"], "second@yopmail.com").await.refused(401, "link_used");
    service.pass(Duration::from_secs(600));
    undo(&service, &links["third@yopmail.com"], "third@yopmail.com").await.refused(401, "link_used");
    assert_eq!(holder(&service, OLD).await, Some(user.id));
}

#[tokio::test(start_paused = true)]
async fn the_way_back_is_open_for_a_week() {
    for (seconds, is_open) in [(7 * 86_400 - 1, true), (7 * 86_400, false)] {
        let service = service().await;
        let (_, session) = started(&service).await;
        change(&service, &session, NEW).await;
        let token = undo_links(&service).await[OLD].clone();
        let made_at = service.mails().await.into_iter().find(|mail| mail.kind == Kind::EmailChanged).unwrap().made_at;
        service.travel_to(made_at + Duration::from_secs(seconds));
        let answer = undo(&service, &token, OLD).await;
        assert_eq!(answer.status.as_u16(), if is_open { 200 } else { 401 }, "{}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_back_gives_way_to_a_verified_owner_alone() {
    for (is_verified, status) in [(false, 200), (true, 409)] {
        let service = service().await;
        let (user, session) = started(&service).await;
        change(&service, &session, NEW).await;
        let next = service.account_with(OLD, None, |user| user.email_verified = is_verified).await;
        let answer = undo(&service, &undo_links(&service).await[OLD], OLD).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        assert_eq!(service.stored(&next).await.is_some(), is_verified);
        assert_eq!(holder(&service, OLD).await, Some(if is_verified { next.id } else { user.id }));
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_changes_as_often_as_links_may_wait() {
    let service = Service::configured(email::router(), &[("RATE_LIMITS", "off")]).await;
    let (_, mut session) = started(&service).await;
    for number in 0..UNDO_LINKS_MAX {
        session = change(&service, &session, &format!("jim{number}@yopmail.com")).await;
    }
    let body = json!({"new_email": NEW, "password": PASSWORD});
    let answer = ask(&service, &session, body).await.refused(429, "too_many_attempts");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 6 * 86_400);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_account_is_changed_by_no_link() {
    let service = service().await;
    let (user, session) = started(&service).await;
    let session = change(&service, &session, NEW).await;
    let token = link_of(&start(&service, &session, "third@yopmail.com").await);
    let stored = service.stored(&user).await.unwrap();
    service.app().store().update_user(&stored, |user| user.disabled = true).await.unwrap();
    let body = json!({"token": token, "password": PASSWORD});
    service.post("/pages/email", body).await.refused(403, "account_disabled");
    undo(&service, &undo_links(&service).await[OLD], OLD).await.refused(403, "account_disabled");
    assert_eq!(holder(&service, NEW).await, Some(user.id));
}

/// Twelve accounts have shown the same free address. One of them gets it, and nothing is left over.
#[tokio::test(start_paused = true)]
async fn of_many_that_change_to_one_address_at_once_one_has_it() {
    let service = Service::configured(email::router(), &[("RATE_LIMITS", "off")]).await;
    let mut claims = Vec::new();
    for number in 0..12 {
        let user = service.account(&format!("user{number}@yopmail.com")).await;
        let session = service.session(&user).await;
        let challenge = start(&service, &session, NEW).await;
        claims.push((session, challenge));
    }
    let answers = join_all(claims.iter().map(|(session, challenge)| async {
        complete(&service, session, challenge, &code_of(challenge)).await.status.as_u16()
    }))
    .await;
    let count = |status: u16| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(200), count(409)), (1, 11), "{answers:?}");
    let keys = service.keys_stored().await;
    assert_eq!(keys.iter().filter(|key| key.starts_with("LOGIN#")).count(), 12);
    assert_eq!(keys.iter().filter(|key| key.starts_with("USER#")).count(), 12);
    assert!(holder(&service, NEW).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_code_that_confirms_a_change_stays_good_if_no_mail_can_be_sent() {
    let variables = [("EMAIL_SIGN_IN", "existing"), ("MAIL", "outbox")];
    let service = Service::configured(email::router(), &variables).await;
    let (_, session) = started(&service).await;
    let other = service.account("other@yopmail.com").await;
    let of_other = service.session(&other).await;
    let asked = service.post("/login/email", json!({"email": OLD})).await.is(200).body;
    let by_code = json!({"new_email": NEW, "challenge": asked["challenge"], "code": code_of(&asked["challenge"])});
    // Somebody else has just asked for a mail to the same address.
    start(&service, &of_other, NEW).await;
    for _ in 0..3 {
        ask(&service, &session, by_code.clone()).await.refused(429, "too_many_attempts");
    }
    service.pass(MAIL_PAUSE);
    let challenge = ask(&service, &session, by_code.clone()).await.is(200).body["challenge"].clone();
    ask(&service, &session, by_code).await.refused(401, "code_invalid");
    complete(&service, &session, &challenge, &code_of(&challenge)).await.is(200);
}
