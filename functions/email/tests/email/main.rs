//! Tests the flows by e-mail from the outside.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod address;
mod alike;
mod dry_runs;
mod exchange;
mod guesses;
mod limits;
mod links;
mod pages;
mod reset;
mod sign_in;

use serde_json::{Value, json};
use shared::{
    account::user::User,
    password::{Password, Verdict},
    testing::{Answer, Service, code_of},
};

/// The new password of the tests.
const NEW_PASSWORD: &str = "violet tractor 47 umbrella";

async fn service() -> Service {
    Service::configured(email::router(), &[]).await
}

/// Asks for a code, and returns the challenge.
async fn forgot(service: &Service, email: &str) -> Value {
    service.post("/password/forgot", json!({"email": email})).await.is(200).body["challenge"].clone()
}

async fn reset_with(service: &Service, challenge: &Value, code: &str, password: &str) -> Answer {
    service.post("/password/reset", json!({"challenge": challenge, "code": code, "new_password": password})).await
}

/// Resets the password by the code that was mailed.
async fn reset(service: &Service, challenge: &Value, password: &str) -> Answer {
    reset_with(service, challenge, &code_of(challenge), password).await
}

/// Whether the stored account has this password.
async fn has_password(service: &Service, user: &User, password: &str) -> bool {
    let stored = service.stored(user).await.unwrap();
    let password = Password::parse(password).unwrap();
    let verdict = service.app().hasher().check(password, stored.password_hash).await.unwrap().verdict;
    service.calls();
    matches!(verdict, Verdict::Right | Verdict::Outdated)
}
