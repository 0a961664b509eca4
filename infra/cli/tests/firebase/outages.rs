//! Firebase cannot be told at once. It is told all the same.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;
use shared::{
    auth::ending::{Endings, settle},
    outbox::{Delivery, drain},
    store::Store,
    testing::{FirebaseFault, FirebaseUsers, PASSWORD, Service, service_account},
};
use tokio::{sync::oneshot, time};

use super::Deployment;

#[tokio::test]
async fn an_ending_that_firebase_cannot_be_told_of_is_pending_and_is_carried_out_later() {
    let deployment = Deployment::new().await;
    for (number, fault) in
        [FirebaseFault::Status(503), FirebaseFault::Status(403), FirebaseFault::Status(429), FirebaseFault::Silence]
            .into_iter()
            .enumerate()
    {
        let user = deployment.signed_in(&format!("james{number}@yopmail.com")).await;
        let session = deployment.service.session(&user).await;
        deployment.firebase.fails(Some(fault));
        assert_eq!(deployment.log_out_everywhere(&session).await["firebase"], "pending", "{fault:?}");
        assert_eq!(deployment.waiting().await, [user.id.as_str()], "{fault:?}");
        assert_eq!(deployment.valid_since(&user), None);
        deployment.firebase.fails(None);
        assert_eq!(deployment.settle(&user).await, Delivery::Done, "{fault:?}");
        assert!(deployment.valid_since(&user).is_some());
        assert!(deployment.waiting().await.is_empty(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_deletion_that_firebase_cannot_be_told_of_is_carried_out_later() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let session = deployment.service.session(&user).await;
    deployment.firebase.fails(Some(FirebaseFault::Status(500)));
    assert_eq!(deployment.delete(&session).await, json!({"deleted": true, "firebase": "pending"}));
    assert_eq!(deployment.settle(&user).await, Delivery::Later);
    deployment.firebase.fails(None);
    assert_eq!(deployment.settle(&user).await, Delivery::Done);
    assert!(deployment.firebase.user(&user.id).is_null() && deployment.waiting().await.is_empty());
}

#[tokio::test]
async fn a_function_without_the_service_account_notes_the_ending_and_the_next_one_tells_firebase() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let session = deployment.service.session(&user).await;
    let logout = deployment.service.beside(latchkey::router(), &[("FIREBASE_SYNC", "best_effort")], None).await;
    let body = json!({"refresh_token": session["refresh_token"], "everywhere": true});
    assert_eq!(logout.post("/logout", body).await.is(200).body["firebase"], "pending");
    assert!(deployment.firebase.calls().is_empty());
    assert_eq!(settle(logout.app(), &user.id).await.unwrap(), Delivery::Later, "it has no service account");
    assert_eq!(deployment.settle(&user).await, Delivery::Done);
    assert!(deployment.valid_since(&user).is_some());
    // The stream may tell of it once more.
    deployment.firebase.calls();
    assert_eq!(deployment.settle(&user).await, Delivery::Done);
    assert!(deployment.firebase.calls().is_empty());
}

/// The store of an operator's tool, in another process.
fn tool(service: &Service) -> Store {
    Store::new(service.client().clone(), &service.app().config().table_name).noting_endings(true)
}

#[tokio::test]
async fn the_latest_of_several_endings_is_the_one_that_firebase_has() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let (app, now) = (deployment.service.app(), deployment.service.now());
    deployment.firebase.fails(Some(FirebaseFault::Status(500)));
    let mut current = user.clone();
    for minute in 1..=3 {
        let end = now + Duration::from_secs(60 * minute);
        current = app.store().update_user(&current, |user| user.end_sessions(end)).await.unwrap();
        assert_eq!(deployment.settle(&user).await, Delivery::Later);
    }
    deployment.firebase.fails(None);
    assert_eq!(deployment.settle(&user).await, Delivery::Done);
    let ended = current.sessions_ended_at.unwrap();
    assert!(deployment.valid_since(&user).unwrap() >= ended.seconds());
    assert!(deployment.waiting().await.is_empty());
}

#[tokio::test]
async fn endings_of_one_account_by_many_at_once_leave_firebase_with_the_last() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let store = tool(&deployment.service);
    for round in 0..20 {
        let end = deployment.service.now() + Duration::from_secs(60 * round);
        let current = store.user(&user.id).await.unwrap().unwrap();
        store.update_user(&current, |user| user.end_sessions(end)).await.unwrap();
        let (app, id) = (deployment.service.app(), user.id.as_str());
        let next = async {
            let current = store.user(id).await.unwrap().unwrap();
            let end = end + Duration::from_secs(30);
            store.update_user(&current, |user| user.end_sessions(end)).await.unwrap();
            settle(app, id).await.unwrap();
        };
        tokio::join!(settle(app, id), next, settle(app, id)).0.unwrap();
        assert_eq!(settle(app, id).await.unwrap(), Delivery::Done);
        let ended = store.user(id).await.unwrap().unwrap().sessions_ended_at.unwrap();
        let expected = ended.seconds() + i64::from(ended != ended.floor());
        assert_eq!(deployment.valid_since(&user), Some(expected), "round {round}");
    }
}

#[tokio::test]
async fn the_task_of_a_server_tells_firebase_as_soon_as_it_can_be_told() {
    let deployment = Deployment::new().await;
    let user = deployment.signed_in("james@yopmail.com").await;
    let session = deployment.service.session(&user).await;
    let app = deployment.service.app().clone();
    let told = app.endings().listen().unwrap();
    let (stop, stopping) = oneshot::channel::<()>();
    let running = tokio::spawn(drain(Endings(app), Vec::new(), told, async { drop(stopping.await) }));
    deployment.firebase.fails(Some(FirebaseFault::Status(503)));
    assert_eq!(deployment.log_out_everywhere(&session).await["firebase"], "pending");
    deployment.firebase.fails(None);
    let settled = async {
        while !deployment.waiting().await.is_empty() {
            time::sleep(Duration::from_millis(20)).await;
        }
    };
    time::timeout(shared::testing::PATIENCE, settled).await.unwrap();
    assert!(deployment.valid_since(&user).is_some());
    drop(stop);
    running.await.unwrap();
}

#[tokio::test]
async fn a_project_that_exists_in_emulators_alone_is_told_nothing_without_one() {
    let firebase = FirebaseUsers::start().await;
    let account = [("FIREBASE_SERVICE_ACCOUNT", service_account())];
    let service = Service::configured(latchkey::router(), &account).await;
    let user = service.account("james@yopmail.com").await;
    let session = service.session(&user).await;
    let body = json!({"refresh_token": session["refresh_token"], "everywhere": true});
    // No answer says that an ending was told where nobody was there to be told.
    assert_eq!(service.post("/logout", body).await.is(200).body["firebase"], "");
    assert!(service.app().store().open_endings().await.unwrap().is_empty(), "nothing waits for ever");
    let session = service.session(&service.stored(&user).await.unwrap()).await;
    let delete = service.request(Method::DELETE, "/me").bearer(&session["access_token"]);
    let answer = delete.json(json!({"password": PASSWORD})).await.is(200).body;
    assert_eq!(answer, json!({"deleted": true, "firebase": ""}));
    assert!(firebase.calls().is_empty());
}
