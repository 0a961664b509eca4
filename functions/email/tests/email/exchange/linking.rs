//! The table of linking, cell by cell.

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::{admission::Admission, user::User},
    mail::Kind,
    testing::{assert_session_object, code_of},
};

use super::{Deployment, unique};

const GMAIL: &str = "james@gmail.com";
const FOREIGN: &str = "james@yopmail.com";

/// The account with the id of a session object.
async fn account(deployment: &Deployment, session: &Value) -> User {
    let id = session["uid"].as_str().unwrap();
    let user = deployment.service.app().store().user(id).await.unwrap().unwrap();
    deployment.service.app().store().credentials(&user).await.unwrap().unwrap()
}

fn providers(user: &User) -> Vec<&str> {
    user.identities.iter().map(|identity| identity.provider.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_proven_address_of_nobody_makes_a_verified_account_in_two_round_trips() {
    let deployment = Deployment::new().await;
    let claims = deployment.claims("google", GMAIL);
    deployment.service.calls();
    let session = deployment.exchange("google", &claims).await.is(200).body;
    assert_eq!(deployment.service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    assert_session_object(&session);
    let user = account(&deployment, &session).await;
    assert_eq!((user.email.as_str(), user.email_verified, providers(&user)), (GMAIL, true, vec!["google"]));
    assert!(user.password_hash.is_none());
    // The identity is known from now on, whatever address it has.
    let mut moved = deployment.claims("google", "other@gmail.com");
    moved["jti"] = json!(unique());
    deployment.service.calls();
    let again = deployment.exchange("google", &moved).await.is(200).body;
    assert_eq!(deployment.service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    assert_eq!(again["uid"], session["uid"]);
    let user = account(&deployment, &again).await;
    assert_eq!((user.email.as_str(), user.identities[0].email.as_str()), (GMAIL, "other@gmail.com"));
}

#[tokio::test(start_paused = true)]
async fn a_proven_address_joins_a_verified_account_as_it_is_and_tells_its_owner() {
    let deployment = Deployment::new().await;
    let user = deployment.service.account_with(GMAIL, None, |user| user.email_verified = true).await;
    let old = deployment.service.new_session(&user);
    let session = deployment.exchange("google", &deployment.claims("google", GMAIL)).await.is(200).body;
    assert_eq!(session["uid"], user.id.as_str());
    let stored = account(&deployment, &session).await;
    assert!(stored.password_hash.is_some() && old.is_of(&stored) && providers(&stored) == ["google"]);
    let mails = deployment.service.mails().await;
    assert_eq!(mails.iter().map(|mail| mail.kind).collect::<Vec<_>>(), [Kind::IdentityLinked]);
}

/// Whoever registered with somebody else's address keeps nothing: neither the password, nor a
/// session, nor an identity that was linked before.
#[tokio::test(start_paused = true)]
async fn a_proven_address_takes_an_unverified_account_over() {
    let deployment = Deployment::new().await;
    let user = deployment.service.account(GMAIL).await;
    let thief = deployment.service.session(&user).await;
    let of_thief = deployment.claims("facebook", "");
    deployment.link(&thief, "facebook", &of_thief).await.is(200);
    let session = deployment.exchange("google", &deployment.claims("google", GMAIL)).await.is(200).body;
    let stored = account(&deployment, &session).await;
    assert!(stored.password_hash.is_none() && stored.email_verified && stored.epoch > user.epoch);
    assert_eq!((stored.id.as_str(), providers(&stored)), (user.id.as_str(), vec!["google"]));
    let mails = deployment.service.mails().await;
    assert!(mails.iter().any(|mail| mail.kind == Kind::AccessRevoked));
    // The thief's sign-in opens nothing of it any more.
    let other = deployment.exchange("facebook", &deployment.claims("facebook", "")).await.is(200).body;
    assert_ne!(other["uid"], session["uid"]);
}

#[tokio::test(start_paused = true)]
async fn an_unproven_address_of_nobody_makes_an_unverified_account() {
    let deployment = Deployment::new().await;
    for (provider, email) in [("google", FOREIGN), ("facebook", "jim@yopmail.com")] {
        let session = deployment.exchange(provider, &deployment.claims(provider, email)).await.is(200).body;
        let user = account(&deployment, &session).await;
        assert_eq!((user.email.as_str(), user.email_verified), (email, false), "{provider}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unproven_address_of_somebody_links_nothing_before_the_code_of_its_mailbox() {
    for is_verified in [false, true] {
        let deployment = Deployment::new().await;
        let user = deployment.service.account_with(FOREIGN, None, |user| user.email_verified = is_verified).await;
        let claims = deployment.claims("google", FOREIGN);
        let refused = deployment.exchange("google", &claims).await.refused(409, "email_confirmation_needed");
        let challenge = refused.body["next"]["challenge"].clone();
        assert!(account(&deployment, &json!({"uid": user.id})).await.identities.is_empty());
        let complete = json!({"challenge": challenge, "code": code_of(&challenge)});
        let session = deployment.service.post("/exchange/complete", complete.clone()).await.is(200).body;
        let stored = account(&deployment, &session).await;
        assert_eq!((session["uid"].as_str(), providers(&stored)), (Some(user.id.as_str()), vec!["google"]));
        assert!(stored.email_verified && stored.password_hash.is_some() == is_verified);
        deployment.service.post("/exchange/complete", complete).await.refused(401, "code_invalid");
        let again = deployment.exchange("google", &deployment.claims("google", FOREIGN)).await.is(200).body;
        assert_eq!(again["uid"], user.id.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_without_an_address_makes_an_account_without_one() {
    let deployment = Deployment::new().await;
    for provider in ["facebook", "apple"] {
        let session = deployment.exchange(provider, &deployment.claims(provider, "")).await.is(200).body;
        assert_eq!(session["user"]["email"], "");
        let again = deployment.exchange(provider, &deployment.claims(provider, "")).await.is(200).body;
        assert_eq!(again["uid"], session["uid"], "{provider}");
    }
}

/// Nothing but a recent login can show who asks: there is neither a password nor a mailbox.
#[tokio::test(start_paused = true)]
async fn an_account_without_an_address_gets_one_after_a_recent_login() {
    let deployment = Deployment::new().await;
    let service = &deployment.service;
    let session = deployment.exchange("apple", &deployment.claims("apple", "")).await.is(200).body;
    let post =
        |path: &str, body: Value| service.request(Method::POST, path).bearer(&session["access_token"]).json(body);
    let started = post("/me/email", json!({"new_email": FOREIGN})).await.is(200).body;
    let code = json!({"challenge": started["challenge"], "code": code_of(&started["challenge"])});
    let changed = post("/me/email/complete", code).await.is(200).body;
    assert_eq!((&changed["uid"], &changed["user"]["email"]), (&session["uid"], &json!(FOREIGN)));
    assert_eq!(changed["user"]["email_verified"], true);
    // There is no former address that could be told.
    assert_eq!(service.mails().await.iter().map(|mail| mail.kind).collect::<Vec<_>>(), [Kind::Change]);
    let again = deployment.exchange("apple", &deployment.claims("apple", "")).await.is(200).body;
    assert_eq!(again["uid"], session["uid"]);

    let later = deployment.exchange("facebook", &deployment.claims("facebook", "")).await.is(200).body;
    service.pass(std::time::Duration::from_secs(600));
    let call = service.request(Method::POST, "/me/email").bearer(&later["access_token"]);
    call.json(json!({"new_email": "ann@yopmail.com"})).await.refused(401, "reauthentication_required");
}

#[tokio::test(start_paused = true)]
async fn somebody_who_is_logged_in_links_whatever_the_address_and_nobody_elses() {
    let deployment = Deployment::new().await;
    let (james, ann) = (deployment.service.account(FOREIGN).await, deployment.service.account("ann@yopmail.com").await);
    let (of_james, of_ann) = (deployment.service.session(&james).await, deployment.service.session(&ann).await);
    let claims = || deployment.claims("google", "anything@gmail.com");
    let linked = deployment.link(&of_james, "google", &claims()).await.is(200).body;
    assert_eq!(linked["uid"], james.id.as_str());
    deployment.link(&of_ann, "google", &claims()).await.refused(409, "identity_taken");
    assert_eq!(deployment.exchange("google", &claims()).await.is(200).body["uid"], james.id.as_str());
    deployment.service.pass(std::time::Duration::from_secs(600));
    deployment
        .link(&of_ann, "facebook", &deployment.claims("facebook", ""))
        .await
        .refused(401, "reauthentication_required");
}

#[tokio::test(start_paused = true)]
async fn a_firebase_user_is_the_account_with_that_uid_and_a_new_one_gets_it() {
    let deployment = Deployment::new().await;
    let claims = deployment.firebase_claims("native-uid", GMAIL, "google.com");
    let session = deployment.exchange("firebase", &claims).await.is(200).body;
    assert_eq!((&session["uid"], &session["user"]["email_verified"]), (&json!("native-uid"), &json!(true)));
    let again = deployment.firebase_claims("native-uid", "moved@gmail.com", "google.com");
    assert_eq!(deployment.exchange("firebase", &again).await.is(200).body["uid"], "native-uid");
    let own = deployment.service.account(FOREIGN).await;
    let custom = deployment.firebase_claims(&own.id, "", "custom");
    assert_eq!(deployment.exchange("firebase", &custom).await.is(200).body["uid"], own.id.as_str());
    // A credential that a thief linked to the Firebase user opens nothing.
    let linked = deployment.firebase_claims(&own.id, "thief@gmail.com", "google.com");
    deployment.exchange("firebase", &linked).await.refused(401, "id_token_invalid");
    let anonymous = deployment.firebase_claims("nobody", "", "anonymous");
    deployment.exchange("firebase", &anonymous).await.refused(401, "anonymous_token");
}

/// A deleted account does not come to life again by the Firebase user that was made for it.
#[tokio::test(start_paused = true)]
async fn the_firebase_user_of_a_deleted_account_makes_no_new_one() {
    let deployment = Deployment::new().await;
    let user = deployment.service.account(GMAIL).await;
    deployment.service.app().store().delete_user(&user).await.unwrap();
    for provider in ["custom", "google.com"] {
        let claims = deployment.firebase_claims(&user.id, GMAIL, provider);
        deployment.exchange("firebase", &claims).await.refused(401, "id_token_invalid");
    }
}

#[tokio::test(start_paused = true)]
async fn the_rules_of_sign_up_and_of_admission_hold_here_too() {
    let closed = Deployment::with(&[("SIGN_UP", "closed")]).await;
    closed.exchange("google", &closed.claims("google", GMAIL)).await.refused(403, "sign_up_closed");
    let domains = Deployment::with(&[("SIGN_UP", "domains:yopmail.com")]).await;
    domains.exchange("google", &domains.claims("google", GMAIL)).await.refused(403, "email_domain_not_allowed");
    domains.exchange("facebook", &domains.claims("facebook", "")).await.refused(403, "email_domain_not_allowed");
    let verified = Deployment::with(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    verified.exchange("facebook", &verified.claims("facebook", "")).await.refused(403, "email_not_verified");
    let waiting = verified.exchange("google", &verified.claims("google", FOREIGN)).await.is(200).body;
    assert_eq!((&waiting["next"]["action"], &waiting["access_token"]), (&json!("verify_email"), &json!("")));
    let disabled = Deployment::new().await;
    let change = |user: &mut User| (user.disabled, user.email_verified) = (true, true);
    let user = disabled.service.account_with(GMAIL, None, change).await;
    assert!(Admission::default().admit(&user).is_err());
    disabled.exchange("google", &disabled.claims("google", GMAIL)).await.refused(403, "account_disabled");
    assert!(account(&disabled, &json!({"uid": user.id})).await.identities.is_empty());
}
