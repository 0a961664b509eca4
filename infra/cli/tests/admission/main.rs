//! Admission as two matrices: every endpoint for every state of an account, and every way to sign
//! up under every rule.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod endpoints;
mod mails;
mod sign_up;

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{Answer, PASSWORD, Service, assert_session_object, service_account},
};

const REQUIRED: (&str, &str) = ("REQUIRE_VERIFIED_EMAIL", "true");
const SHARED_SECRET: (&str, &str) = ("JWT_SHARED_SECRET", "a shared secret of more than 32 bytes");
const DAY: Duration = Duration::from_secs(86_400);

/// Changes a stored account, as an operator does.
async fn change(service: &Service, user: &User, change: impl FnOnce(&mut User)) -> User {
    let stored = service.stored(user).await.unwrap();
    let mut changed = stored.clone();
    change(&mut changed);
    service.app().store().change_user(&stored, &changed).await.unwrap();
    service.calls();
    service.stored(user).await.unwrap()
}

async fn create(service: &Service, key: &str, email: &str, password: &str) -> Answer {
    let call = service.request(Method::POST, "/create-account").header("idempotency-key", key);
    call.json(json!({"email": email, "password": password})).await
}

async fn sessions_stored(service: &Service) -> usize {
    service.keys_stored().await.iter().filter(|key| key.starts_with("SESSION#")).count()
}

/// Fails unless `body` has the members of a session object, each of its type, without any token.
#[track_caller]
fn assert_without_tokens(body: &Value, like: &Value) {
    let types = |body: &Value| -> Vec<(String, std::mem::Discriminant<Value>)> {
        let members = body.as_object().unwrap().iter();
        members.map(|(name, value)| (name.clone(), std::mem::discriminant(value))).collect()
    };
    assert_eq!(types(body), types(like), "{body:#}");
    for part in ["user", "next"] {
        assert_eq!(types(&body[part]), types(&like[part]), "{body:#}");
    }
    for empty in ["jwt_token", "token", "access_token", "refresh_token", "expires_at", "refresh_expires_at"] {
        assert_eq!(body[empty], "", "{empty}: {body:#}");
    }
    assert_eq!((&body["expires_in"], &body["token_type"]), (&json!(0), &json!("Bearer")));
    assert_eq!((&body["next"]["action"], &body["uid"]), (&json!("verify_email"), &body["user"]["id"]));
    assert!(body["next"]["message"].as_str().unwrap().contains("verified"), "{body:#}");
}

#[tokio::test(start_paused = true)]
async fn a_new_account_has_no_token_of_any_kind_before_its_address_is_verified() {
    let firebase = ("FIREBASE_SERVICE_ACCOUNT", service_account());
    for profile in ["firebase", "access", "shared_secret"] {
        let variables = [firebase, SHARED_SECRET, ("TOKEN_PROFILE", profile)];
        let open = Service::configured(latchkey::router(), &variables).await;
        let like = create(&open, "key", "a@b.de", PASSWORD).await.is(201).body;
        assert_session_object(&like);
        let service = Service::configured(latchkey::router(), &[&variables[..], &[REQUIRED]].concat()).await;
        let created = create(&service, "key", "a@b.de", PASSWORD).await.is(201).body;
        assert_eq!(
            service.calls(),
            ["BatchGetItem", "BatchGetItem", "TransactWriteItems"],
            "the limits of mails are read"
        );
        assert_without_tokens(&created, &like);
        assert_eq!(sessions_stored(&service).await, 0);

        let credentials = json!({"email": "a@b.de", "password": PASSWORD});
        service.post("/login", credentials.clone()).await.refused(403, "email_not_verified");
        create(&service, "key", "a@b.de", "another battery staple").await.refused(409, "idempotency_key_reused");
        let repeated = create(&service, "key", "a@b.de", PASSWORD).await.is(201).body;
        assert_without_tokens(&repeated, &like);
        assert_eq!((&repeated["uid"], sessions_stored(&service).await), (&created["uid"], 0));

        let user = service.app().store().user(created["uid"].as_str().unwrap()).await.unwrap().unwrap();
        let user = change(&service, &user, |user| user.email_verified = true).await;
        assert_session_object(&service.post("/login", credentials.clone()).await.is(200).body);
        assert_session_object(&create(&service, "key", "a@b.de", PASSWORD).await.is(201).body);
        change(&service, &user, |user| user.disabled = true).await;
        create(&service, "key", "a@b.de", PASSWORD).await.refused(403, "account_disabled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_from_thirty_days_before_the_rule_ends_at_its_next_refresh_and_renews_nothing() {
    let before = Service::configured(latchkey::router(), &[]).await;
    let rule = before.beside(latchkey::router(), &[REQUIRED], None).await;
    let refresh = async |service: &Service, session: &Value| {
        service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await
    };
    let (squatter, owner) = (before.account("squatter@b.de").await, before.account("owner@b.de").await);
    change(&before, &owner, |user| user.email_verified = true).await;
    let (mut squatted, mut owned) = (before.session(&squatter).await, before.session(&owner).await);
    for _ in 0..29 {
        before.pass(DAY);
        rule.pass(DAY);
        squatted = refresh(&before, &squatted).await.is(200).body;
        owned = refresh(&before, &owned).await.is(200).body;
    }
    let by = |method: Method, path: &str| rule.request(method, path).bearer(&squatted["access_token"]);
    by(Method::GET, "/me").send().await.refused(403, "email_not_verified");
    by(Method::GET, "/verify").send().await.refused(403, "email_not_verified");
    let renewal = json!({"current_password": PASSWORD, "new_password": "another battery staple"});
    by(Method::POST, "/me/password").json(renewal).await.refused(403, "email_not_verified");
    refresh(&rule, &squatted).await.refused(403, "email_not_verified");
    assert_eq!(rule.calls().last().unwrap(), "UpdateItem");
    for service in [&rule, &before] {
        refresh(service, &squatted).await.refused(401, "refresh_token_invalid");
    }
    assert_session_object(&refresh(&rule, &owned).await.is(200).body);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_before_is_not_told_that_the_address_counts() {
    let service = Service::configured(latchkey::router(), &[REQUIRED]).await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    let now = service.now();
    change(&service, &user, |user| user.end_sessions(now)).await;
    service.pass(Duration::from_secs(2));
    let body = json!({"refresh_token": session["refresh_token"]});
    service.post("/refresh", body).await.refused(401, "refresh_token_invalid");
    let me = service.request(Method::GET, "/me").bearer(&session["access_token"]);
    me.send().await.refused(401, "token_revoked");
}
