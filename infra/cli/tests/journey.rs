//! Leads one user through every endpoint of the merged router.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Service, assert_session_object};

#[tokio::test(start_paused = true)]
async fn from_the_first_account_to_its_deletion() {
    let service = Service::new(latchkey::router()).await;
    let credentials = json!({"email": "james@yopmail.com", "password": "correct horse"});

    let created = service.post("/create-account", credentials.clone()).await.is(201).body;
    assert_session_object(&created);
    service.post("/create-account", credentials.clone()).await.refused(409, "email_taken");
    let wrong = json!({"email": "james@yopmail.com", "password": "wrong horse"});
    service.post("/login", wrong).await.refused(401, "invalid_credentials");

    let login = service.post("/login", credentials.clone()).await.is(200).body;
    assert_session_object(&login);
    assert_eq!(login["uid"], created["uid"]);
    assert_ne!(login["refresh_token"], created["refresh_token"]);

    let refreshed = service.post("/refresh", json!({"refresh_token": login["refresh_token"]})).await.is(200).body;
    assert_session_object(&refreshed);
    let verified = service.post("/verify", json!({"token": refreshed["access_token"]})).await.is(200).body;
    assert_eq!(verified["uid"], created["uid"]);

    let rename = service.request(Method::PATCH, "/me").bearer(&refreshed["access_token"]);
    rename.json(json!({"name": "James", "username": "jim"})).await.is(200);
    let body = json!({"username": "jim", "password": "correct horse"});
    assert_eq!(service.post("/login", body).await.is(200).body["user"]["name"], "James");

    let change = service.request(Method::POST, "/me/password").bearer(&refreshed["access_token"]);
    let body = json!({"current_password": "correct horse", "new_password": "another horse"});
    let changed = change.json(body).await.is(200).body;
    service.post("/login", credentials).await.refused(401, "invalid_credentials");
    service
        .post("/refresh", json!({"refresh_token": refreshed["refresh_token"]}))
        .await
        .refused(401, "refresh_token_invalid");

    let body = json!({"refresh_token": changed["refresh_token"]});
    assert_eq!(service.post("/logout", body.clone()).await.is(200).body["sessions_ended"], 1);
    service.post("/refresh", body).await.refused(401, "refresh_token_invalid");
    service.post("/verify", json!({"token": changed["access_token"]})).await.is(200);
    let check = service.request(Method::GET, "/verify?check_revoked=true").bearer(&changed["access_token"]);
    check.send().await.refused(401, "token_revoked");

    let body = json!({"email": "james@yopmail.com", "password": "another horse"});
    let last = service.post("/login", body.clone()).await.is(200).body;
    let delete = service.request(Method::DELETE, "/me").bearer(&last["access_token"]);
    assert_eq!(
        delete.json(json!({"password": "another horse"})).await.is(200).body,
        json!({"deleted": true, "firebase": ""})
    );
    service.post("/login", body.clone()).await.refused(401, "invalid_credentials");
    let again = service.post("/create-account", body).await.is(201).body;
    assert_ne!(again["uid"], created["uid"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_ended_elsewhere_is_over_at_once_and_the_others_live_on() {
    let service = Service::new(latchkey::router()).await;
    let user = service.account("a@b.de").await;
    let (phone, laptop) = (service.session(&user).await, service.session(&user).await);
    let call = |method, path: &str| service.request(method, path).bearer(&laptop["access_token"]);
    let listed = call(Method::GET, "/me/sessions").send().await.is(200).body["sessions"].clone();
    let other = listed.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/me/sessions/{}", other["id"].as_str().unwrap());
    for ended in [true, false] {
        assert_eq!(call(Method::DELETE, &path).send().await.is(200).body, json!({"ended": ended}));
        // The end of the same session in the same millisecond would be the same call, tried again.
        service.pass(Duration::from_millis(1));
    }
    let refresh =
        async |session: &Value| service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await;
    let check = async |session: &Value| {
        let call = service.request(Method::GET, "/verify?check_revoked=true").bearer(&session["access_token"]);
        call.send().await
    };
    refresh(&phone).await.refused(401, "refresh_token_invalid");
    check(&phone).await.refused(401, "token_revoked");
    refresh(&laptop).await.is(200);
    check(&laptop).await.is(200);
}

/// The round trips that the contract promises, for all endpoints in one place.
#[tokio::test(start_paused = true)]
async fn round_trips_to_dynamodb() {
    let service = Service::new(latchkey::router()).await;
    let credentials = json!({"email": "a@b.de", "password": "correct horse"});
    service.post("/create-account", credentials.clone()).await.is(201);
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let login = service.post("/login", credentials).await.is(200).body;
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let refresh = json!({"refresh_token": login["refresh_token"]});
    service.post("/refresh", refresh.clone()).await.is(200);
    assert_eq!(service.calls(), ["UpdateItem", "BatchGetItem"]);
    service.post("/verify", json!({"token": login["access_token"]})).await.is(200);
    assert_eq!(service.calls(), [""; 0]);
    service.post("/logout", refresh).await.is(200);
    assert_eq!(service.calls(), ["UpdateItem"]);
}
