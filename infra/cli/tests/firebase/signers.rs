//! Logins whose custom tokens another service signs.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::{
    firebase::IdentityToolkit,
    testing::{FakeKms, GoogleCloud, PASSWORD, Service, SignerFault},
    time::Timestamp,
};
use tokio::time::Instant;

use super::access_tokens;

/// The answer of a service comes within this time, whatever the signer does.
const ANSWERED_MAX: Duration = Duration::from_secs(3);

/// A service on this clock, which signs by Google.
async fn by_google(google: &GoogleCloud) -> Service {
    let service = Service::with_sources(latchkey::router(), &[], |sources| google.signs(sources)).await;
    google.travel_to(service.now());
    service
}

async fn google() -> GoogleCloud {
    GoogleCloud::start(Timestamp::from_seconds(0)).await
}

fn issuer(session: &Value) -> Value {
    let payload = session["jwt_token"].as_str().unwrap().split('.').nth(1).unwrap();
    access_tokens::part(payload)["iss"].clone()
}

#[tokio::test]
async fn a_login_and_a_refresh_get_custom_tokens_of_the_account_that_google_signs_for() {
    let google = google().await;
    let service = by_google(&google).await;
    let user = service.account("james@yopmail.com").await;
    let login = json!({"email": user.email, "password": PASSWORD});
    let session = service.post("/login", login).await.is(200).body;
    assert_eq!(issuer(&session), "signer@demo-latchkey.iam.gserviceaccount.com");
    let refreshed = service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await.is(200).body;
    assert_eq!(issuer(&refreshed), "signer@demo-latchkey.iam.gserviceaccount.com");
    assert_eq!(google.counts(), [1, 2, 1]);
}

#[tokio::test]
async fn a_login_while_nobody_signs_is_a_503_in_time_and_the_next_one_works() {
    let google = google().await;
    let service = by_google(&google).await;
    let user = service.account("james@yopmail.com").await;
    let login = || json!({"email": user.email, "password": PASSWORD});
    for fault in [SignerFault::Denied, SignerFault::Throttled, SignerFault::Silence, SignerFault::WrongKey] {
        google.fails(None, Some(fault), None);
        let began = Instant::now();
        let answer = service.post("/login", login()).await.is(503).body;
        assert!(began.elapsed() < ANSWERED_MAX, "{fault:?}: {:?}", began.elapsed());
        assert_eq!(answer["code"], "unavailable", "{fault:?}");
        assert!(!answer.to_string().contains("iam"), "the caller learns no cause: {answer}");
    }
    google.fails(None, None, None);
    service.post("/login", login()).await.is(200);
}

#[tokio::test]
async fn a_refresh_while_nobody_signs_costs_no_session() {
    let google = google().await;
    let service = by_google(&google).await;
    let user = service.account("james@yopmail.com").await;
    let session = service.session(&user).await;
    let refresh = || json!({"refresh_token": session["refresh_token"]});
    google.fails(None, Some(SignerFault::Status(503)), None);
    service.post("/refresh", refresh()).await.is(503);
    google.fails(None, None, None);
    let minute = Duration::from_secs(60);
    service.pass(minute);
    google.travel_to(service.now());
    service.post("/refresh", refresh()).await.is(200);
}

#[tokio::test]
async fn many_logins_at_once_ask_for_one_access_token() {
    let google = google().await;
    let service = by_google(&google).await;
    let user = service.account("james@yopmail.com").await;
    let logins = (0..24).map(|_| service.post("/login", json!({"email": user.email, "password": PASSWORD})));
    for answer in join_all(logins).await {
        answer.is(200);
    }
    assert_eq!(google.counts(), [1, 24, 1]);
}

#[tokio::test]
async fn a_key_in_kms_signs_a_login() {
    let kms = FakeKms::start(Timestamp::from_seconds(0)).await;
    let service = Service::with_sources(latchkey::router(), &[], |sources| kms.signs(sources)).await;
    kms.travel_to(service.now());
    let user = service.account("james@yopmail.com").await;
    let session = service.post("/login", json!({"email": user.email, "password": PASSWORD})).await.is(200).body;
    assert_eq!(issuer(&session), "signer@demo-latchkey.iam.gserviceaccount.com");
    assert_eq!(kms.calls(), ["Sign", "GetPublicKey"]);
}

#[tokio::test]
async fn the_request_for_the_users_of_the_project_is_signed_by_the_same_service() {
    let google = google().await;
    let service = by_google(&google).await;
    let identity_toolkit = access_tokens::Google::default();
    let toolkit: IdentityToolkit = identity_toolkit.start().await;
    let now = service.now();
    let account = service.app().keys().firebase(now).await.unwrap().unwrap();
    access_tokens::find(&toolkit, &account, now).await.unwrap();
    let grant = identity_toolkit.grants().remove(0);
    let assertion = grant.split("assertion=").nth(1).unwrap().to_owned();
    let claims = access_tokens::part(assertion.split('.').nth(1).unwrap());
    assert_eq!(claims["iss"], "signer@demo-latchkey.iam.gserviceaccount.com");
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/identitytoolkit");
    assert_eq!(google.counts(), [1, 1, 1]);
}
