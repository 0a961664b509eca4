//! Tests the account behind a genuine token.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{PROJECT, Service, certificate, id_token_claims},
    time::Timestamp,
};

use super::{KID, UID, assert_says, check_revoked, claims, deployment, google, service, signed, verify, with};

async fn change(service: &Service, user: &User, change: impl FnOnce(&mut User)) {
    let stored = service.stored(user).await.unwrap();
    let mut changed = stored.clone();
    change(&mut changed);
    service.app().store().change_user(&stored, &changed).await.unwrap();
    service.calls();
}

#[tokio::test(start_paused = true)]
async fn check_revoked_asks_the_account_and_when_its_sessions_were_ended() {
    let google = google().await;
    let service = service(&google).await;
    let user = service.account("a@b.de").await;
    let signed_in_at = |auth_time: Timestamp| {
        // Every refresh changes `iat`, so it does not count here.
        let claims = with(&id_token_claims(&user.id, service.now()), "auth_time", json!(auth_time.seconds()));
        signed(&with(&claims, "iat", json!(service.now().seconds())))
    };
    let check = async |token: &Value| {
        service.calls();
        let answer = check_revoked(&service, token).await;
        assert_eq!(service.calls(), ["BatchGetItem"]);
        verify(&service, token).await.is(200);
        assert!(service.calls().is_empty());
        answer
    };
    let first = service.now();
    assert_eq!(check(&signed_in_at(first)).await.is(200).body["uid"], user.id);

    service.pass(Duration::from_secs(10));
    let end = Timestamp::from_milliseconds(service.now().floor().milliseconds() + 500);
    change(&service, &user, |user| user.end_sessions(end)).await;
    let ended = service.stored(&user).await.unwrap().sessions_ended_at.unwrap();
    service.pass(Duration::from_secs(10));
    let answer = check(&signed_in_at(first)).await.refused(401, "auth/id-token-revoked");
    assert_says(&answer, "Log in again");
    assert!(answer.body["report"].as_str().unwrap().starts_with("Expires: "));
    check(&signed_in_at(Timestamp::from_seconds(ended.seconds() - 1))).await.refused(401, "auth/id-token-revoked");
    // `auth_time` has whole seconds, and the end has milliseconds. A sign-in in the same second
    // counts as one from before.
    assert_ne!(ended, ended.floor());
    check(&signed_in_at(ended)).await.refused(401, "auth/id-token-revoked");
    check(&signed_in_at(Timestamp::from_seconds(ended.seconds() + 1))).await.is(200);
    check(&signed_in_at(service.now())).await.is(200);

    change(&service, &user, |user| user.disabled = true).await;
    check(&signed_in_at(service.now())).await.refused(401, "auth/user-disabled");
    check(&signed_in_at(first)).await.refused(401, "auth/user-disabled");

    service.app().store().delete_user(&service.stored(&user).await.unwrap()).await.unwrap();
    check(&signed_in_at(service.now())).await.refused(401, "auth/id-token-revoked");
    for uid in [UID.to_owned(), "日".repeat(128), "a#b/c".to_owned()] {
        let token = signed(&id_token_claims(&uid, service.now()));
        check(&token).await.refused(401, "auth/id-token-revoked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_somebody_linked_to_the_firebase_user_opens_no_account_that_was_made_here() {
    let google = google().await;
    let service = service(&google).await;
    let user = service.account("a@b.de").await;
    let linked = |uid: &str, provider: &str| {
        let claims = id_token_claims(uid, service.now());
        signed(&with(&claims, "firebase", json!({"identities": {}, "sign_in_provider": provider})))
    };
    for provider in ["google.com", "password", "phone", "anonymous", "CUSTOM", "", "unknown"] {
        let token = linked(&user.id, provider);
        assert_says(&check_revoked(&service, &token).await.refused(401, "auth/argument-error"), "came by another way");
        verify(&service, &token).await.is(200);
    }
    check_revoked(&service, &linked(&user.id, "custom")).await.is(200);
    change(&service, &user, |user| user.disabled = true).await;
    check_revoked(&service, &linked(&user.id, "google.com")).await.refused(401, "auth/argument-error");
    change(&service, &user, |user| {
        user.disabled = false;
        user.imported_uid = true;
    })
    .await;
    check_revoked(&service, &linked(&user.id, "google.com")).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn check_revoked_comes_after_all_that_the_token_says() {
    let google = google().await;
    let service = service(&google).await;
    let expired = with(&claims(&service), "exp", json!(1_000_000_000));
    check_revoked(&service, &signed(&expired)).await.refused(401, "auth/id-token-expired");
    check_revoked(&service, &certificate(2).id_token(KID, &claims(&service))).await.refused(401, "auth/argument-error");
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_address_is_verified_by_the_token_or_where_it_has_none_by_the_account() {
    let google = google().await;
    let variables = [("FIREBASE_PROJECT_ID", PROJECT), ("REQUIRE_VERIFIED_EMAIL", "true")];
    let service = deployment(&google, &variables).await;
    let user = service.account("a@b.de").await;
    let bare = id_token_claims(&user.id, service.now());
    let addressed = with(&bare, "email", json!("a@b.de"));
    let verified = |value: Value| signed(&with(&addressed, "email_verified", value));

    verify(&service, &verified(json!(true))).await.is(200);
    for token in [verified(json!(false)), verified(json!("true")), signed(&addressed)] {
        verify(&service, &token).await.refused(403, "email_not_verified");
    }
    assert!(service.calls().is_empty());

    verify(&service, &signed(&bare)).await.refused(403, "email_not_verified");
    assert_eq!(service.calls(), ["BatchGetItem"]);
    change(&service, &user, |user| user.email_verified = true).await;
    verify(&service, &signed(&bare)).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem"]);
    check_revoked(&service, &signed(&bare)).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem"]);
    change(&service, &user, |user| user.disabled = true).await;
    verify(&service, &signed(&bare)).await.refused(401, "auth/user-disabled");
    verify(&service, &signed(&claims(&service))).await.refused(403, "email_not_verified");
    verify(&service, &verified(json!(false))).await.refused(403, "email_not_verified");
}
