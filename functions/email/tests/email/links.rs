//! The link of a login, and the page of the app that people go on to from a link.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    mail::outgoing::OutgoingMail,
    testing::{Answer, PASSWORD, Service, assert_session_object, code_of, link_of, proof_keys},
};
use url::Url;

use super::NEW_PASSWORD;

const EMAIL: &str = "james@yopmail.com";
const APP: &str = "https://app.example/login?step=2&code=mine#/home";
const LINKS: [(&str, &str); 4] = [
    ("EMAIL_SIGN_IN", "existing"),
    ("EMAIL_SIGN_IN_LINK", "true"),
    ("APP_URLS", "https://app.example, myapp://"),
    ("PUBLIC_URL", "https://login.herbs.example"),
];

async fn with_links(more: &[(&str, &str)]) -> Service {
    let variables: Vec<_> = more.iter().chain(&LINKS).copied().collect();
    Service::configured(email::router(), &variables).await
}

async fn ask(service: &Service, continue_url: &str) -> Value {
    let body = json!({"email": EMAIL, "continue_url": continue_url});
    service.post("/login/email", body).await.is(200).body["challenge"].clone()
}

async fn go_on(service: &Service, challenge: &Value) -> Answer {
    service.post("/pages/sign-in", json!({"token": link_of(challenge)})).await
}

/// The URL that the page sends the browser to, and the code in its query.
async fn handed(service: &Service, challenge: &Value) -> (Url, String) {
    let body = go_on(service, challenge).await.is(200).body;
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["continue_url"]);
    let url = Url::parse(body["continue_url"].as_str().unwrap()).unwrap();
    let codes: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name == "code").collect();
    assert_eq!(codes.len(), 1, "{url}");
    (url, codes[0].1.clone())
}

async fn log_in(service: &Service, challenge: &Value, code: &str) -> Answer {
    service.post("/login/email/complete", json!({"challenge": challenge, "code": code})).await
}

fn text_of(mail: &OutgoingMail) -> String {
    mail.render("Herbs", proof_keys().sealing(), true).text
}

#[tokio::test(start_paused = true)]
async fn a_link_hands_a_code_to_the_app_that_asked_and_the_app_logs_in_by_it() {
    let service = with_links(&[]).await;
    service.account_with(EMAIL, None, |user| user.email_verified = true).await;
    let challenge = ask(&service, APP).await;
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let mail = text_of(&service.mails().await[0]);
    assert!(mail.contains(&format!("https://login.herbs.example/pages/sign-in#{}", link_of(&challenge))), "{mail}");
    assert!(!mail.contains("app.example"), "{mail}");
    service.calls();
    let (url, code) = handed(&service, &challenge).await;
    assert_eq!(service.calls(), ["BatchGetItem"]);
    assert_eq!(url.as_str(), format!("https://app.example/login?step=2&code={code}#/home"));
    let answer = log_in(&service, &challenge, &code).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    assert_session_object(&answer.body);
    go_on(&service, &challenge).await.refused(401, "link_used");
    log_in(&service, &challenge, &code).await.refused(401, "code_invalid");
}

/// A scanner opens the link and presses the button. The person comes after it.
#[tokio::test(start_paused = true)]
async fn a_link_is_used_up_by_nobody_but_the_login() {
    let service = with_links(&[]).await;
    service.account(EMAIL).await;
    let challenge = ask(&service, APP).await;
    let before = service.records().await;
    for _ in 0..20 {
        handed(&service, &challenge).await;
        let token = link_of(&challenge);
        let seen = service.post("/pages/inspect", json!({"token": token})).await.is(200).body;
        assert_eq!((&seen["purpose"], &seen["used"]), (&"sign_in".into(), &false.into()));
    }
    assert_eq!(service.records().await, before);
    // The code of the mail is as good as it was.
    log_in(&service, &challenge, &code_of(&challenge)).await.is(200);
}

/// A scanner has the code of the page and no challenge. Whoever asked for the mail of somebody else
/// has the challenge and no code.
#[tokio::test(start_paused = true)]
async fn neither_the_code_of_a_page_nor_the_challenge_logs_in_alone() {
    let service = with_links(&[]).await;
    service.account(EMAIL).await;
    let challenge = ask(&service, APP).await;
    let (_, code) = handed(&service, &challenge).await;
    service.travel_to(service.now() + Duration::from_secs(31));
    let other = ask(&service, APP).await;
    let link = link_of(&challenge);
    for (challenge, code) in [
        (&other, code.as_str()),
        (&json!(code), code.as_str()),
        (&json!(link), code.as_str()),
        (&json!("A".repeat(43)), code.as_str()),
        (&challenge, link.as_str()),
        (&challenge, challenge.as_str().unwrap()),
        (&challenge, &"A".repeat(43)),
    ] {
        log_in(&service, challenge, code).await.refused(401, "code_invalid");
    }
    service.post("/pages/sign-in", json!({"token": code})).await.refused(401, "link_invalid");
    service.post("/pages/sign-in", json!({"token": challenge})).await.refused(401, "link_invalid");
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("SESSION#")));
    log_in(&service, &challenge, &code).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn the_code_of_a_page_lives_for_a_minute_and_counts_as_a_wrong_one_afterwards() {
    let service = with_links(&[]).await;
    service.account(EMAIL).await;
    let challenge = ask(&service, APP).await;
    let (_, code) = handed(&service, &challenge).await;
    service.travel_to(service.now() + Duration::from_secs(61));
    let refused = log_in(&service, &challenge, &code).await.refused(401, "code_invalid");
    assert!(refused.body["message"].as_str().unwrap().contains('4'), "{}", refused.body);
    // The button gives another one.
    let (_, code) = handed(&service, &challenge).await;
    log_in(&service, &challenge, &code).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn the_code_of_a_page_is_over_after_five_wrong_codes_and_after_a_change_of_the_account() {
    let service = with_links(&[]).await;
    let user = service.account(EMAIL).await;
    let challenge = ask(&service, APP).await;
    let (_, code) = handed(&service, &challenge).await;
    service.app().store().update_user(&user, |user| user.void_proofs()).await.unwrap();
    log_in(&service, &challenge, &code).await.refused(401, "code_invalid");
    service.travel_to(service.now() + Duration::from_secs(31));
    let challenge = ask(&service, APP).await;
    let (_, code) = handed(&service, &challenge).await;
    for _ in 0..5 {
        log_in(&service, &challenge, &"A".repeat(43)).await.refused(401, "code_invalid");
    }
    log_in(&service, &challenge, &code).await.refused(401, "code_invalid");
}

#[tokio::test(start_paused = true)]
async fn a_link_makes_the_account_where_a_code_does() {
    let service = with_links(&[("EMAIL_SIGN_IN", "sign_up")]).await;
    let challenge = ask(&service, "myapp://auth").await;
    let token = link_of(&challenge);
    assert_eq!(service.post("/pages/inspect", json!({"token": token})).await.is(200).body["purpose"], "sign_in");
    let (url, code) = handed(&service, &challenge).await;
    assert_eq!(url.as_str(), format!("myapp://auth?code={code}"));
    assert_eq!(log_in(&service, &challenge, &code).await.is(200).body["user"]["email_verified"], true);
}

#[tokio::test(start_paused = true)]
async fn a_mail_has_a_link_to_log_in_only_where_deployment_and_app_want_it() {
    let of = async |more: &[(&str, &str)], continue_url: &str| {
        let service = with_links(more).await;
        service.account(EMAIL).await;
        let challenge = ask(&service, continue_url).await;
        let text = text_of(&service.mails().await[0]);
        assert!(text.contains(&code_of(&challenge)));
        (text.contains("/pages/"), go_on(&service, &challenge).await)
    };
    let (has_link, _) = of(&[], APP).await;
    assert!(has_link);
    let (has_link, answer) = of(&[], "").await;
    assert!(!has_link);
    answer.refused(401, "link_invalid");
    let (has_link, answer) = of(&[("EMAIL_SIGN_IN_LINK", "false")], APP).await;
    assert!(!has_link);
    let refused = answer.refused(501, "not_configured");
    assert!(refused.body["detail"].as_str().unwrap().contains("EMAIL_SIGN_IN_LINK"), "{}", refused.body);
}

/// The code of a page is read as digits that were typed wrong, where no page hands one over.
#[tokio::test(start_paused = true)]
async fn without_links_a_code_has_six_digits() {
    let service = with_links(&[("EMAIL_SIGN_IN_LINK", "false")]).await;
    let challenge = ask(&service, APP).await;
    let answer = log_in(&service, &challenge, &"A".repeat(43)).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("code", "invalid_code")]);
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_site_gets_no_code() {
    let service = with_links(&[]).await;
    service.account(EMAIL).await;
    let challenge = ask(&service, APP).await;
    for (name, value) in [
        ("origin", "https://app.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
    ] {
        let call = service.request(Method::POST, "/pages/sign-in").header(name, value);
        call.json(json!({"token": link_of(&challenge)})).await.refused(403, "cross_origin");
    }
}

/// Each page names the URL that its mail was asked for with. The link holds nothing of it, so that
/// nobody can change it on the way.
#[tokio::test(start_paused = true)]
async fn the_page_of_the_app_comes_back_from_each_link_and_is_stored_with_the_mail_alone() {
    let service = with_links(&[]).await;
    let user = service.account(EMAIL).await;
    let session = service.session(&user).await;
    let me = async |path: &str, body: Value| {
        let call = service.request(Method::POST, path).bearer(&session["access_token"]);
        link_of(&call.json(body).await.is(200).body["challenge"])
    };
    let token = me("/me/email/verify", json!({"continue_url": "https://app.example/verified"})).await;
    let done = service.post("/pages/verify", json!({"token": token, "password": PASSWORD})).await.is(200);
    assert_eq!(done.body["continue_url"], "https://app.example/verified");
    let change = json!({"new_email": "ann@yopmail.com", "password": PASSWORD, "continue_url": "myapp://changed"});
    let token = me("/me/email", change).await;
    let body = json!({"token": token, "password": PASSWORD, "continue_url": "https://evil.example/"});
    let done = service.post("/pages/email", body).await.is(200);
    assert_eq!(done.body["continue_url"], "myapp://changed");
    let body = json!({"email": "ann@yopmail.com", "continue_url": "https://app.example"});
    let started = service.post("/password/forgot", body).await.is(200).body;
    let body = json!({"token": link_of(&started["challenge"]), "new_password": NEW_PASSWORD});
    let done = service.post("/pages/reset", body).await.is(200);
    assert_eq!(done.body["continue_url"], "https://app.example/");
    for mail in service.mails().await {
        let record = serde_json::to_string(&mail).unwrap();
        assert!(!text_of(&mail).contains("app.example") && !record.contains("app.example"), "{record}");
    }
}

/// Known or not, an address gets the same refusal before anything is read.
#[tokio::test(start_paused = true)]
async fn a_page_that_is_no_app_s_is_refused_at_every_request_for_a_mail() {
    let service = with_links(&[]).await;
    let user = service.account(EMAIL).await;
    let session = service.session(&user).await;
    service.calls();
    for (path, body) in [
        ("/password/forgot", json!({"email": EMAIL})),
        ("/password/forgot", json!({"email": "nobody@yopmail.com"})),
        ("/login/email", json!({"email": EMAIL})),
        ("/me/email/verify", json!({})),
        ("/me/email", json!({"new_email": "ann@yopmail.com", "password": PASSWORD})),
    ] {
        for url in
            ["https://evil.example/", "https://app.example@evil.example/", "//app.example", "javascript:alert(1)"]
        {
            let mut body = body.clone();
            body["continue_url"] = json!(url);
            let call = service.request(Method::POST, path).bearer(&session["access_token"]);
            let answer = call.json(body).await.refused(400, "invalid_request");
            assert_eq!(answer.fields(), [("continue_url", "url_not_allowed")], "{path}, {url}");
            assert!(!answer.body.to_string().contains("evil"), "{}", answer.body);
        }
    }
    assert!(service.mails().await.is_empty() && service.proofs().await.is_empty());
    let service = Service::configured(email::router(), &[]).await;
    let body = json!({"email": EMAIL, "continue_url": "https://app.example/"});
    let answer = service.post("/password/forgot", body).await.refused(400, "invalid_request");
    assert!(answer.body["detail"].as_str().unwrap().contains("APP_URLS"), "{}", answer.body);
}
