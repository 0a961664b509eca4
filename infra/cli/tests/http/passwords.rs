//! A password is kept as it was typed, at every place that reads one. No letter that nobody sees is
//! taken off or refused.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Answer, Service};

use super::{by_lambda, service};

/// Letters that nobody sees, before, within and behind a password. The space of each kind is told
/// apart by a test of the library.
const UNSEEN: [&str; 8] = [
    "correct\u{200b}horse battery",
    "correct\u{ad}horse battery",
    "correct\u{200d}horse battery",
    "correct\u{202e}horse battery",
    "correct\u{2060}horse battery",
    "\u{feff}correct horse battery",
    "correct horse battery\u{200b}",
    " correct horse battery ",
];

const PLAIN: &str = "correct horse battery";

fn without_unseen(password: &str) -> String {
    let seen = |letter: &char| letter.is_ascii();
    password.chars().filter(seen).collect::<String>().trim().to_owned()
}

async fn login(service: &Service, password: &str) -> Answer {
    service.post("/login", json!({"email": "a@b.de", "password": password})).await
}

async fn change(service: &Service, token: &Value, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    service.request(Method::POST, "/me/password").bearer(token).json(body).await
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_nobody_sees_is_a_part_of_the_password_everywhere() {
    for password in UNSEEN {
        let service = service().await;
        let plain = without_unseen(password);
        let new = json!({"email": "a@b.de", "password": password});
        service.post("/create-account", new.clone()).await.is(201);
        login(&service, &plain).await.refused(401, "invalid_credentials");
        let token = login(&service, password).await.is(200).body["access_token"].clone();
        let headers = [("content-type", "application/json")];
        let sent = new.to_string();
        let (status, ..) = by_lambda::send(service.app(), &Method::POST, "/login", &headers, sent.as_bytes()).await;
        assert_eq!(status, 200, "{password:?}");
        let form: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
        service.request(Method::POST, "/login").form(&format!("email=a%40b.de&password={form}")).await.is(200);

        let other = format!("another {password}");
        change(&service, &token, &plain, &other).await.refused(403, "password_incorrect");
        let token = change(&service, &token, password, &other).await.is(200).body["access_token"].clone();
        login(&service, &other).await.is(200);
        let body = json!({"password": without_unseen(&other)});
        let delete = service.request(Method::DELETE, "/me").bearer(&token).json(body.clone()).await;
        delete.refused(403, "password_incorrect");
        let delete = service.request(Method::POST, "/me/delete").bearer(&token).json(body).await;
        delete.refused(403, "password_incorrect");
        let delete = service.request(Method::POST, "/me/delete").bearer(&token);
        delete.json(json!({"password": other})).await.is(200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_nobody_sees_tells_the_two_typings_of_a_password_apart() {
    let service = service().await;
    let token = service.session(&service.account("c@d.de").await).await["access_token"].clone();
    for password in UNSEEN {
        let body = json!({"email": "a@b.de", "password": password, "confirm_password": PLAIN});
        let answer = service.post("/create-account", body).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("confirm_password", "password_mismatch")], "{password:?}");
        let body = json!({
            "current_password": shared::testing::PASSWORD, "new_password": password, "confirm_password": PLAIN,
        });
        let call = service.request(Method::POST, "/me/password").bearer(&token);
        let answer = call.json(body).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("confirm_password", "password_mismatch")], "{password:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_nobody_sees_beside_a_weak_password_makes_it_no_stronger() {
    let service = service().await;
    for password in ["\u{feff}password1", "password\u{200b}", "\u{2060}qwertyuiop\u{ad}"] {
        let body = json!({"email": "a@b.de", "password": password});
        let answer = service.post("/create-account", body).await.refused(400, "weak_password");
        assert_eq!(answer.fields(), [("password", "password_too_common")], "{password:?}");
    }
}

/// Somebody who has no password shows a recent login in its place. Whoever has one gives it.
#[tokio::test(start_paused = true)]
async fn an_account_without_a_password_is_deleted_after_a_recent_login() {
    let service = service().await;
    let with = service.account("with@b.de").await;
    let token = service.session(&with).await["access_token"].clone();
    for (method, path) in [(Method::DELETE, "/me"), (Method::POST, "/me/delete")] {
        for body in [json!({}), json!({"password": ""}), json!({"password": null})] {
            let answer = service.request(method.clone(), path).bearer(&token).json(body).await;
            assert_eq!(answer.refused(400, "invalid_request").fields(), [("password", "required")], "{path}");
        }
        let email = format!("{}@b.de", if path == "/me" { "one" } else { "two" });
        let without = service.account_with(&email, None, |user| user.password_hash = None).await;
        let token = service.session(&without).await["access_token"].clone();
        let call = |body| service.request(method.clone(), path).bearer(&token).json(body);
        call(json!({"password": PLAIN})).await.refused(403, "password_incorrect");
        service.pass(Duration::from_secs(600));
        call(json!({})).await.refused(401, "reauthentication_required");
        let token = service.session(&without).await["access_token"].clone();
        service.pass(Duration::from_secs(599));
        let deleted = service.request(method, path).bearer(&token).json(json!({})).await.is(200);
        assert_eq!(deleted.body["deleted"], true);
        service.request(Method::GET, "/me").bearer(&token).send().await.refused(401, "token_revoked");
    }
}
