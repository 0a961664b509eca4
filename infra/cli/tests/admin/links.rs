//! Links that an admin makes for somebody: invitations, resets and verifications.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    mail::{Kind, Language},
    testing::{Answer, ISSUER, Service, assert_session_object},
};

use super::{KEY, variables};

const FIRST: &str = "violet tractor 47 umbrella";
const SECOND: &str = "purple kettle 12 mountain";

async fn service_with(more: &[(&'static str, &'static str)]) -> Service {
    let kept = variables().into_iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    Service::configured(latchkey::router(), &kept.chain(more.iter().copied()).collect::<Vec<_>>()).await
}

async fn service() -> Service {
    service_with(&[]).await
}

async fn admin(service: &Service, path: &str, body: Value) -> Answer {
    service.request(Method::POST, path).header("x-admin-key", KEY).json(body).await
}

async fn link(service: &Service, id: &str, body: Value) -> Answer {
    admin(service, &format!("/admin/users/{id}/link"), body).await
}

/// The token in the fragment of a link.
fn token(link: &Value) -> String {
    link.as_str().unwrap().split_once('#').unwrap().1.to_owned()
}

async fn choose(service: &Service, token: &str, password: &str) -> Answer {
    service.post("/pages/reset", json!({"token": token, "new_password": password})).await
}

async fn login(service: &Service, email: &str, password: &str) -> Answer {
    service.post("/login", json!({"email": email, "password": password})).await
}

/// The token of the link in the one mail that waits.
async fn mailed(service: &Service) -> String {
    let mails = service.mails().await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    let key = shared::testing::proof_keys();
    mails[0].link(key.sealing()).unwrap().split_once('#').unwrap().1.to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_invitation_is_written_with_its_account_and_leads_to_a_first_password() {
    let service = service().await;
    service.calls();
    let new = json!({"email": "zoe@yopmail.com", "name": "Zoe", "send_invite": true, "locale": "de-AT"});
    let made = admin(&service, "/admin/users", new).await.is(201).body;
    assert_eq!(service.calls(), ["TransactWriteItems"]);
    let mails = service.mails().await;
    let mail = &mails[0];
    let found = (mails.len(), mail.kind, mail.language, mail.to.as_str(), mail.base.as_deref());
    assert_eq!(found, (1, Kind::Invite, Language::German, "zoe@yopmail.com", Some(ISSUER)));
    assert_eq!(mail.send_before, service.now() + Duration::from_secs(86_400));

    let token = mailed(&service).await;
    for _ in 0..3 {
        let page = service.post("/pages/inspect", json!({"token": token})).await.is(200).body;
        assert_eq!((&page["purpose"], &page["used"]), (&json!("invite"), &json!(false)));
    }
    choose(&service, &token, "password").await.refused(400, "weak_password");
    service.calls();
    choose(&service, &token, FIRST).await.is(200);
    // Firebase is told of it afterwards.
    assert_eq!(service.calls()[..3], ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    let session = login(&service, "zoe@yopmail.com", FIRST).await.is(200).body;
    assert_session_object(&session);
    assert_eq!((&session["user"]["id"], &session["user"]["email_verified"]), (&made["user"]["id"], &json!(true)));
    // Nobody had a password that was changed.
    assert_eq!(service.mails().await.len(), 1);
    // A lost answer is answered again, and another password is not.
    choose(&service, &token, FIRST).await.is(200);
    choose(&service, &token, SECOND).await.refused(401, "link_used");
    service.pass(Duration::from_secs(600));
    choose(&service, &token, FIRST).await.refused(401, "link_used");
}

/// The page of the app stands in the record, so that nobody can change it on the way.
#[tokio::test(start_paused = true)]
async fn a_link_leads_on_to_the_page_of_the_app_that_the_admin_names() {
    const WELCOME: &str = "https://app.example/welcome?from=mail";
    let service = service_with(&[("APP_URLS", "https://app.example")]).await;
    let new = json!({"email": "zoe@yopmail.com", "send_invite": true, "continue_url": WELCOME});
    let made = admin(&service, "/admin/users", new).await.is(201).body;
    let mailed = mailed(&service).await;
    assert_eq!(choose(&service, &mailed, FIRST).await.is(200).body["continue_url"], WELCOME);
    let id = made["user"]["id"].as_str().unwrap();
    for (asked, continued) in
        [(json!({"purpose": "reset", "continue_url": WELCOME}), WELCOME), (json!({"purpose": "reset"}), "")]
    {
        let made = link(&service, id, asked).await.is(200).body;
        assert!(!made["link"].as_str().unwrap().contains("app.example"), "{made}");
        assert_eq!(choose(&service, &token(&made["link"]), SECOND).await.is(200).body["continue_url"], continued);
    }
    for url in ["https://evil.example/", "https://app.example.evil.example/", "https://app.example@evil.example/"] {
        let asked = link(&service, id, json!({"purpose": "reset", "continue_url": url})).await;
        assert_eq!(asked.refused(400, "invalid_request").fields(), [("continue_url", "url_not_allowed")], "{url}");
        let new = json!({"email": "new@yopmail.com", "send_invite": true, "continue_url": url});
        let created = admin(&service, "/admin/users", new).await.refused(400, "invalid_request");
        assert_eq!(created.fields(), [("continue_url", "url_not_allowed")], "{url}");
    }
    let service = self::service().await;
    let user = service.account("a@b.de").await;
    let asked = link(&service, &user.id, json!({"purpose": "reset", "continue_url": WELCOME})).await;
    assert_eq!(asked.refused(400, "invalid_request").fields(), [("continue_url", "url_not_allowed")]);
}

#[tokio::test(start_paused = true)]
async fn an_invitation_ends_after_72_hours_and_with_a_password_that_was_set_meanwhile() {
    for (seconds, is_good) in [(259_199, true), (259_200, false)] {
        let service = service().await;
        admin(&service, "/admin/users", json!({"email": "zoe@yopmail.com", "send_invite": true})).await.is(201);
        let token = mailed(&service).await;
        service.pass(Duration::from_secs(seconds));
        let answer = choose(&service, &token, FIRST).await;
        if is_good {
            answer.is(200)
        } else {
            answer.refused(401, "link_expired")
        };
    }
    let service = service().await;
    let user = service.account_with("zoe@yopmail.com", None, |user| user.password_hash = None).await;
    let invited = link(&service, &user.id, json!({"purpose": "invite"})).await.is(200).body;
    let again = link(&service, &user.id, json!({"purpose": "invite"})).await.is(200).body;
    choose(&service, &token(&again["link"]), FIRST).await.is(200);
    choose(&service, &token(&invited["link"]), SECOND).await.refused(401, "link_used");
    login(&service, "zoe@yopmail.com", FIRST).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_link_and_a_code_are_handed_over_where_no_mails_are_sent() {
    let service = service_with(&[("MAIL", "off")]).await;
    let user = service.account("zoe@yopmail.com").await;
    service.calls();
    let made = link(&service, &user.id, json!({"purpose": "reset"})).await.is(200).body;
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    assert!(made["link"].as_str().unwrap().starts_with(&format!("{ISSUER}/pages/reset#")), "{made}");
    assert_eq!((&made["sent"], service.mails().await.len()), (&json!(false), 0));
    let now = service.now();
    assert_eq!(made["code_expires_at"], (now + Duration::from_secs(900)).rfc3339());
    assert_eq!(made["expires_at"], (now + Duration::from_secs(1_800)).rfc3339());
    let body = json!({"challenge": made["challenge"], "code": made["code"], "new_password": FIRST});
    assert_session_object(&service.post("/password/reset", body).await.is(200).body);
    login(&service, "zoe@yopmail.com", FIRST).await.is(200);

    for purpose in ["reset", "invite"] {
        let answer = link(&service, &user.id, json!({"purpose": purpose, "send": true})).await;
        answer.refused(501, "not_configured");
    }
    admin(&service, "/admin/users", json!({"email": "new@b.de", "send_invite": true}))
        .await
        .refused(501, "not_configured");
    assert!(!service.keys_stored().await.contains(&"LOGIN#new@b.de".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn each_purpose_is_mailed_with_its_code_and_a_link_only_where_the_service_has_an_address() {
    for public_url in [None, Some("https://login.herbs.example")] {
        let more: Vec<_> = public_url.map(|url| ("PUBLIC_URL", url)).into_iter().collect();
        let service = service_with(&more).await;
        let user = service.account("zoe@yopmail.com").await;
        let bare = service.account_with("bare@yopmail.com", None, |user| user.password_hash = None).await;
        for (user, purpose, kind) in
            [(&user, "reset", Kind::Reset), (&user, "verify", Kind::Verify), (&bare, "invite", Kind::Invite)]
        {
            let made = link(&service, &user.id, json!({"purpose": purpose, "send": true})).await.is(200).body;
            assert_eq!(made["sent"], true, "{purpose}");
            let mail = service.mails().await.into_iter().find(|mail| mail.kind == kind).unwrap();
            let begins = if kind == Kind::Invite { public_url.or(Some(ISSUER)) } else { public_url };
            assert_eq!(mail.base.as_deref(), begins, "{purpose}");
            assert_eq!(made["code"].as_str().unwrap().len(), if kind == Kind::Invite { 0 } else { 6 }, "{purpose}");
            let records = format!("{:?}", service.records().await);
            let secrets = [token(&made["link"]), made["challenge"].as_str().unwrap().to_owned()];
            for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                assert!(!records.contains(secret.as_str()), "{purpose}: the table has a link or a challenge");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_purpose_that_does_not_suit_the_account_is_refused_and_nothing_is_written() {
    let service = service().await;
    let user = service.account_with("zoe@yopmail.com", None, |user| user.email_verified = true).await;
    let barred = service.account_with("barred@yopmail.com", None, |user| user.disabled = true).await;
    let before = service.keys_stored().await;
    link(&service, &user.id, json!({"purpose": "verify"})).await.refused(400, "already_verified");
    for body in [json!({"purpose": "invite"}), json!({"purpose": "invite", "send": true})] {
        let answer = link(&service, &user.id, body).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("purpose", "has_password")]);
    }
    for purpose in ["reset", "verify", "invite"] {
        link(&service, &barred.id, json!({"purpose": purpose})).await.refused(403, "account_disabled");
        link(&service, "nobody", json!({"purpose": purpose})).await.refused(404, "user_not_found");
    }
    link(&service, &user.id, json!({"purpose": "sign_in"})).await.refused(501, "not_configured");
    for wrong in ["change", "undo", "RESET", "everything"] {
        let answer = link(&service, &user.id, json!({"purpose": wrong})).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("purpose", "invalid_purpose")], "{wrong}");
    }
    let answer = link(&service, &user.id, json!({"send": "perhaps"})).await.refused(400, "invalid_request");
    assert_eq!(answer.fields().len(), 2, "{}", answer.text);
    let both = json!({"email": "new@b.de", "password": FIRST, "send_invite": true});
    let answer = admin(&service, "/admin/users", both).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("send_invite", "has_password")]);
    assert_eq!(service.keys_stored().await, before);
}

#[tokio::test(start_paused = true)]
async fn an_address_for_examples_is_never_mailed_and_its_link_is_good() {
    let service = service().await;
    let new = json!({"email": "zoe@example.com", "send_invite": true});
    let made = admin(&service, "/admin/users", new).await.is(201).body;
    let id = made["user"]["id"].as_str().unwrap();
    let invited = link(&service, id, json!({"purpose": "invite", "send": true})).await.is(200).body;
    assert_eq!((&invited["sent"], service.mails().await.len()), (&json!(false), 0));
    choose(&service, &token(&invited["link"]), FIRST).await.is(200);
    login(&service, "zoe@example.com", FIRST).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn the_same_invitation_with_its_key_makes_one_account_and_one_mail() {
    let service = service().await;
    let send = async |body: Value| {
        let call = service.request(Method::POST, "/admin/users").header("x-admin-key", KEY);
        call.header("idempotency-key", "one").json(body).await
    };
    let new = json!({"email": "zoe@yopmail.com", "send_invite": true});
    let first = send(new.clone()).await.is(201);
    assert_eq!(send(new).await.is(201).body, first.body);
    send(json!({"email": "zoe@yopmail.com"})).await.refused(409, "idempotency_key_reused");
    assert_eq!(service.mails().await.len(), 1);
}
