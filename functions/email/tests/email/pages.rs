//! The calls of the pages that the links of mails lead to.

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{Answer, PASSWORD, Service, link_of},
};

use super::{NEW_PASSWORD, forgot, has_password, service};

/// Asks for a verification, and returns the token of the mailed link.
async fn link_to_verify(service: &Service, user: &User) -> String {
    let session = service.session(user).await;
    let call = service.request(Method::POST, "/me/email/verify").bearer(&session["access_token"]);
    link_of(&call.json(json!({})).await.is(200).body["challenge"])
}

async fn verify(service: &Service, token: &str, password: &str) -> Answer {
    service.post("/pages/verify", json!({"token": token, "password": password})).await
}

async fn disown(service: &Service, token: &str, email: &str) -> Answer {
    service.post("/pages/disown", json!({"token": token, "email": email})).await
}

/// The records by their keys, without the counts of limits and the sessions.
async fn state(service: &Service) -> Vec<String> {
    let mut records: Vec<String> = service.records().await.iter().map(|record| format!("{record:?}")).collect();
    records.retain(|record| !record.contains("LIMIT#") && !record.contains("SESSION#"));
    records.iter_mut().for_each(|record| {
        let mut letters: Vec<char> = record.chars().collect();
        letters.sort_unstable();
        *record = letters.into_iter().collect();
    });
    records.sort_unstable();
    records
}

#[tokio::test(start_paused = true)]
async fn a_link_is_looked_at_in_one_round_trip_and_tells_its_page_what_to_ask() {
    let service = Service::configured(email::router(), &[("APP_NAME", "Herbs"), ("PASSWORD_MIN_LENGTH", "12")]).await;
    let user = service.account("james@yopmail.com").await;
    let reset = link_of(&forgot(&service, "james@yopmail.com").await);
    let verify = link_to_verify(&service, &user).await;
    for (token, purpose) in [(&reset, "reset"), (&verify, "verify")] {
        service.calls();
        let body = service.post("/pages/inspect", json!({"token": token})).await.is(200).body;
        assert_eq!(service.calls(), ["BatchGetItem"]);
        assert_eq!((&body["purpose"], &body["used"], &body["app"]), (&purpose.into(), &false.into(), &"Herbs".into()));
        assert_eq!(body["password_min_length"], 12);
        assert!(!body.to_string().contains("james"), "{body}");
    }
    for forged in ["x", &"A".repeat(43)] {
        service.post("/pages/inspect", json!({"token": forged})).await.refused(401, "link_invalid");
    }
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_page_sets_a_password_and_gets_no_session() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let token = link_of(&forgot(&service, "james@yopmail.com").await);
    let reset =
        async |password: &str| service.post("/pages/reset", json!({"token": token, "new_password": password})).await;
    reset("short").await.refused(400, "weak_password");
    let answer = reset("james@yopmail.com 47").await.refused(400, "weak_password");
    assert_eq!(answer.fields(), [("new_password", "password_is_email")]);
    service.calls();
    assert_eq!(reset(NEW_PASSWORD).await.is(200).body, json!({"reset": true, "continue_url": ""}));
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", "TransactWriteItems"]);
    // The answer was lost, and the page asks again.
    reset(NEW_PASSWORD).await.is(200);
    reset("purple kettle 12 mountain").await.refused(401, "link_used");
    assert!(has_password(&service, &user, NEW_PASSWORD).await);
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("SESSION#")));
    let body = service.post("/pages/inspect", json!({"token": token})).await.is(200).body;
    assert_eq!(body["used"], true);
}

/// The mail alone proves nothing about the account: somebody else may have made it.
#[tokio::test(start_paused = true)]
async fn an_address_is_verified_by_the_link_and_the_password_together() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let session = service.new_session(&user);
    service.app().store().put_session(&session).await.unwrap();
    let token = link_to_verify(&service, &user).await;
    verify(&service, &token, "wrong horse battery").await.refused(401, "invalid_credentials");
    assert!(!service.stored(&user).await.unwrap().email_verified);
    for _ in 0..2 {
        let answer = verify(&service, &token, PASSWORD).await.is(200);
        assert_eq!(answer.body, json!({"email_verified": true, "continue_url": ""}));
    }
    let stored = service.stored(&user).await.unwrap();
    assert!(stored.email_verified && session.is_of(&stored) && has_password(&service, &user, PASSWORD).await);
    verify(&service, &token, "wrong horse battery").await.refused(401, "invalid_credentials");
}

#[tokio::test(start_paused = true)]
async fn passwords_beside_a_link_are_limited_as_those_of_a_login() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let token = link_to_verify(&service, &user).await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(verify(&service, &token, "wrong horse battery").await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    verify(&service, &token, PASSWORD).await.refused(429, "too_many_attempts");
}

#[tokio::test(start_paused = true)]
async fn a_disabled_account_stays_as_it_is() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let token = link_to_verify(&service, &user).await;
    let stored = service.stored(&user).await.unwrap();
    service.app().store().update_user(&stored, |user| user.disabled = true).await.unwrap();
    verify(&service, &token, PASSWORD).await.refused(403, "account_disabled");
    verify(&service, &token, "wrong horse battery").await.refused(401, "invalid_credentials");
    assert!(!service.stored(&user).await.unwrap().email_verified);
}

/// Whoever made the account with the address of somebody else cannot end the owner's link.
#[tokio::test(start_paused = true)]
async fn the_owner_of_an_address_disowns_an_account_also_after_its_password_was_changed() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let token = link_to_verify(&service, &user).await;
    service.app().store().update_user(&user, |user| user.void_proofs()).await.unwrap();
    let answer = disown(&service, &token, "other@yopmail.com").await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("email", "email_mismatch")]);
    assert!(service.stored(&user).await.is_some());
    for _ in 0..2 {
        assert_eq!(disown(&service, &token, "JAMES@yopmail.com").await.is(200).body, json!({"disowned": true}));
        assert!(service.stored(&user).await.is_none());
    }
    // The address is free again, and the link is no danger to whoever has it next.
    let next = service.account("james@yopmail.com").await;
    disown(&service, &token, "james@yopmail.com").await.is(200);
    assert!(service.stored(&next).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_verified_account_is_not_disowned() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let token = link_to_verify(&service, &user).await;
    verify(&service, &token, PASSWORD).await.is(200);
    disown(&service, &token, "james@yopmail.com").await.is(200);
    assert!(service.stored(&user).await.is_some());
}

/// Programs that look through mails open links, run scripts and press buttons. They fill in
/// nothing, or the same word everywhere.
#[tokio::test(start_paused = true)]
async fn a_link_alone_changes_nothing_whatever_is_called_with_it() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let links = [link_of(&forgot(&service, "james@yopmail.com").await), link_to_verify(&service, &user).await];
    let before = state(&service).await;
    for token in &links {
        for path in ["inspect", "reset", "verify", "disown"] {
            for body in [json!({}), json!({"new_password": "", "password": "", "email": ""})] {
                let mut body: Value = body;
                body["token"] = json!(token);
                let path = format!("/pages/{path}");
                let answer = service.post(&path, body).await;
                assert!(path == "/pages/inspect" || answer.status == 400, "{path}: {}", answer.body);
            }
        }
    }
    assert_eq!(state(&service).await, before);
    verify(&service, &links[1], PASSWORD).await.is(200);
    service.post("/pages/reset", json!({"token": links[0], "new_password": NEW_PASSWORD})).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_link_is_of_use_for_its_own_purpose_alone() {
    let service = service().await;
    let user = service.account("james@yopmail.com").await;
    let reset = link_of(&forgot(&service, "james@yopmail.com").await);
    let to_verify = link_to_verify(&service, &user).await;
    verify(&service, &reset, PASSWORD).await.refused(401, "link_invalid");
    disown(&service, &reset, "james@yopmail.com").await.refused(401, "link_invalid");
    let body = json!({"token": to_verify, "new_password": NEW_PASSWORD});
    service.post("/pages/reset", body).await.refused(401, "link_invalid");
}

#[tokio::test(start_paused = true)]
async fn no_page_of_another_site_makes_these_calls() {
    let service = Service::configured(email::router(), &[("PUBLIC_URL", "https://login.herbs.example")]).await;
    service.account("james@yopmail.com").await;
    let token = link_of(&forgot(&service, "james@yopmail.com").await);
    let call = async |headers: &[(&str, &str)]| {
        let call = service.request(Method::POST, "/pages/inspect");
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).json(json!({"token": token})).await
    };
    let (site, host) = ("sec-fetch-site", ("host", "id.execute-api.example"));
    for allowed in [
        &[][..],
        &[host],
        &[(site, "same-origin"), ("origin", "https://login.herbs.example")],
        &[host, ("origin", "https://login.herbs.example")],
        &[host, ("origin", "https://ID.execute-api.example")],
    ] {
        call(allowed).await.is(200);
    }
    for refused in [
        &[(site, "cross-site")][..],
        &[(site, "same-site")],
        &[(site, "none")],
        &[(site, "cross-site"), ("origin", "https://login.herbs.example")],
        &[host, ("origin", "https://evil.example")],
        &[host, ("origin", "https://login.herbs.example.evil.example")],
        &[host, ("origin", "https://login.herbs.example:8443")],
        &[host, ("origin", "null")],
        &[host, ("origin", "")],
    ] {
        call(refused).await.refused(403, "cross_origin");
    }
    for path in ["/pages/reset", "/pages/verify", "/pages/disown"] {
        let call = service.request(Method::POST, path).header(site, "cross-site");
        call.json(json!({"token": token})).await.refused(403, "cross_origin");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_has_a_link_where_the_service_has_an_address_and_a_login_has_none() {
    for (url, is_there) in [(Some("https://login.herbs.example"), true), (None, false)] {
        let variables: Vec<_> =
            url.map(|url| ("PUBLIC_URL", url)).into_iter().chain([("EMAIL_SIGN_IN", "existing")]).collect();
        let service = Service::configured(email::router(), &variables).await;
        let user = service.account("james@yopmail.com").await;
        forgot(&service, "james@yopmail.com").await;
        link_to_verify(&service, &user).await;
        service.post("/login/email", json!({"email": "james@yopmail.com"})).await.is(200);
        let key = shared::testing::proof_keys();
        let mut links: Vec<_> = service.mails().await.iter().filter_map(|mail| mail.link(key.sealing())).collect();
        links.sort_unstable();
        let pages: Vec<&str> = links.iter().map(|link| link.split('#').next().unwrap()).collect();
        let expected = ["https://login.herbs.example/pages/reset", "https://login.herbs.example/pages/verify"];
        assert_eq!(pages, if is_there { expected.to_vec() } else { Vec::new() });
    }
}
