//! Admins by their role: each route with each access token that opens nothing, and the changes that
//! need an admin key all the same.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{Answer, Google, PASSWORD, Reply, Service, certificate, id_token_claims},
};

use super::{API_KEY, KEY, endpoints, variables};

const KID: &str = "0e5a1c";
const HALF_A_DAY: Duration = Duration::from_secs(12 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);

async fn service_with(more: &[(&str, &str)]) -> Service {
    let variables: Vec<_> = variables().into_iter().chain([("ADMIN_ROLES", "7,9"), ("ROLES", "9=owner")]).collect();
    Service::configured(latchkey::router(), &[&variables[..], more].concat()).await
}

async fn service() -> Service {
    service_with(&[]).await
}

/// The access token of a new session of a new account with this role.
async fn token(service: &Service, email: &str, role_id: u32) -> Value {
    let user = service.account_with(email, None, |user| user.role_id = role_id).await;
    service.session(&user).await["access_token"].clone()
}

async fn call(service: &Service, method: Method, path: &str, token: &Value, body: Value) -> Answer {
    service.request(method, path).bearer(token).json(body).await
}

async fn by_key(service: &Service, method: Method, path: &str, body: Value) -> Answer {
    service.request(method, path).header("x-admin-key", KEY).json(body).await
}

/// Tokens that open nothing below `/admin`, with the codes of the refusals.
async fn wrong_tokens(service: &Service) -> Vec<(&'static str, Value, &'static str)> {
    let admin = |user: &mut User| user.role_id = 7;
    let old = service.account_with("old@b.de", None, admin).await;
    let old = service.session(&old).await;
    service.pass(HALF_A_DAY);
    let old = service.post("/refresh", json!({"refresh_token": old["refresh_token"]})).await.is(200).body;
    let ended = service.account_with("ended@b.de", None, admin).await;
    let ended_session = service.session(&ended).await;
    service.post("/logout", json!({"refresh_token": ended_session["refresh_token"]})).await.is(200);
    let change = async |email: &str, change: Value| {
        let user = service.account_with(email, None, admin).await;
        let session = service.session(&user).await;
        by_key(service, Method::PATCH, &format!("/admin/users/{}", user.id), change).await.is(200);
        session["access_token"].clone()
    };
    let (disabled, withdrawn) =
        (change("off@b.de", json!({"disabled": true})).await, change("was@b.de", json!({"role_id": 2})).await);
    let good = service.account_with("good@b.de", None, admin).await;
    let session = service.session(&good).await;
    let payload = json!({"sub": good.id, "role_id": 7, "auth_time": service.now().seconds()});
    let encode = service.request(Method::POST, "/jwt/encode").header("x-api-key", API_KEY);
    let encoded = encode.json(json!({"payload": payload})).await.is(200).body["token"].clone();
    let id_token = certificate(0).id_token(KID, &id_token_claims(&good.id, service.now()));
    service.request(Method::GET, "/me").bearer(&id_token).send().await.is(200);
    vec![
        ("an account of another role", token(service, "plain@b.de", 1).await, "token_invalid"),
        ("an account whose role was withdrawn", withdrawn, "token_invalid"),
        ("a login of twelve hours ago", old["access_token"].clone(), "reauthentication_required"),
        ("a session that has ended", ended_session["access_token"].clone(), "token_revoked"),
        ("a disabled account", disabled, "account_disabled"),
        ("a token of the shared secret", encoded, "token_invalid"),
        ("an ID token of Firebase", id_token, "token_invalid"),
        ("a custom token", session["jwt_token"].clone(), "token_invalid"),
        ("a refresh token", session["refresh_token"].clone(), "token_invalid"),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_route_answers_an_account_that_is_no_admin_now() {
    let google = Google::start(Reply::certificates(&[(0, KID)])).await;
    let url = google.url();
    let service = service_with(&[("FIREBASE_CERTS_URL", url.as_str())]).await;
    let wrong = wrong_tokens(&service).await;
    for (method, path, _) in endpoints(true) {
        for (name, token, code) in &wrong {
            let answer = call(&service, method.clone(), &path, token, json!({})).await;
            assert_eq!((answer.status.as_u16(), &answer.body["code"]), (401, &json!(code)), "{method} {path}: {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_with_a_role_of_admins_opens_the_admin_api_for_twelve_hours() {
    let service = service().await;
    let (user, other) = (service.account("a@b.de").await, token(&service, "owner@b.de", 9).await);
    let admin = service.account_with("admin@b.de", None, |user| user.role_id = 7).await;
    let session = service.session(&admin).await;
    let list = async |token: &Value| service.request(Method::GET, "/admin/users").bearer(token).send().await;
    assert_eq!(list(&session["access_token"]).await.is(200).body["count"], 3);
    // The account and its session are read for each call.
    assert_eq!(service.calls()[0], "BatchGetItem");
    list(&other).await.is(200);
    let path = format!("/admin/users/{}", user.id);
    let change = json!({"name": "Jim", "role_id": 2, "disabled": true});
    let changed = call(&service, Method::PATCH, &path, &session["access_token"], change).await.is(200);
    assert_eq!((&changed.body["user"]["name"], &changed.body["user"]["role_id"]), (&json!("Jim"), &json!(2)));

    service.pass(HALF_A_DAY - SECOND);
    let newer = service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await.is(200).body;
    list(&newer["access_token"]).await.is(200);
    service.pass(SECOND);
    list(&newer["access_token"]).await.refused(401, "reauthentication_required");
    let again = service.post("/login", json!({"email": "admin@b.de", "password": PASSWORD})).await.is(200).body;
    list(&again["access_token"]).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn an_admin_who_is_disabled_or_logged_out_or_demoted_is_refused_at_the_next_call() {
    let service = service().await;
    for (number, (change, code)) in
        [(json!({"disabled": true}), "account_disabled"), (json!({"role_id": 1}), "token_invalid")]
            .into_iter()
            .enumerate()
    {
        let user = service.account_with(&format!("{number}@b.de"), None, |user| user.role_id = 7).await;
        let token = service.session(&user).await["access_token"].clone();
        let list = async || service.request(Method::GET, "/admin/users").bearer(&token).send().await;
        list().await.is(200);
        by_key(&service, Method::PATCH, &format!("/admin/users/{}", user.id), change).await.is(200);
        list().await.refused(401, code);
    }
    let user = service.account_with("out@b.de", None, |user| user.role_id = 7).await;
    let session = service.session(&user).await;
    let list = async || service.request(Method::GET, "/admin/users").bearer(&session["access_token"]).send().await;
    list().await.is(200);
    by_key(&service, Method::POST, &format!("/admin/users/{}/end-sessions", user.id), json!({})).await.is(200);
    list().await.refused(401, "token_revoked");
}

/// An admin by role could otherwise take over another admin, shut the others out, or make more.
#[tokio::test(start_paused = true)]
async fn only_an_admin_key_changes_an_admin_or_makes_one() {
    let service = service_with(&[("ADMIN_SIGN_IN_LINKS", "true")]).await;
    let admin = service.account_with("admin@b.de", None, |user| user.role_id = 7).await;
    let owner = service.account_with("owner@b.de", None, |user| user.role_id = 9).await;
    let plain = service.account("a@b.de").await;
    let token = service.session(&admin).await["access_token"].clone();
    let before = service.records().await;
    for user in [&admin, &owner] {
        let path = format!("/admin/users/{}", user.id);
        let until = (service.now() + Duration::from_secs(3_600)).rfc3339();
        for (method, below, body) in [
            (Method::PATCH, "", json!({"name": "Jim"})),
            (Method::PATCH, "", json!({"role_id": 1})),
            (Method::DELETE, "", json!({})),
            (Method::POST, "/end-sessions", json!({})),
            (Method::DELETE, "/sessions/AAAAAAAAAAAAAAAA", json!({})),
            (Method::POST, "/link", json!({"purpose": "reset"})),
            (Method::POST, "/link", json!({"purpose": "sign_in"})),
            (Method::PUT, "/test-code", json!({"code": "135790", "until": until})),
            (Method::DELETE, "/test-code", json!({})),
        ] {
            let answer = call(&service, method, &format!("{path}{below}"), &token, body).await;
            answer.refused(403, "admin_key_required");
        }
        call(&service, Method::GET, &path, &token, json!({})).await.is(200);
        call(&service, Method::GET, &format!("{path}/sessions"), &token, json!({})).await.is(200);
    }
    let path = format!("/admin/users/{}", plain.id);
    for (method, path, body) in [
        (Method::PATCH, path.as_str(), json!({"role_id": 7})),
        (Method::POST, "/admin/users", json!({"email": "new@b.de", "role_id": 9})),
        (Method::POST, "/admin/token", json!({})),
    ] {
        call(&service, method, path, &token, body).await.refused(403, "admin_key_required");
    }
    assert_eq!(service.records().await.len(), before.len());
    let users = json!({"users": [
        {"email": "one@b.de", "role_id": 7}, {"email": "two@b.de", "role_id": 2}, {"email": "six@b.de", "role": "owner"},
    ]});
    let imported = call(&service, Method::POST, "/admin/import", &token, users.clone()).await.is(200).body;
    let fates: Vec<_> = imported["results"].as_array().unwrap().iter().map(|of| of["ok"].as_bool().unwrap()).collect();
    assert_eq!(fates, [false, true, false], "{imported}");
    assert!(imported["results"][0]["error"].as_str().unwrap().contains("admin key"), "{imported}");

    let imported = by_key(&service, Method::POST, "/admin/import", users).await.is(200).body;
    assert_eq!((&imported["created"], &imported["present"]), (&json!(2), &json!(1)));
    by_key(&service, Method::PATCH, &path, json!({"role_id": 7})).await.is(200);
    by_key(&service, Method::DELETE, &format!("/admin/users/{}", owner.id), json!({})).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn roles_open_the_admin_api_without_any_admin_key() {
    let variables: Vec<_> = variables().into_iter().filter(|(name, _)| *name != "ADMIN_KEY").collect();
    let variables = [&variables[..], &[("ADMIN_ROLES", "7")]].concat();
    let service = Service::configured(latchkey::router(), &variables).await;
    let token = token(&service, "admin@b.de", 7).await;
    service.request(Method::GET, "/admin/users").bearer(&token).send().await.is(200);
    let keyed = service.request(Method::GET, "/admin/users").header("x-admin-key", KEY).send().await;
    keyed.refused(401, "invalid_admin_key");
    service.request(Method::GET, "/admin/users").send().await.refused(401, "invalid_admin_key");
}
