//! Tests `/me` from the outside.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::{email::Identifier, user::User},
    testing::{
        Answer, Google, PASSWORD, PATIENCE, PROJECT, Reply, Service, assert_session_object, certificate,
        id_token_claims,
    },
};

const NEW_PASSWORD: &str = "another horse battery";
/// The key id of Google's signatures in these tests.
const KID: &str = "0e5a1c";

async fn service() -> Service {
    Service::new(account::router()).await
}

async fn call(service: &Service, method: Method, path: &str, token: &Value, body: Value) -> Answer {
    service.request(method, path).bearer(token).json(body).await
}

async fn token(service: &Service, user: &User) -> Value {
    service.session(user).await["access_token"].clone()
}

/// The user object of James, who has neither username nor metadata.
fn profile(user: &User) -> Value {
    json!({
        "id": user.id, "role_id": 1, "name": "James", "email": "James@b.de", "email_verified": false, "username": "",
        "created_at": user.created_at.rfc3339(), "metadata": {},
    })
}

async fn is_live(service: &Service, token: &Value) -> bool {
    service.request(Method::GET, "/me").bearer(token).send().await.status == 200
}

async fn found(service: &Service, identifier: &str) -> Option<User> {
    service.app().store().user_by(&Identifier::parse(identifier).unwrap()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_account_is_shown_to_whoever_holds_its_token() {
    let service = service().await;
    let user = service.account("James@b.de").await;
    let token = token(&service, &user).await;
    let answer = service.request(Method::GET, "/me").bearer(&token).send().await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem"]);
    assert_eq!(answer.body, json!({"user": profile(&user)}));
}

#[tokio::test(start_paused = true)]
async fn without_a_live_token_there_is_nothing_to_see() {
    let service = service().await;
    let answer = service.get("/me").await.refused(401, "token_missing");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let answer =
        service.request(Method::GET, "/me").bearer(&json!("x")).send().await.refused(401, "auth/argument-error");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);

    let user = service.account("a@b.de").await;
    let token = token(&service, &user).await;
    let mut disabled = user.clone();
    disabled.disabled = true;
    service.app().store().change_user(&user, &disabled).await.unwrap();
    let call = service.request(Method::GET, "/me").bearer(&token);
    call.send().await.refused(401, "account_disabled");
}

#[tokio::test(start_paused = true)]
async fn name_and_username_are_changed_where_they_are_sent() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = token(&service, &user).await;
    let patch = async |body: Value| call(&service, Method::PATCH, "/me", &token, body).await;

    assert_eq!(patch(json!({"name": " Jim "})).await.is(200).body["user"]["name"], "Jim");
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let changed = patch(json!({"username": "Jimmy"})).await.is(200).body["user"].clone();
    assert_eq!((&changed["name"], &changed["username"]), (&json!("Jim"), &json!("jimmy")));
    assert_eq!(found(&service, "jimmy").await.unwrap().name, "Jim");
    patch(json!({"username": "james"})).await.is(200);
    assert!(found(&service, "jimmy").await.is_none());
    patch(json!({})).await.is(200);
    assert_eq!(patch(json!({"name": ""})).await.is(200).body["user"]["name"], "");
    for key in ["james", "a@b.de"] {
        let record = found(&service, key).await.unwrap();
        assert_eq!((record.name.as_str(), record.version), ("", 3), "{key}");
    }
    assert_eq!(patch(json!({"username": ""})).await.is(200).body["user"]["username"], "");
    assert!(found(&service, "james").await.is_none());
    assert_eq!(service.stored(&user).await.unwrap().username, None);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed_is_refused_and_nothing_is() {
    let service = service().await;
    service.account_with("c@d.de", Some("taken"), |_| {}).await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let token = token(&service, &user).await;
    let patch = async |body: Value| call(&service, Method::PATCH, "/me", &token, body).await;
    patch(json!({"name": "X", "username": "Taken"})).await.refused(409, "username_taken");
    for key in ["role_id", "id", "email_verified"] {
        let answer = patch(json!({"name": "X", key: 1})).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [(key, "not_settable")]);
    }
    let answer = patch(json!({"name": 1, "username": "a b"})).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("name", "invalid_type"), ("username", "invalid_username")]);
    assert_eq!(service.stored(&user).await.unwrap().version, 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_changes_at_once_none_is_lost() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let mut first = user.clone();
    first.name = "First".to_owned();
    let mut second = user.clone();
    second.name = "Second".to_owned();
    service.app().store().change_user(&user, &first).await.unwrap();
    let refused = service.app().store().change_user(&user, &second).await.unwrap_err();
    assert_eq!(refused.status_and_code().1, "unavailable");
    assert_eq!(service.stored(&user).await.unwrap().name, "First");
}

#[tokio::test(start_paused = true)]
async fn a_new_password_ends_every_other_session_and_the_old_password() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let (mine, other) = (token(&service, &user).await, token(&service, &user).await);
    let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    let answer = call(&service, Method::POST, "/me/password", &mine, body).await.is(200);
    assert_session_object(&answer.body);
    assert!(!is_live(&service, &mine).await);
    assert!(!is_live(&service, &other).await);
    assert!(is_live(&service, &answer.body["access_token"]).await);
    assert_eq!(service.app().store().sessions_of(&user.id).await.unwrap().len(), 1);
    for identifier in ["james", "a@b.de"] {
        let stored = found(&service, identifier).await.unwrap().password_hash;
        let right = async |text: &str| {
            let password = shared::password::Password::parse(text).unwrap();
            service.app().hasher().check(password, stored.clone()).await.unwrap().verdict.is_right()
        };
        assert!(right(NEW_PASSWORD).await && !right(PASSWORD).await, "{identifier}");
    }
}

/// Firebase gives the time of a sign-in in whole seconds. A sign-in after the new password must not
/// count as one from before.
#[tokio::test(start_paused = true)]
async fn a_sign_in_with_the_answer_to_a_new_password_is_later_than_what_that_ended() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = token(&service, &user).await;
    let before = service.now();
    let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    call(&service, Method::POST, "/me/password", &token, body).await.is(200);
    let ended = service.stored(&user).await.unwrap().sessions_ended_at.unwrap();
    assert_eq!(ended, ended.floor());
    assert!(before.floor() < ended && ended <= service.now().floor());
}

#[tokio::test(start_paused = true)]
async fn a_new_password_needs_the_current_one_and_must_not_be_weak() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = token(&service, &user).await;
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        call(&service, Method::POST, "/me/password", &token, body).await
    };
    change("wrong horse", NEW_PASSWORD).await.refused(403, "password_incorrect");
    let answer = change(PASSWORD, "short").await.refused(400, "weak_password");
    assert_eq!(answer.fields(), [("new_password", "password_too_short")]);
    let answer = change(PASSWORD, "iloveyou2").await.refused(400, "weak_password");
    assert_eq!(answer.fields(), [("new_password", "password_too_common")]);
    let answer = call(&service, Method::POST, "/me/password", &token, json!({})).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("current_password", "required"), ("new_password", "required")]);
    assert!(is_live(&service, &token).await);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_account_leaves_nothing() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let (mine, other) = (token(&service, &user).await, token(&service, &user).await);
    let delete =
        async |password: &str| call(&service, Method::DELETE, "/me", &mine, json!({"password": password})).await;
    delete("wrong horse").await.refused(403, "password_incorrect");
    assert!(is_live(&service, &other).await);
    assert_eq!(delete(PASSWORD).await.is(200).body, json!({"deleted": true, "firebase": ""}));
    delete(PASSWORD).await.refused(401, "token_revoked");
    assert!(!is_live(&service, &other).await);
    assert!(service.keys_stored().await.is_empty());
}

/// Many clients cannot send a body with DELETE.
#[tokio::test(start_paused = true)]
async fn a_post_deletes_an_account_as_a_delete_does() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let mine = token(&service, &user).await;
    let delete = async |body: Value| call(&service, Method::POST, "/me/delete", &mine, body).await;
    service.post("/me/delete", json!({"password": PASSWORD})).await.refused(401, "token_missing");
    assert_eq!(delete(json!({})).await.refused(400, "invalid_request").fields(), [("password", "required")]);
    delete(json!({"password": "wrong horse"})).await.refused(403, "password_incorrect");
    service.calls();
    assert_eq!(delete(json!({"password": PASSWORD})).await.is(200).body, json!({"deleted": true, "firebase": ""}));
    let by_post = service.calls();
    delete(json!({"password": PASSWORD})).await.refused(401, "token_revoked");
    assert!(service.keys_stored().await.is_empty());

    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let mine = token(&service, &user).await;
    call(&service, Method::DELETE, "/me", &mine, json!({"password": "wrong horse"})).await.is(403);
    service.calls();
    call(&service, Method::DELETE, "/me", &mine, json!({"password": PASSWORD})).await.is(200);
    assert_eq!(service.calls(), by_post);
}

#[tokio::test(start_paused = true)]
async fn a_delete_whose_body_was_lost_hears_of_the_post() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let mine = token(&service, &user).await;
    let hint = |answer: &Answer| answer.body["detail"].as_str().unwrap().contains("POST /me/delete");
    let answer = service.request(Method::DELETE, "/me").bearer(&mine).send().await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("password", "required")]);
    assert!(hint(&answer), "{}", answer.body);
    let answer = service.request(Method::POST, "/me/delete").bearer(&mine).send().await;
    assert!(!hint(&answer.refused(400, "invalid_request")));
    let answer = call(&service, Method::DELETE, "/me", &mine, json!({"password": 1})).await;
    let answer = answer.refused(400, "invalid_request");
    assert!(!hint(&answer), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_firebase_id_token_shows_the_account_whose_uid_it_has() {
    let google = Google::start(Reply::certificates(&[(0, KID)])).await;
    let variables = [("FIREBASE_PROJECT_ID", PROJECT), ("FIREBASE_CERTS_URL", &google.url())];
    let service = Service::configured(account::router(), &variables).await;
    let user = service.account("James@b.de").await;
    let me = async |claims: &Value| {
        let token = certificate(0).id_token(KID, claims);
        service.request(Method::GET, "/me").bearer(&token).send().await
    };
    let good = id_token_claims(&user.id, service.now());

    assert_eq!(me(&good).await.is(200).body, json!({"user": profile(&user)}));
    assert_eq!(service.calls(), ["BatchGetItem"]);

    let mut expired = good.clone();
    expired["exp"] = json!(service.now().seconds() - 60);
    let answer = me(&expired).await.refused(401, "auth/id-token-expired");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    assert!(service.calls().is_empty());

    me(&id_token_claims("nobody", service.now())).await.refused(401, "auth/id-token-revoked");

    let mut ended = user.clone();
    ended.end_sessions(service.now());
    service.app().store().change_user(&user, &ended).await.unwrap();
    me(&good).await.refused(401, "auth/id-token-revoked");
    let mut later = good.clone();
    later["auth_time"] = json!(service.now().seconds() + 1);
    me(&later).await.is(200);

    let stored = service.stored(&user).await.unwrap();
    let mut disabled = stored.clone();
    disabled.disabled = true;
    service.app().store().change_user(&stored, &disabled).await.unwrap();
    me(&later).await.refused(401, "auth/user-disabled");
}

#[tokio::test(start_paused = true)]
async fn without_their_keys_firebase_id_tokens_are_not_called_wrong() {
    let google = Google::start(Reply::new(500, "{}")).await;
    let variables = [("FIREBASE_PROJECT_ID", PROJECT), ("FIREBASE_CERTS_URL", &google.url())];
    let service = Service::configured(account::router(), &variables).await;
    let token = certificate(0).id_token(KID, &id_token_claims("u", service.now()));
    let answer = service.request(Method::GET, "/me").bearer(&token).send().await.refused(503, "keys_unavailable");
    assert_eq!((answer.header("retry-after"), answer.header("www-authenticate")), ("1", ""));
}

#[tokio::test(start_paused = true)]
async fn a_custom_token_shows_nothing() {
    let service = service().await;
    let session = service.session(&service.account("a@b.de").await).await;
    let answer = service.request(Method::GET, "/me").bearer(&session["jwt_token"]).send().await;
    let answer = answer.refused(401, "auth/argument-error");
    assert!(answer.body["message"].as_str().unwrap().contains("a Firebase custom token"), "{}", answer.body);
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_knows_the_shared_secret_does_not_own_the_accounts() {
    let secret = "a shared secret of more than 32 bytes";
    let service = Service::configured(
        account::router(),
        &[("JWT_SHARED_SECRET", secret), ("TOKEN_PROFILE", "shared_secret"), ("FIREBASE_PROJECT_ID", PROJECT)],
    )
    .await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    service.calls();
    for (method, path) in [
        (Method::GET, "/me"),
        (Method::PATCH, "/me"),
        (Method::DELETE, "/me"),
        (Method::POST, "/me/delete"),
        (Method::POST, "/me/password"),
    ] {
        let body = json!({"password": PASSWORD, "current_password": PASSWORD, "new_password": NEW_PASSWORD});
        let answer = call(&service, method, path, &session["jwt_token"], body).await.refused(401, "token_invalid");
        assert!(answer.body["message"].as_str().unwrap().contains("shared secret"), "{}", answer.body);
    }
    assert!(service.calls().is_empty());
    assert!(is_live(&service, &session["access_token"]).await);
}

#[tokio::test(start_paused = true)]
async fn a_stolen_token_has_five_guesses_at_the_password_and_then_waits() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let (token, other) = (service.session(&user).await["access_token"].clone(), service.session(&user).await);
    let change = |token: &Value, current: &str| {
        let body = json!({"current_password": current, "new_password": "another horse"});
        service.request(Method::POST, "/me/password").bearer(token).json(body)
    };
    let delete =
        |password: &str| service.request(Method::DELETE, "/me").bearer(&token).json(json!({"password": password}));
    let post =
        |password: &str| service.request(Method::POST, "/me/delete").bearer(&token).json(json!({"password": password}));
    for attempt in 0..5 {
        let answer = match attempt % 3 {
            0 => change(&token, "wrong horse").await,
            1 => delete("wrong horse").await,
            _ => post("wrong horse").await,
        };
        answer.refused(403, "password_incorrect");
    }
    for answer in [change(&token, PASSWORD).await, delete(PASSWORD).await, post(PASSWORD).await] {
        assert_eq!(answer.refused(429, "too_many_attempts").header("retry-after"), "1");
    }
    // Another session of the same account is another client.
    change(&other["access_token"], PASSWORD).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn the_right_password_ends_the_failures_of_its_client() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["access_token"].clone();
    let delete =
        |password: &str| service.request(Method::DELETE, "/me").bearer(&token).json(json!({"password": password}));
    for _ in 0..4 {
        delete("wrong horse").await.refused(403, "password_incorrect");
    }
    delete(PASSWORD).await.is(200);
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("LIMIT#")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_right_password_never_counts_as_a_failure_whatever_other_changes_come_first() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let mut token = service.session(&user).await["access_token"].clone();
    let (mut current, mut new) = (PASSWORD, NEW_PASSWORD);
    for _ in 0..8 {
        let body = json!({"current_password": current, "new_password": new});
        let call = service.request(Method::POST, "/me/password").bearer(&token).within(PATIENCE);
        let change = tokio::spawn(call.json(body));
        while !change.is_finished() {
            let stored = service.stored(&user).await.unwrap();
            // A change of the name may lose against the password's; another one follows.
            drop(service.app().store().update_user(&stored, |user| "Jim".clone_into(&mut user.name)).await);
        }
        let answer = change.await.unwrap();
        assert!([200, 503].contains(&answer.status.as_u16()), "{}", answer.body);
        if answer.status == 200 {
            token = answer.body["access_token"].clone();
            std::mem::swap(&mut current, &mut new);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_password_is_confirmed_in_one_read_and_one_write() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    let delete = service.request(Method::DELETE, "/me").bearer(&token).json(json!({"password": PASSWORD}));
    delete.await.is(200);
    // The caller, the series, its end, the deletion, and the sessions.
    assert_eq!(service.calls()[..4], ["BatchGetItem", "BatchGetItem", "TransactWriteItems", "TransactWriteItems"]);
}
