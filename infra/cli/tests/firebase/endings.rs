//! Each ending, as Firebase sees it.

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{PASSWORD, code_of};

use super::{Deployment, NEW_PASSWORD};

#[tokio::test]
async fn a_logout_everywhere_ends_the_sign_ins_at_firebase_and_what_a_thief_has_linked_there() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let session = deployment.service.session(&user).await;
    let before = deployment.service.now().seconds();
    assert_eq!(
        deployment.log_out_everywhere(&session).await,
        json!({"logged_out": true, "sessions_ended": 1, "firebase": "ended"})
    );
    assert!(deployment.valid_since(&user).unwrap() > before);
    let at_firebase = deployment.firebase.user(&user.id);
    assert_eq!((&at_firebase["providerUserInfo"], &at_firebase["email"]), (&json!([]), &Value::Null));
    assert_eq!(at_firebase["disabled"], false);
    assert_eq!(deployment.firebase.calls(), ["accounts:update", "accounts:lookup", "accounts:update"]);
    assert!(deployment.waiting().await.is_empty());
}

#[tokio::test]
async fn the_end_of_one_session_is_none_at_firebase() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let session = deployment.service.session(&user).await;
    let body = json!({"refresh_token": session["refresh_token"]});
    let answer = deployment.service.post("/logout", body).await.is(200).body;
    assert_eq!(answer, json!({"logged_out": true, "sessions_ended": 1, "firebase": ""}));
    assert!(deployment.firebase.calls().is_empty() && deployment.waiting().await.is_empty());
}

#[tokio::test]
async fn a_new_password_ends_the_sign_ins_at_firebase_and_the_new_session_is_later() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let session = deployment.service.session(&user).await;
    let change = deployment.service.request(Method::POST, "/me/password").bearer(&session["access_token"]);
    let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    change.json(body).await.is(200);
    // The app signs in with the answer, in this second or later.
    let valid_since = deployment.valid_since(&user).unwrap();
    assert!(valid_since <= deployment.service.now().seconds());
    let stored = deployment.service.stored(&user).await.unwrap();
    assert_eq!(Some(valid_since), stored.sessions_ended_at.map(|ended| ended.seconds()));
    assert!(deployment.waiting().await.is_empty());
}

#[tokio::test]
async fn a_reset_by_a_mailed_code_and_a_take_over_end_the_sign_ins_at_firebase() {
    let deployment = Deployment::with(&[("EMAIL_SIGN_IN", "existing")]).await;
    for (path, completion) in [("/password/forgot", "/password/reset"), ("/login/email", "/login/email/complete")] {
        let user = deployment.signed_in(&format!("james{}@yopmail.com", path.len())).await;
        let asked = deployment.service.post(path, json!({"email": user.email})).await.is(200).body;
        let code = code_of(&asked["challenge"]);
        let shown = json!({"challenge": asked["challenge"], "code": code, "new_password": NEW_PASSWORD});
        deployment.service.post(completion, shown).await.is(200);
        assert!(deployment.valid_since(&user).is_some(), "{completion}");
        assert_eq!(deployment.firebase.user(&user.id)["providerUserInfo"], json!([]), "{completion}");
    }
    // The address is verified now, and a login by a code ends nothing.
    deployment.firebase.calls();
    let user = deployment.signed_in("other@yopmail.com").await;
    let verify = |user: &mut shared::account::user::User| user.email_verified = true;
    deployment.service.app().store().update_user(&user, verify).await.unwrap();
    let asked = deployment.service.post("/login/email", json!({"email": user.email})).await.is(200).body;
    let shown = json!({"challenge": asked["challenge"], "code": code_of(&asked["challenge"])});
    deployment.service.post("/login/email/complete", shown).await.is(200);
    assert_eq!(
        (deployment.firebase.calls(), deployment.valid_since(&user)),
        (vec!["accounts:lookup".to_owned(), "accounts:update".to_owned()], None)
    );
}

#[tokio::test]
async fn a_deleted_account_is_deleted_at_firebase_too_whether_or_not_somebody_signed_in_there() {
    let deployment = Deployment::new().await;
    let signed_in = deployment.signed_in("james@yopmail.com").await;
    let never = deployment.service.account("never@yopmail.com").await;
    for user in [signed_in, never] {
        let session = deployment.service.session(&user).await;
        assert_eq!(deployment.delete(&session).await, json!({"deleted": true, "firebase": "ended"}));
        assert_eq!(deployment.firebase.user(&user.id), Value::Null);
    }
    assert!(deployment.waiting().await.is_empty());
    let keys = deployment.service.keys_stored().await;
    assert!(keys.iter().all(|key| key.starts_with("LIMIT#")), "{keys:?}");
}

#[tokio::test]
async fn an_account_that_is_disabled_and_enabled_is_so_at_firebase() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let store = deployment.service.app().store();
    let now = deployment.service.now();
    let disabled = store.update_user(&user, |user| user.disable(now)).await.unwrap();
    deployment.settle(&user).await;
    assert_eq!(deployment.firebase.user(&user.id)["disabled"], true);
    store.update_user(&disabled, |user| user.disabled = false).await.unwrap();
    deployment.settle(&user).await;
    assert_eq!(deployment.firebase.user(&user.id)["disabled"], false);
    assert!(deployment.waiting().await.is_empty());
}

#[tokio::test]
async fn a_disabled_account_without_a_firebase_user_gets_a_disabled_one_that_no_custom_token_opens() {
    let deployment = Deployment::new().await;
    let user = deployment.service.account("james@yopmail.com").await;
    let now = deployment.service.now();
    deployment.service.app().store().update_user(&user, |user| user.disable(now)).await.unwrap();
    deployment.settle(&user).await;
    assert_eq!(deployment.firebase.user(&user.id)["disabled"], true);
    assert_eq!(deployment.firebase.calls(), ["accounts:update", "accounts", "accounts:update"]);
}

#[tokio::test]
async fn an_imported_firebase_user_keeps_the_ways_to_sign_in_there() {
    let deployment = Deployment::new().await;
    let user = deployment
        .service
        .account_with("james@yopmail.com", None, |user| {
            user.id = "kJ2n8sQpWcXv1yTzLmRb4eUhGf03".to_owned();
            user.imported_uid = true;
        })
        .await;
    deployment.firebase.put(&user.id, json!({"providerUserInfo": [{"providerId": "google.com"}]}));
    let session = deployment.service.session(&user).await;
    assert_eq!(deployment.log_out_everywhere(&session).await["firebase"], "ended");
    assert!(deployment.valid_since(&user).is_some());
    let providers = &deployment.firebase.user(&user.id)["providerUserInfo"];
    assert_eq!(*providers, json!([{"providerId": "google.com"}]));
}

#[tokio::test]
async fn where_firebase_is_told_nothing_no_ending_is_noted() {
    let deployment = Deployment::with(&[("FIREBASE_SYNC", "off")]).await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let session = deployment.service.session(&user).await;
    assert_eq!(deployment.log_out_everywhere(&session).await["firebase"], "");
    assert!(deployment.firebase.calls().is_empty() && deployment.waiting().await.is_empty());
}
