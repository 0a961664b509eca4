//! The profile of an account, as Firebase shows it.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Answer, FirebaseFault, PASSWORD, code_of};
use tokio::time::Instant;

use super::Deployment;

impl Deployment {
    async fn log_in(&self, email: &str) -> Answer {
        self.service.post("/login", json!({"email": email, "password": PASSWORD})).await
    }
}

#[tokio::test]
async fn a_new_account_is_known_at_firebase_before_its_first_sign_in_there() {
    let deployment = Deployment::new().await;
    let new = json!({"email": "james@yopmail.com", "password": PASSWORD, "name": "James"});
    let created = deployment.service.post("/create-account", new).await.is(201).body;
    let uid = created["uid"].as_str().unwrap();
    // Nobody knows the owner of the address yet.
    assert_eq!(
        deployment.firebase.user(uid),
        json!({
            "localId": uid, "displayName": "James", "disabled": false, "emailVerified": false,
            "customAttributes": r#"{"role_id":1}"#,
        })
    );
    assert_eq!(deployment.firebase.calls(), ["accounts:lookup", "accounts", "accounts:update"]);
}

#[tokio::test]
async fn a_login_of_somebody_who_is_unchanged_costs_neither_a_call_nor_a_round_trip() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    deployment.log_in(&user.email).await.is(200);
    assert_eq!(deployment.firebase.calls(), ["accounts:lookup", "accounts:update"]);
    let off = Deployment::with(&[("FIREBASE_SYNC", "off")]).await;
    let other = off.signed_in("james@yopmail.com").await;
    off.log_in(&other.email).await.is(200);
    for _ in 0..20 {
        off.service.calls();
        deployment.service.calls();
        off.log_in(&other.email).await.is(200);
        deployment.log_in(&user.email).await.is(200);
        assert_eq!(deployment.service.calls(), off.service.calls());
    }
    assert!(deployment.firebase.calls().is_empty());
}

#[tokio::test]
async fn a_role_a_name_and_a_verified_address_reach_firebase_as_they_change() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let session = deployment.log_in(&user.email).await.is(200).body;
    let rename = deployment.service.request(Method::PATCH, "/me").bearer(&session["access_token"]);
    rename.json(json!({"name": "Jim"})).await.is(200);
    assert_eq!(deployment.firebase.user(&user.id)["displayName"], "Jim");
    let store = deployment.service.app().store();
    let stored = store.user(&user.id).await.unwrap().unwrap();
    let change = |user: &mut shared::account::user::User| {
        user.role_id = 7;
        user.email_verified = true;
    };
    store.update_user(&stored, change).await.unwrap();
    assert_eq!(deployment.waiting().await, [user.id.as_str()]);
    deployment.settle(&user).await;
    let shown = deployment.firebase.user(&user.id);
    assert_eq!(shown["customAttributes"], r#"{"role_id":7}"#);
    assert_eq!((&shown["email"], &shown["emailVerified"]), (&json!("james@yopmail.com"), &json!(true)));
    // No sign-in ended, and what was linked stays.
    assert_eq!((&shown["validSince"], shown["providerUserInfo"].as_array().unwrap().len()), (&Value::Null, 1));
}

#[tokio::test]
async fn an_address_that_another_firebase_user_has_is_left_out_and_the_login_goes_on() {
    let deployment = Deployment::new().await;
    deployment.firebase.put("native", json!({"email": "james@yopmail.com"}));
    let user = deployment.service.account_with("james@yopmail.com", None, |user| user.email_verified = true).await;
    deployment.log_in(&user.email).await.is(200);
    let shown = deployment.firebase.user(&user.id);
    assert_eq!((&shown["email"], &shown["displayName"]), (&Value::Null, &json!("James")));
    deployment.firebase.calls();
    deployment.log_in(&user.email).await.is(200);
    assert!(deployment.firebase.calls().is_empty(), "it is not asked again at each login");
}

#[tokio::test]
async fn a_fault_of_firebase_fails_no_login_and_the_next_login_tells_it() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    for fault in [FirebaseFault::Status(500), FirebaseFault::Status(403), FirebaseFault::Silence] {
        deployment.firebase.fails(Some(fault));
        deployment.log_in(&user.email).await.is(200);
        assert_eq!(deployment.firebase.user(&user.id)["displayName"], Value::Null);
    }
    deployment.firebase.fails(None);
    deployment.log_in(&user.email).await.is(200);
    assert_eq!(deployment.firebase.user(&user.id)["displayName"], "James");
}

#[tokio::test]
async fn a_login_fails_with_firebase_where_that_is_required() {
    let deployment = Deployment::with(&[("FIREBASE_SYNC", "required")]).await;
    let user = deployment.signed_in("james@yopmail.com").await;
    deployment.firebase.fails(Some(FirebaseFault::Status(500)));
    deployment.log_in(&user.email).await.refused(503, "unavailable");
    deployment.firebase.fails(None);
    deployment.log_in(&user.email).await.is(200);
    deployment.firebase.fails(Some(FirebaseFault::Status(500)));
    deployment.log_in(&user.email).await.is(200);
}

#[tokio::test]
async fn an_ending_stays_one_whatever_changes_before_firebase_is_told() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let store = deployment.service.app().store();
    let now = deployment.service.now();
    let ended = store.update_user(&user, |user| user.end_sessions(now)).await.unwrap();
    store.update_user(&ended, |user| user.role_id = 7).await.unwrap();
    deployment.settle(&user).await;
    assert!(deployment.valid_since(&user).is_some());
    assert_eq!(deployment.firebase.user(&user.id)["providerUserInfo"], json!([]));
}

#[tokio::test]
async fn a_login_by_a_mailed_code_verifies_the_address_at_firebase_too() {
    let deployment = Deployment::with(&[("EMAIL_SIGN_IN", "existing")]).await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let asked = deployment.service.post("/login/email", json!({"email": user.email})).await.is(200).body;
    let shown = json!({"challenge": asked["challenge"], "code": code_of(&asked["challenge"])});
    deployment.service.post("/login/email/complete", shown).await.is(200);
    let known = deployment.firebase.user(&user.id);
    assert_eq!((&known["email"], &known["emailVerified"]), (&json!(user.email), &json!(true)));
}

#[tokio::test]
async fn custom_claims_that_another_program_has_set_stay_whatever_changes_here() {
    let deployment = Deployment::new().await;
    let user = deployment.service.account("james@yopmail.com").await;
    deployment.firebase.put(&user.id, json!({"customAttributes": r#"{"plan":"gold","role_id":9}"#}));
    let claims = || {
        let text = deployment.firebase.user(&user.id)["customAttributes"].as_str().unwrap().to_owned();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    deployment.log_in(&user.email).await.is(200);
    assert_eq!(claims(), json!({"plan": "gold", "role_id": 1}));
    // A note, an ending and a later login keep the others too.
    let store = deployment.service.app().store();
    let stored = store.user(&user.id).await.unwrap().unwrap();
    let stored = store.update_user(&stored, |user| user.role_id = 7).await.unwrap();
    deployment.settle(&user).await;
    assert_eq!(claims(), json!({"plan": "gold", "role_id": 7}));
    let now = deployment.service.now();
    let demote = |user: &mut shared::account::user::User| {
        user.role_id = 8;
        user.end_sessions(now);
    };
    store.update_user(&stored, demote).await.unwrap();
    deployment.settle(&user).await;
    assert_eq!(claims(), json!({"plan": "gold", "role_id": 8}));
    assert!(deployment.valid_since(&user).is_some());
    deployment.log_in(&user.email).await.is(200);
    assert_eq!(claims(), json!({"plan": "gold", "role_id": 8}));
}

/// The answer to a code that was mailed.
struct Mailed {
    path: &'static str,
    shown: Value,
}

impl Mailed {
    async fn send(&self, deployment: &Deployment) -> Answer {
        deployment.service.post(self.path, self.shown.clone()).await
    }
}

impl Deployment {
    async fn asked(&self, email: &str) -> Mailed {
        let asked = self.service.post("/login/email", json!({"email": email})).await.is(200).body;
        let shown = json!({"challenge": asked["challenge"], "code": code_of(&asked["challenge"])});
        Mailed { path: "/login/email/complete", shown }
    }
}

#[tokio::test]
async fn a_mailed_code_stays_good_while_a_login_must_wait_for_firebase_and_is_answered_once() {
    let deployment = Deployment::with(&[("FIREBASE_SYNC", "required"), ("EMAIL_SIGN_IN", "sign_up")]).await;
    let known = deployment.signed_in("james@yopmail.com").await;
    for email in [known.email.as_str(), "new@yopmail.com"] {
        let code = deployment.asked(email).await;
        for fault in [FirebaseFault::Status(500), FirebaseFault::Status(403)] {
            deployment.firebase.fails(Some(fault));
            code.send(&deployment).await.refused(503, "unavailable");
        }
        deployment.firebase.fails(None);
        let session = code.send(&deployment).await.is(200).body;
        let uid = session["uid"].as_str().unwrap();
        assert_eq!(deployment.firebase.user(uid)["email"], email);
        deployment.service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await.is(200);
        // The answer was given, and the code is over like any other.
        code.send(&deployment).await.refused(401, "code_invalid");
    }
}

#[tokio::test]
async fn a_code_whose_answer_is_owed_opens_nothing_after_another_credential_changed() {
    let deployment = Deployment::with(&[("FIREBASE_SYNC", "required"), ("EMAIL_SIGN_IN", "existing")]).await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let code = deployment.asked(&user.email).await;
    deployment.firebase.fails(Some(FirebaseFault::Status(500)));
    code.send(&deployment).await.refused(503, "unavailable");
    deployment.firebase.fails(None);
    let store = deployment.service.app().store();
    let now = deployment.service.now();
    let stored = store.user(&user.id).await.unwrap().unwrap();
    store.update_user(&stored, |user| user.take_over(now)).await.unwrap();
    code.send(&deployment).await.refused(401, "code_invalid");
}

#[tokio::test]
async fn many_who_send_an_owed_code_again_get_one_answer() {
    let deployment = Deployment::with(&[("FIREBASE_SYNC", "required"), ("EMAIL_SIGN_IN", "existing")]).await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let code = deployment.asked(&user.email).await;
    deployment.firebase.fails(Some(FirebaseFault::Status(500)));
    code.send(&deployment).await.refused(503, "unavailable");
    deployment.firebase.fails(None);
    let answers = futures_util::future::join_all((0..4).map(|_| code.send(&deployment))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| u16::from(answer.status)).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn a_code_that_is_not_needed_by_firebase_is_used_up_by_its_first_answer() {
    let deployment = Deployment::with(&[("FIREBASE_SYNC", "best_effort"), ("EMAIL_SIGN_IN", "existing")]).await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let code = deployment.asked(&user.email).await;
    deployment.firebase.fails(Some(FirebaseFault::Status(500)));
    code.send(&deployment).await.is(200);
    code.send(&deployment).await.refused(401, "code_invalid");
}

#[tokio::test]
#[ignore = "minutes: 10,000 logins"]
async fn ten_thousand_logins_of_somebody_who_is_unchanged_make_no_call() {
    let deployment = Deployment::with(&[("RATE_LIMITS", "off")]).await;
    let user = deployment.service.account("james@yopmail.com").await;
    deployment.log_in(&user.email).await.is(200);
    deployment.firebase.calls();
    for _ in 0..10_000 {
        deployment.log_in(&user.email).await.is(200);
    }
    println!("10,000 logins: {} calls of Firebase", deployment.firebase.calls().len());
    assert!(deployment.firebase.calls().is_empty());
}

#[tokio::test]
#[ignore = "minutes: 300 logins, a third of the calls of Firebase with a fault, and its figures need an idle machine"]
async fn a_third_of_faults_at_firebase_fails_no_login_and_makes_none_slow() {
    let deployment = Deployment::with(&[("RATE_LIMITS", "off")]).await;
    deployment.firebase.fails_by_chance(7, 30);
    let mut times = Vec::new();
    for number in 0..300 {
        let user = deployment.service.account(&format!("james{number}@yopmail.com")).await;
        let began = Instant::now();
        deployment.log_in(&user.email).await.is(200);
        times.push(began.elapsed());
    }
    times.sort();
    let (median, p99) = (times[150], times[297]);
    println!("300 logins with 30 % of faults: median {median:?}, p99 {p99:?}, longest {:?}, no 5xx", times[299]);
    assert!(p99 <= Duration::from_millis(1_200), "{p99:?}");
}
