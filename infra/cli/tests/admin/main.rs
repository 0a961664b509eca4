//! The credentials of the admin API: each of its routes with each wrong credential, and each other
//! route with an admin's.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod callers;
mod claims;
mod links;
mod races;
mod roles;
mod sign_ins;
mod test_codes;
mod webhooks;

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    http::api::{Endpoint, operation::Identity},
    jose::jwt::Jwt,
    testing::{ISSUER, PASSWORD, PROJECT, Service, code_of, service_account},
};

const KEY: &str = "an admin's key of 32 characters or more";
const API_KEY: &str = "a server's key of 32 characters or more";
const SECRET: &str = "a shared secret of more than 32 bytes";

fn variables() -> Vec<(&'static str, &'static str)> {
    vec![
        ("ADMIN_KEY", "anna:an admin's key of 32 characters or more"),
        ("API_KEY", API_KEY),
        ("JWT_SHARED_SECRET", SECRET),
        ("FIREBASE_SERVICE_ACCOUNT", service_account()),
        ("FIREBASE_PROJECT_ID", PROJECT),
        ("EMAIL_SIGN_IN", "existing"),
        ("MAIL", "outbox"),
        ("RATE_LIMITS", "off"),
    ]
}

async fn service() -> Service {
    Service::configured(latchkey::router(), &variables()).await
}

/// The endpoints, those of the admin API or all others.
fn endpoints(of_admins: bool) -> Vec<(Method, String, Identity)> {
    let api = latchkey::api();
    let is_of_admins = |endpoint: &&Endpoint| endpoint.path.starts_with("/admin");
    let chosen = api.endpoints().iter().filter(|endpoint| is_of_admins(endpoint) == of_admins);
    let routes = chosen.map(|Endpoint { method, path, operation }| {
        let path = path.replace("{id}", "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e").replace("{sid}", "AAAAAAAAAAAAAAAA");
        (method.parse().unwrap(), path, operation.identity)
    });
    routes.collect()
}

async fn admin_token(service: &Service) -> String {
    let answer = service.request(Method::POST, "/admin/token").header("x-admin-key", KEY).send().await.is(200);
    answer.body["admin_token"].as_str().unwrap().to_owned()
}

/// A credential that opens nothing, by its name: the header, its value and the code of the answer.
type Wrong = (&'static str, &'static str, String, &'static str);

/// Everything that somebody may show in the place of an admin's credential.
async fn wrong_credentials(service: &Service) -> Vec<Wrong> {
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    let encode = service.request(Method::POST, "/jwt/encode").header("x-api-key", API_KEY);
    let claims =
        json!({"payload": {"typ": "admin+jwt", "sub": "anna", "iss": ISSUER, "aud": format!("{ISSUER}/admin")}});
    let forged = encode.json(claims).await.is(200).body["token"].as_str().unwrap().to_owned();
    let token = admin_token(service).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bearer = |token: &Value| format!("Bearer {}", token.as_str().unwrap());
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let altered = format!("{signed}.{first}{}", &signature[1..]);
    vec![
        ("a wrong key", "x-admin-key", "another key that is as long as a key".to_owned(), "invalid_admin_key"),
        ("the name with the key", "x-admin-key", format!("anna:{KEY}"), "invalid_admin_key"),
        ("an API key in its place", "x-admin-key", API_KEY.to_owned(), "invalid_admin_key"),
        ("an API key", "x-api-key", API_KEY.to_owned(), "invalid_admin_key"),
        ("the key as a token", "authorization", format!("Bearer {KEY}"), "token_invalid"),
        ("an access token", "authorization", bearer(&session["access_token"]), "token_invalid"),
        ("a custom token", "authorization", bearer(&session["jwt_token"]), "token_invalid"),
        ("a refresh token", "authorization", bearer(&session["refresh_token"]), "token_invalid"),
        ("a token of the shared secret", "authorization", format!("Bearer {forged}"), "token_invalid"),
        ("an admin token without its signature", "authorization", format!("Bearer {signed}."), "token_invalid"),
        ("an admin token with another signature", "authorization", format!("Bearer {altered}"), "token_invalid"),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_route_of_the_admin_api_answers_without_an_admins_credential() {
    let service = service().await;
    let wrong = wrong_credentials(&service).await;
    let routes = endpoints(true);
    assert!(routes.len() >= 3);
    for (method, path, identity) in routes {
        assert_eq!(identity, Identity::AdminKey, "{method} {path}");
        let call = || service.request(method.clone(), &path);
        call().send().await.refused(401, "invalid_admin_key");
        for (name, header, value, code) in &wrong {
            let answer = call().header(header, value).json(json!({})).await;
            assert_eq!((answer.status.as_u16(), &answer.body["code"]), (401, &json!(code)), "{method} {path}: {name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_in_the_configuration_every_route_is_off() {
    let variables: Vec<_> = variables().into_iter().filter(|(name, _)| *name != "ADMIN_KEY").collect();
    let service = Service::configured(latchkey::router(), &variables).await;
    for (method, path, _) in endpoints(true) {
        for header in ["x-admin-key", "x-other"] {
            let answer = service.request(method.clone(), &path).header(header, KEY).json(json!({})).await;
            let answer = answer.refused(501, "not_configured");
            assert!(answer.body["detail"].as_str().unwrap().contains("ADMIN_KEY_SECRET_ID"), "{}", answer.body);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_admin_token_and_an_admin_key_open_nothing_but_the_admin_api() {
    let service = service().await;
    service.account("a@b.de").await;
    let token = admin_token(&service).await;
    let mut asked = 0;
    for (method, path, identity) in endpoints(false) {
        let call = || service.request(method.clone(), &path).header("x-admin-key", KEY).bearer(&json!(token));
        if [Identity::Anybody, Identity::AdminKey].contains(&identity) {
            continue;
        }
        asked += 1;
        let answer = call().json(json!({})).await;
        // A logout never calls a text that is none of its tokens an end. Supabase refuses a bad
        // token by 403.
        let expected = match path.as_str() {
            "/logout" => 400,
            path if path.starts_with("/auth/v1/") => 403,
            _ => 401,
        };
        assert_eq!(answer.status.as_u16(), expected, "{method} {path}: {}", answer.body);
    }
    assert!(asked >= 8, "{asked}");
    service.post("/verify", json!({"token": token})).await.refused(401, "auth/argument-error");
    service.post("/logout", json!({"refresh_token": token})).await.refused(400, "invalid_request");
    service.post("/refresh", json!({"refresh_token": token})).await.refused(401, "refresh_token_invalid");
    let decoded = service.post("/jwt/decode", json!({"token": token})).await.is(200);
    assert_eq!(decoded.body["kind"], "admin_token");
}

#[tokio::test(start_paused = true)]
async fn a_token_lives_for_fifteen_minutes_and_not_a_second_longer_and_dies_with_its_key() {
    let service = service().await;
    let token = json!(admin_token(&service).await);
    let claims = Jwt::parse(token.as_str().unwrap()).unwrap();
    assert_eq!((claims.header_text("typ"), claims.text("sub")), (Some("admin+jwt"), Some("anna")));
    let list = |service: &Service| service.request(Method::GET, "/admin/users").bearer(&token).send();
    let other = [&variables()[1..], &[("ADMIN_KEY", "ben:another key of 32 characters or more")]].concat();
    let without = service.beside(latchkey::router(), &other, None).await;
    list(&without).await.refused(401, "token_invalid");
    service.pass(Duration::from_secs(14 * 60 + 58));
    list(&service).await.is(200);
    let renewed = service.request(Method::POST, "/admin/token").bearer(&token).send().await.is(200);
    assert_eq!(renewed.body["key_name"], "anna");
    service.pass(Duration::from_secs(2));
    list(&service).await.refused(401, "token_expired");
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_of_one_address_are_counted_and_a_right_one_still_opens() {
    let variables: Vec<_> = variables().into_iter().filter(|(name, _)| *name != "RATE_LIMITS").collect();
    let service = Service::configured(latchkey::router(), &variables).await;
    let call = |key: &str| {
        service.request(Method::GET, "/admin/users").from("192.0.2.7".parse().unwrap()).header("x-admin-key", key)
    };
    for _ in 0..30 {
        call("a wrong key").send().await.refused(401, "invalid_admin_key");
    }
    call("a wrong key").send().await.refused(429, "too_many_attempts");
    call(KEY).send().await.is(200);
    service.calls();
    call(KEY).send().await.is(200);
    assert_eq!(service.calls(), ["Query", "BatchGetItem"]);
    let elsewhere = service.request(Method::GET, "/admin/users").from("198.51.100.7".parse().unwrap());
    elsewhere.header("x-admin-key", "a wrong key").send().await.refused(401, "invalid_admin_key");
    service.pass(Duration::from_secs(15 * 60));
    call("a wrong key").send().await.refused(401, "invalid_admin_key");
}

#[tokio::test(start_paused = true)]
async fn no_page_of_another_origin_reads_an_answer() {
    let service = service().await;
    for (method, path, _) in endpoints(true) {
        for method in [method, Method::OPTIONS] {
            let call = service.request(method, &path).header("origin", "https://app.example");
            let answer = call.header("access-control-request-method", "GET").header("x-admin-key", KEY).send().await;
            let names = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
            assert_eq!(names.count(), 0, "{path}: {:?}", answer.headers);
        }
    }
}

/// Invariant b4: from the answer on, nothing lets a disabled account in.
#[tokio::test(start_paused = true)]
async fn a_disabled_account_is_refused_everywhere_from_the_answer_on() {
    let service = service().await;
    let user = service.account_with("a@b.de", None, |user| user.email_verified = true).await;
    let path = format!("/admin/users/{}", user.id);
    let change = |body: Value| service.request(Method::PATCH, &path).header("x-admin-key", KEY).json(body);
    let started = service.post("/login/email", json!({"email": "a@b.de"})).await.is(200).body;
    let forgot = service.post("/password/forgot", json!({"email": "a@b.de"})).await.is(200).body;
    let session = service.session(&user).await;
    change(json!({"disabled": true})).await.is(200);
    let credentials = json!({"email": "a@b.de", "password": PASSWORD});
    service.post("/login", credentials.clone()).await.refused(403, "account_disabled");
    let refresh = json!({"refresh_token": session["refresh_token"]});
    let refused = service.post("/refresh", refresh.clone()).await;
    assert!([401, 403].contains(&refused.status.as_u16()), "{}", refused.body);
    let me = service.request(Method::GET, "/me").bearer(&session["access_token"]).send().await;
    me.refused(401, "account_disabled");
    let verify = service.request(Method::GET, "/verify?check_revoked=true").bearer(&session["access_token"]);
    verify.send().await.refused(401, "account_disabled");
    let by_code = json!({"challenge": started["challenge"], "code": code_of(&started["challenge"])});
    service.post("/login/email/complete", by_code).await.refused(401, "code_invalid");
    let code = code_of(&forgot["challenge"]);
    let reset = json!({"challenge": forgot["challenge"], "code": code, "new_password": "violet tractor 47 umbrella"});
    service.post("/password/reset", reset).await.refused(401, "code_invalid");
    // Nothing from before comes back with the account.
    change(json!({"disabled": false})).await.is(200);
    service.post("/refresh", refresh).await.refused(401, "refresh_token_invalid");
    service.post("/login", credentials).await.is(200);
}
