//! Tests `/me/sessions` from the outside.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::{session::SessionId, user::User},
    auth::session_object::presented,
    jose::jwt::Jwt,
    testing::{Answer, Google, PROJECT, Reply, Service, certificate, id_token_claims},
    time::Timestamp,
};

const MINUTES: Duration = Duration::from_secs(20 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The key id of Google's signatures in these tests.
const KID: &str = "0e5a1c";

async fn service() -> Service {
    Service::new(account::router()).await
}

async fn list(service: &Service, token: &Value) -> Vec<Value> {
    let answer = service.request(Method::GET, "/me/sessions").bearer(token).send().await.is(200);
    answer.body["sessions"].as_array().unwrap().clone()
}

async fn end(service: &Service, token: &Value, id: &str) -> Answer {
    service.request(Method::DELETE, &format!("/me/sessions/{id}")).bearer(token).send().await
}

/// Rotates the refresh token of a session, as /refresh does. Returns whether the token was valid.
async fn rotates(service: &Service, session: &Value, now: Timestamp) -> bool {
    let (app, text) = (service.app(), session["refresh_token"].as_str().unwrap());
    let (token, rotator) = presented(app, text, None, now).await.unwrap().unwrap();
    app.store().rotate(token, rotator, now, &app.config().tokens.session_lifetimes, true).await.is_ok()
}

/// Whether an access token is accepted by an endpoint that checks the session behind it.
async fn is_live(service: &Service, session: &Value) -> bool {
    service.request(Method::GET, "/me").bearer(&session["access_token"]).send().await.status == 200
}

fn claim(session: &Value, name: &str) -> Value {
    Jwt::parse(session["access_token"].as_str().unwrap()).unwrap().claims[name].clone()
}

/// The id of the session in a session object.
fn id(session: &Value) -> String {
    claim(session, "sid").as_str().unwrap().to_owned()
}

fn ids(listed: &[Value]) -> Vec<&str> {
    listed.iter().map(|session| session["id"].as_str().unwrap()).collect()
}

async fn end_all(service: &Service, user: &User) {
    let mut after = user.clone();
    after.end_sessions(service.now());
    service.app().store().change_user(user, &after).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_sessions_are_listed_newest_first_with_their_times_and_which_one_asks() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let first = service.session(&user).await;
    service.pass(MINUTES);
    let second = service.session(&user).await;
    service.pass(MINUTES);
    let now = service.now();
    assert!(rotates(&service, &first, now).await);
    service.calls();

    let listed = list(&service, &first["access_token"]).await;
    assert_eq!(service.calls(), ["BatchGetItem", "Query", "BatchGetItem"]);
    let shown = |session: &Value, refreshed_at: Option<Timestamp>, current| {
        let created_at = Timestamp::from_seconds(claim(session, "auth_time").as_i64().unwrap());
        json!({
            "id": id(session), "created_at": created_at.rfc3339(), "expires_at": session["refresh_expires_at"],
            "refreshed_at": refreshed_at.unwrap_or(created_at).rfc3339(), "current": current,
        })
    };
    assert_eq!(listed, [shown(&second, None, false), shown(&first, Some(now), true)]);
    let other = list(&service, &second["access_token"]).await;
    assert_eq!(other.iter().map(|session| session["current"] == true).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_live_and_the_callers_own_is_listed() {
    let service = service().await;
    let (user, other) = (service.account("a@b.de").await, service.account("c@d.de").await);
    service.session(&other).await;
    let old = service.session(&user).await;
    service.pass(WEEK * 2);
    assert!(!rotates(&service, &old, service.now()).await);
    let (ended, left) = (service.session(&user).await, service.session(&user).await);
    assert_eq!(end(&service, &left["access_token"], &id(&ended)).await.is(200).body, json!({"ended": true}));
    assert_eq!(ids(&list(&service, &left["access_token"]).await), [id(&left)]);

    end_all(&service, &user).await;
    let new = service.session(&service.stored(&user).await.unwrap()).await;
    assert_eq!(ids(&list(&service, &new["access_token"]).await), [id(&new)]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_ended_is_refused_at_once_and_the_others_live_on() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let (mine, other) = (service.session(&user).await, service.session(&user).await);
    assert_eq!(end(&service, &mine["access_token"], &id(&other)).await.is(200).body, json!({"ended": true}));
    assert_eq!(service.calls(), ["BatchGetItem", "UpdateItem"]);
    assert!(!rotates(&service, &other, service.now()).await && !is_live(&service, &other).await);
    assert!(rotates(&service, &mine, service.now()).await && is_live(&service, &mine).await);

    // The caller's own session ends like any other.
    assert_eq!(end(&service, &mine["access_token"], &id(&mine)).await.is(200).body, json!({"ended": true}));
    end(&service, &mine["access_token"], &id(&mine)).await.refused(401, "token_revoked");
    assert!(!rotates(&service, &mine, service.now()).await);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_unknown_or_somebody_elses_and_what_is_none_are_answered_alike() {
    let service = service().await;
    let (user, other) = (service.account("a@b.de").await, service.account("c@d.de").await);
    // Gives both accounts the same epoch, so that their sessions differ only in the account.
    end_all(&service, &other).await;
    let other = service.stored(&other).await.unwrap();
    let (expired, of_before, theirs) =
        (service.session(&user).await, service.session(&user).await, service.session(&other).await);
    service.pass(WEEK);
    assert!(rotates(&service, &of_before, service.now()).await && rotates(&service, &theirs, service.now()).await);
    service.pass(WEEK);
    end_all(&service, &user).await;
    let user = service.stored(&user).await.unwrap();
    let (mine, over) = (service.session(&user).await, service.session(&user).await);
    assert_eq!(end(&service, &mine["access_token"], &id(&over)).await.is(200).body, json!({"ended": true}));
    // The end of the same session in the same millisecond would be the same call, tried again.
    service.pass(Duration::from_millis(1));
    let known = [id(&over), id(&expired), id(&of_before), id(&theirs)];
    let unknown = ["AAAAAAAAAAAAAAAA", "x", "%FF", "%00", "a%2Fb", "..%2F..", &"A".repeat(5_000)].map(str::to_owned);
    for id in known.iter().chain(&unknown) {
        let answer = end(&service, &mine["access_token"], id).await.is(200);
        assert_eq!(answer.body, json!({"ended": false}), "{id}");
    }
    let theirs = service.app().store().session(SessionId::parse(&id(&theirs)).unwrap()).await.unwrap();
    assert!(theirs.is_some_and(|session| session.is_live(&other, service.now())));
    assert!(rotates(&service, &mine, service.now()).await);
}

#[tokio::test(start_paused = true)]
async fn the_session_that_asks_is_listed_however_many_there_are() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let mut sessions = Vec::new();
    for _ in 0..201 {
        sessions.push(service.session(&user).await);
    }
    let indexed = service.app().store().sessions_of(&user.id).await.unwrap();
    let is_indexed = |session: &&Value| indexed.iter().any(|other| other.id.to_string() == id(session));
    let missing = sessions.iter().find(|session| !is_indexed(session)).unwrap();
    let listed = list(&service, &missing["access_token"]).await;
    let current: Vec<&Value> = listed.iter().filter(|session| session["current"] == true).collect();
    assert_eq!((listed.len(), current.len()), (201, 1));
    assert_eq!(current[0]["id"], id(missing));
}

#[tokio::test(start_paused = true)]
async fn a_firebase_id_token_lists_and_ends_sessions_and_is_none_of_them() {
    let google = Google::start(Reply::certificates(&[(0, KID)])).await;
    let variables = [("FIREBASE_PROJECT_ID", PROJECT), ("FIREBASE_CERTS_URL", &google.url())];
    let service = Service::configured(account::router(), &variables).await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    let token = json!(certificate(0).id_token(KID, &id_token_claims(&user.id, service.now())));
    let listed = list(&service, &token).await;
    assert_eq!((ids(&listed), &listed[0]["current"]), (vec![id(&session).as_str()], &json!(false)));
    assert_eq!(end(&service, &token, &id(&session)).await.is(200).body, json!({"ended": true}));
    assert!(list(&service, &token).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_sees_or_ends_a_session_without_a_live_token() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    let path = format!("/me/sessions/{}", id(&session));
    service.get("/me/sessions").await.refused(401, "token_missing");
    service.request(Method::DELETE, &path).send().await.refused(401, "token_missing");
    let mut disabled = user.clone();
    disabled.disabled = true;
    service.app().store().change_user(&user, &disabled).await.unwrap();
    let call = service.request(Method::GET, "/me/sessions").bearer(&session["access_token"]);
    call.send().await.refused(401, "account_disabled");
    let call = service.request(Method::DELETE, &path).bearer(&session["access_token"]);
    call.send().await.refused(401, "account_disabled");
}
