//! A forgotten password, from the request to the new session.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use axum::http::Method;
use serde_json::json;
use shared::{
    account::proof::Purpose,
    auth::{
        proof::{Shown, inspect},
        reset,
    },
    error::Error,
    mail::{Kind, Language},
    password::Password,
    testing::{PASSWORD, Service, assert_session_object, code_of, link_of, service_account},
};

use super::{NEW_PASSWORD, forgot, has_password, reset as reset_by_code, reset_with, service};

#[tokio::test(start_paused = true)]
async fn a_code_and_a_new_password_log_in_at_once_in_two_and_three_round_trips() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let old = service.new_session(&user);
    service.app().store().put_session(&old).await.unwrap();
    service.calls();

    let body = json!({"email": "JAMES@yopmail.com", "locale": "de-AT"});
    let started = service.post("/password/forgot", body).await.is(200).body;
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let names: BTreeSet<&str> = started.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["challenge", "code_length", "expires_at", "expires_in", "message", "resend_at", "resend_in"];
    assert_eq!(names, expected.into());
    assert_eq!(
        (&started["expires_in"], &started["resend_in"], &started["code_length"]),
        (&900.into(), &30.into(), &6.into())
    );
    let mails = service.mails().await;
    assert_eq!((mails.len(), mails[0].kind, &*mails[0].to), (1, Kind::Reset, "james@yopmail.com"));
    assert_eq!(mails[0].language, Language::German);

    let answer = reset_by_code(&service, &started["challenge"], NEW_PASSWORD).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    assert_session_object(&answer.body);
    assert!(answer.body["user"]["email_verified"].as_bool().unwrap());
    assert!(has_password(&service, &user, NEW_PASSWORD).await && !has_password(&service, &user, PASSWORD).await);
    let (stored, session) = service.app().store().user_and_session(&user.id, old.id).await.unwrap();
    assert!(!session.unwrap().is_live(&stored.unwrap(), service.now()));
    let mut kinds: Vec<&str> = service.mails().await.iter().map(|mail| mail.kind.name()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["code_reset", "password_changed"]);
}

#[tokio::test(start_paused = true)]
async fn a_username_finds_the_address_of_its_account() {
    let service = service().await;
    service.account_with("james@yopmail.com", Some("james"), |_| {}).await;
    let started = service.post("/password/forgot", json!({"username": "James"})).await.is(200).body;
    assert_eq!(service.mails().await[0].to, "james@yopmail.com");
    reset_by_code(&service, &started["challenge"], NEW_PASSWORD).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn every_session_ends_and_firebase_sign_ins_of_the_same_second_with_them() {
    let variables = [("FIREBASE_SERVICE_ACCOUNT", service_account())];
    let service = Service::configured(email::router(), &variables).await;
    let user = service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    let before = service.now();
    let answer = reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
    assert_session_object(&answer.body);
    let stored = service.stored(&user).await.unwrap();
    assert_eq!(
        (stored.epoch, stored.sessions_ended_at),
        (user.epoch + 2, Some(before.floor() + Duration::from_secs(1)))
    );
    assert!(service.now() >= before.floor() + Duration::from_secs(1), "the answer waits for the second after");
}

/// The rule of proofs: whoever made an account with somebody else's address keeps nothing of it.
#[tokio::test(start_paused = true)]
async fn a_reset_takes_an_unverified_account_over_and_leaves_a_verified_one_as_it_is() {
    for verified in [false, true] {
        let service = service().await;
        let user = service.account_with("james@yopmail.com", None, |user| user.email_verified = verified).await;
        let stranger = service.new_session(&user);
        service.app().store().put_session(&stranger).await.unwrap();
        let challenge = forgot(&service, "james@yopmail.com").await;
        reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
        let stored = service.stored(&user).await.unwrap();
        assert!(stored.email_verified && stored.epoch > user.epoch && stored.proof > user.proof);
        assert!(!stranger.is_of(&stored) && !has_password(&service, &user, PASSWORD).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_without_a_password_gets_its_first_one() {
    let service = service().await;
    let user = service.account_with("james@yopmail.com", None, |user| user.password_hash = None).await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
    assert!(has_password(&service, &user, NEW_PASSWORD).await);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_account_has_no_way_in_and_only_its_owner_hears_of_it() {
    let service = service().await;
    let user = service.account_with("james@yopmail.com", None, |user| user.disabled = true).await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    reset_with(&service, &challenge, &shared::testing::wrong_code_of(&challenge, 0), NEW_PASSWORD)
        .await
        .refused(401, "code_invalid");
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.refused(403, "account_disabled");
    let password = Password::parse(NEW_PASSWORD).unwrap();
    let by_link = reset::by_link(service.app(), &link_of(&challenge), &password).await;
    assert!(matches!(by_link.err(), Some(Error::Disabled)));
    assert!(has_password(&service, &user, PASSWORD).await);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_weak_for_this_person_is_told_after_the_right_code_which_stays_good() {
    let service = service().await;
    service.account("james.wilson@yopmail.com").await;
    let challenge = forgot(&service, "james.wilson@yopmail.com").await;
    let wrong = shared::testing::wrong_code_of(&challenge, 0);
    reset_with(&service, &challenge, &wrong, "james.wilson 47 umbrella").await.refused(401, "code_invalid");
    reset_by_code(&service, &challenge, "james.wilson 47 umbrella").await.refused(400, "weak_password");
    reset_by_code(&service, &challenge, "short").await.refused(400, "weak_password");
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_code_ends_after_a_quarter_of_an_hour_and_the_link_after_half_an_hour() {
    let service = service().await;
    service.account("james@yopmail.com").await;
    let password = Password::parse(NEW_PASSWORD).unwrap();
    for (seconds, by_code, by_link) in
        [(899, true, true), (900, false, true), (1_799, false, true), (1_800, false, false)]
    {
        let challenge = forgot(&service, "james@yopmail.com").await;
        service.pass(Duration::from_secs(seconds));
        let shown = Shown::Code {
            challenge: challenge.as_str().unwrap(),
            code: &shared::account::proof::Code::parse(&code_of(&challenge)).unwrap(),
        };
        assert_eq!(shown.present(service.app(), Purpose::Reset).await.is_ok(), by_code, "{seconds}");
        let presented = Shown::Link(&link_of(&challenge)).present(service.app(), Purpose::Reset).await;
        assert_eq!(presented.is_ok(), by_link, "{seconds}");
        if !by_link {
            let refusal = reset::by_link(service.app(), &link_of(&challenge), &password).await.err().unwrap();
            assert_eq!(refusal.status_and_code(), (401, "link_expired"));
        }
        service.pass(Duration::from_secs(3_600));
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_open_resets_the_one_that_is_completed_voids_the_other() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let first = forgot(&service, "james@yopmail.com").await;
    service.pass(Duration::from_secs(30));
    let second = forgot(&service, "james@yopmail.com").await;
    reset_by_code(&service, &first, NEW_PASSWORD).await.is(200);
    reset_by_code(&service, &second, "purple kettle 12 mountain").await.refused(401, "code_invalid");
    let password = Password::parse("purple kettle 12 mountain").unwrap();
    let refusal = reset::by_link(service.app(), &link_of(&second), &password).await.err().unwrap();
    assert_eq!(refusal.status_and_code(), (401, "link_used"));
    assert!(has_password(&service, &user, NEW_PASSWORD).await);
}

#[tokio::test(start_paused = true)]
async fn a_code_is_of_no_use_once_the_password_or_the_address_changed() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    service.app().store().update_user(&user, |user| user.void_proofs()).await.unwrap();
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.refused(401, "code_invalid");
    service.pass(Duration::from_secs(30));
    let challenge = forgot(&service, "james@yopmail.com").await;
    let stored = service.stored(&user).await.unwrap();
    service.app().store().delete_user(&stored).await.unwrap();
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn a_logout_everywhere_leaves_the_code_good() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    let now = service.now();
    service.app().store().update_user(&user, |user| user.end_sessions(now)).await.unwrap();
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_link_resets_once_and_gives_no_session() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    let (link, password) = (link_of(&challenge), Password::parse(NEW_PASSWORD).unwrap());
    service.calls();
    assert_eq!(reset::by_link(service.app(), &link, &password).await.unwrap().continue_url, "");
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    assert!(has_password(&service, &user, NEW_PASSWORD).await);
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("SESSION#")));
    // The page asks again: its answer was lost.
    reset::by_link(service.app(), &link, &password).await.unwrap();
    let other = Password::parse("purple kettle 12 mountain").unwrap();
    let refusal = reset::by_link(service.app(), &link, &other).await.err().unwrap();
    assert_eq!(refusal.status_and_code(), (401, "link_used"));
    for forged in ["", "x", &"A".repeat(43), challenge.as_str().unwrap()] {
        service.calls();
        let refusal = reset::by_link(service.app(), forged, &other).await.err().unwrap();
        assert_eq!((refusal.status_and_code(), service.calls().len()), ((401, "link_invalid"), 0), "{forged}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_is_looked_at_as_often_as_anybody_likes_and_is_as_good_as_before() {
    let service = service().await;
    service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    let link = link_of(&challenge);
    let look = async || inspect(service.app(), &link).await.map_err(|error| error.status_and_code());
    let before = service.records().await;
    for _ in 0..3 {
        let seen = look().await.unwrap();
        assert_eq!((seen.purpose, seen.is_used), (Purpose::Reset, false));
        assert_eq!(seen.expires_at, service.proofs().await[0].made_at + Duration::from_secs(1_800));
    }
    assert_eq!(service.records().await.len(), before.len());
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
    assert!(look().await.unwrap().is_used);
    // The link of a mail that nobody got.
    let nobody = link_of(&forgot(&service, "nobody@yopmail.com").await);
    assert_eq!(inspect(service.app(), &nobody).await.unwrap_err().status_and_code(), (401, "link_invalid"));
}

#[tokio::test(start_paused = true)]
async fn a_challenge_that_is_none_asks_no_table_and_a_code_that_is_none_uses_up_no_try() {
    let service = service().await;
    service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    service.calls();
    for forged in [json!("A".repeat(43)), json!("x"), json!(link_of(&challenge))] {
        reset_with(&service, &forged, "123456", NEW_PASSWORD).await.refused(401, "code_invalid");
    }
    for code in ["12345", "1234567", "abcdef"] {
        let answer = reset_with(&service, &challenge, code, NEW_PASSWORD).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("code", "invalid_code")]);
    }
    assert!(service.calls().is_empty());
    // A builder that sends a number loses the zeros at its beginning.
    let number: u32 = code_of(&challenge).parse().unwrap();
    let body = json!({"challenge": challenge, "code": number, "new_password": NEW_PASSWORD});
    service.post("/password/reset", body).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn without_mails_the_answer_names_the_variable() {
    let service = Service::configured(email::router(), &[("MAIL", "off")]).await;
    let answer = service.post("/password/forgot", json!({"email": "a@b.de"})).await.refused(501, "not_configured");
    assert!(answer.body["detail"].as_str().unwrap().contains("MAIL"), "{}", answer.body);
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_address_of_a_reserved_domain_is_accepted_and_gets_no_mail() {
    let service = service().await;
    let user = service.account("james@example.com").await;
    let challenge = forgot(&service, "james@example.com").await;
    assert_eq!(service.mails().await.len(), 0);
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
    assert_eq!(service.mails().await.len(), 0);
    assert!(has_password(&service, &user, NEW_PASSWORD).await);
}

#[tokio::test(start_paused = true)]
async fn no_header_of_a_caller_and_nothing_that_was_typed_reaches_a_mail() {
    let variables = [("PUBLIC_URL", "https://login.herbs.example"), ("APP_URLS", "https://app-canary.example")];
    let service = Service::configured(email::router(), &variables).await;
    service.account_with("james@yopmail.com", Some("canary-name"), |user| user.name = "Canary".to_owned()).await;
    let call = service.request(Method::POST, "/password/forgot").from(IpAddr::from([192, 0, 2, 1]));
    let names = ["host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "origin", "referer", "x-original-url"];
    let call = names.into_iter().fold(call, |call, name| call.header(name, "evil-canary.example"));
    let body = json!({"username": "canary-name", "locale": "<b>evil-canary\r\nBcc: x</b>", "continue_url": "https://app-canary.example"});
    call.json(body).await.is(200);
    let mails = service.mails().await;
    let rendered = mails[0].render("Herbs", shared::testing::proof_keys().sealing(), true);
    let record = serde_json::to_string(&mails[0]).unwrap();
    let text = format!("{}{}{}{record}", rendered.subject, rendered.text, rendered.html).to_lowercase();
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("https://login.herbs.example/pages/reset#"));
}

/// Whoever has the table has neither codes nor links.
#[tokio::test(start_paused = true)]
async fn neither_code_nor_link_nor_challenge_is_in_the_table() {
    let service = service().await;
    let mut secrets = Vec::new();
    for number in 0..100 {
        let email = format!("james{number}@yopmail.com");
        if number % 2 == 0 {
            service.account(&email).await;
        }
        let challenge = forgot(&service, &email).await;
        secrets.push((code_of(&challenge), link_of(&challenge), challenge.as_str().unwrap().to_owned()));
    }
    let mut texts = Vec::new();
    for record in service.records().await {
        for (name, value) in record {
            match (name.as_str(), value.as_s(), value.as_n()) {
                // An id or a hash may hold six digits by chance.
                ("pk" | "id" | "proof_id" | "user_id" | "password_hash", Ok(text), _) => {
                    texts.push((false, text.clone()))
                }
                (_, Ok(text), _) | (_, _, Ok(text)) => texts.push((text.len() < 13, text.clone())),
                _ => {}
            }
        }
    }
    assert!(texts.len() > 1_000);
    for (code, link, challenge) in &secrets {
        assert!(texts.iter().all(|(_, text)| !text.contains(link) && !text.contains(challenge)));
        assert!(texts.iter().all(|(may_be_code, text)| !may_be_code || text != code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_given_again_for_ten_minutes_to_whoever_sends_the_same() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    let first = reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200).body;
    service.calls();
    let again = reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200).body;
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    assert_session_object(&again);
    assert_ne!(first["refresh_token"], again["refresh_token"]);
    reset_by_code(&service, &challenge, "purple kettle 12 mountain").await.refused(401, "code_invalid");
    let used_at = service.proofs().await[0].used_at.unwrap();
    service.travel_to(used_at + Duration::from_secs(599));
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
    service.travel_to(used_at + Duration::from_secs(600));
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.refused(401, "code_invalid");
    assert!(has_password(&service, &user, NEW_PASSWORD).await);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_gives_no_way_to_guess_the_new_password() {
    let service = service().await;
    service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.is(200);
    for number in 0..5 {
        let password = format!("purple kettle {number} mountain");
        reset_by_code(&service, &challenge, &password).await.refused(401, "code_invalid");
    }
    reset_by_code(&service, &challenge, NEW_PASSWORD).await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn a_code_of_another_purpose_resets_nothing() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let challenge = forgot(&service, "james@yopmail.com").await;
    let code = shared::account::proof::Code::parse(&code_of(&challenge)).unwrap();
    let shown = Shown::Code { challenge: challenge.as_str().unwrap(), code: &code };
    for purpose in [Purpose::SignIn, Purpose::Verify, Purpose::Change, Purpose::Undo, Purpose::Invite, Purpose::Link] {
        let refusal = shown.present(service.app(), purpose).await.err().unwrap();
        assert_eq!(refusal.status_and_code(), (401, "code_invalid"), "{purpose:?}");
    }
    assert!(has_password(&service, &user, PASSWORD).await);
}
