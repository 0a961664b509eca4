//! Tests that changes of what describes and of what admits do not disturb each other.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::user::User,
    auth::{password::Attempt, session_object},
    password::{Password, StoredHash},
    store::ProfileChange,
    testing::{Answer, Faults, PASSWORD, Service, faults::Fault},
};

const TRANSACTION: &str = "TransactWriteItems";

async fn service() -> Service {
    Service::new(account::router()).await
}

fn name(name: &str) -> ProfileChange<'_> {
    ProfileChange { name: Some(name), ..ProfileChange::default() }
}

async fn patch(service: &Service, session: &Value, body: Value) -> Answer {
    service.request(Method::PATCH, "/me").bearer(&session["access_token"]).json(body).await
}

#[tokio::test(start_paused = true)]
async fn the_first_change_of_a_name_makes_the_profile_and_each_later_one_writes_the_profile_alone() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let session = service.session(&user).await;
    patch(&service, &session, json!({"name": "Jim"})).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", TRANSACTION]);
    for name in ["Jimmy", "", "Jim"] {
        let answer = patch(&service, &session, json!({"name": name})).await.is(200);
        assert_eq!(service.calls(), ["BatchGetItem", "UpdateItem"]);
        assert_eq!(answer.body["user"]["name"], name);
        let shown = service.request(Method::GET, "/me").bearer(&session["access_token"]).send().await.is(200);
        assert_eq!((shown.body["user"]["name"].as_str(), service.calls().len()), (Some(name), 1));
    }
    let stored = service.stored(&user).await.unwrap();
    assert_eq!((stored.version, stored.name.as_str(), stored.has_profile), (1, "Jim", true));
    service.calls();
    patch(&service, &session, json!({"username": "james"})).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem"], "nothing changes");
    patch(&service, &session, json!({"name": "J", "username": "jim"})).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", TRANSACTION]);
    assert_eq!(service.stored(&user).await.unwrap().name, "J");
}

/// The owner's password was right, so that a change that came first is no reason to fail.
#[tokio::test(start_paused = true)]
async fn a_confirmed_change_that_another_change_overtakes_is_made_on_top_of_it() {
    for ends_sessions in [false, true] {
        let service = service().await;
        let user = service.account("a@b.de").await;
        let store = service.app().store();
        let mut attempt = Attempt::by_owner(service.app(), &user, None).await.unwrap();
        let confirmed = attempt.check(Password::parse(PASSWORD).unwrap()).await.unwrap();
        let other = |user: &mut User| {
            user.role_id = 7;
            if ends_sessions {
                user.end_sessions(service.now());
            }
        };
        store.update_user(&user, other).await.unwrap();
        store.change_profile(&store.user(&user.id).await.unwrap().unwrap(), &name("Jim")).await.unwrap();

        let change = |user: &mut User| {
            user.password_hash = Some(StoredHash::new("a new hash"));
            user.end_sessions(service.now());
        };
        let mut after = confirmed.clone();
        change(&mut after);
        let admitted = service.app().config().accounts.admission.admit(&after).unwrap();
        let session = session_object::start(service.app(), admitted, service.now()).unwrap();
        let changed = store.change_confirmed(&confirmed, &session, &[], change).await;
        let stored = service.stored(&user).await.unwrap();
        let hash = stored.password_hash.as_ref().unwrap().as_str();
        if ends_sessions {
            assert_eq!(changed.unwrap_err().status_and_code(), (503, "unavailable"));
            assert_ne!(hash, "a new hash", "the token of the change had ended");
        } else {
            changed.unwrap();
            assert_eq!((hash, stored.role_id, stored.name.as_str()), ("a new hash", 7, "Jim"));
            assert!(store.session(session.id).await.unwrap().unwrap().is_live(&stored, service.now()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_meets_changes_of_the_profile_again_and_again_deletes_the_profile_afterwards() {
    let faults = Faults::seeded(1);
    let service = Service::faulty(account::router(), &[], &faults).await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let session = service.session(&user).await;
    patch(&service, &session, json!({"name": "Jim"})).await.is(200);
    let profile = format!("PROFILE#{}", user.id);
    assert!(service.keys_stored().await.contains(&profile));
    // The fourth write of the first deletion is the profile's. No later transaction has it.
    faults.inject_every(TRANSACTION, Fault::CancelledAt(3, "TransactionConflict"));
    let call = service.request(Method::DELETE, "/me").bearer(&session["access_token"]);
    call.json(json!({"password": PASSWORD})).await.is(200);
    assert!(faults.last_transaction().iter().all(|key| *key != profile), "{:?}", faults.last_transaction());
    assert!(faults.injected() > 0);
    let left = service.keys_stored().await;
    assert!(left.iter().all(|key| key.starts_with("SESSION#")), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_name_that_loses_to_a_deletion_leaves_nothing() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let store = service.app().store();
    let named = store.change_profile(&user, &name("Jim")).await.unwrap();
    store.delete_user(&named).await.unwrap();
    for read in [user, named] {
        assert_eq!(
            store.change_profile(&read, &name("James")).await.unwrap_err().status_and_code(),
            (503, "unavailable")
        );
    }
    let left = service.keys_stored().await;
    assert!(left.iter().all(|key| key.starts_with("SESSION#")), "{left:?}");
}

/// A process may read an account before another process changes it.
#[tokio::test(start_paused = true)]
async fn a_username_changes_on_top_of_a_change_that_came_first() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let store = service.app().store();
    store.change_profile(&user, &name("Jim")).await.unwrap();
    store.update_user(&store.user(&user.id).await.unwrap().unwrap(), |user| user.role_id = 7).await.unwrap();
    let changed = store.change_username(&user, Some("jim"), &ProfileChange::default()).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.role_id), ("Jim", 7));
    let by_username = store.user_by(&shared::account::email::Identifier::parse("jim").unwrap()).await.unwrap().unwrap();
    assert_eq!((by_username.name.as_str(), by_username.role_id, by_username.version), ("Jim", 7, 3));
    assert!(by_username.password_hash.is_some());
}

/// A function that reads an account by its id has no hash, and must not write an identifier that
/// has none.
#[tokio::test(start_paused = true)]
async fn an_identifier_without_the_hash_is_never_written() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let store = service.app().store();
    let without_hash = store.user(&user.id).await.unwrap().unwrap();
    let change = |user: &mut User| user.username = Some("james".to_owned());
    assert_eq!(store.update_user(&without_hash, change).await.unwrap_err().status_and_code().0, 500);
    assert_eq!(service.keys_stored().await.iter().filter(|key| key.starts_with("LOGIN#")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_an_account_whose_hash_was_not_read_removes_or_sets_or_keeps_the_hash() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let store = service.app().store();
    let change = async |change: &dyn Fn(&mut User)| {
        let without_hash = store.user(&user.id).await.unwrap().unwrap();
        let changed = store.update_user(&without_hash, change).await.unwrap();
        assert!(changed.password_hash.is_none() && changed.origin.is_without_hash);
        service.stored(&user).await.unwrap().password_hash.map(|hash| hash.as_str().to_owned())
    };
    let hash = user.password_hash.as_ref().map(|hash| hash.as_str().to_owned());
    assert_eq!(change(&|user| user.role_id = 2).await, hash);
    assert_eq!(change(&|user| user.take_over(service.now())).await, None);
    assert_eq!(change(&|user| user.role_id = 3).await, None);
    let other = StoredHash::new("another hash");
    assert_eq!(change(&|user| user.password_hash = Some(other.clone())).await.as_deref(), Some("another hash"));
}

#[tokio::test(start_paused = true)]
async fn with_custom_tokens_the_write_waits_for_nothing_and_the_answer_for_the_next_second() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    service.pass(Duration::from_millis(1_000 - u64::try_from(service.now().milliseconds() % 1_000).unwrap() + 100));
    let began = service.now();
    let body = json!({"current_password": PASSWORD, "new_password": "another horse battery"});
    let call = service.request(Method::POST, "/me/password").bearer(&session["access_token"]);
    call.json(body).await.is(200);
    let ended = service.stored(&user).await.unwrap().sessions_ended_at.unwrap();
    assert_eq!(ended, began.floor() + Duration::from_secs(1));
    assert!(service.now() >= ended);
}

#[tokio::test(start_paused = true)]
async fn the_claims_of_openid_connect_are_flat_and_of_the_account_as_it_is() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |user| user.role_id = 7).await;
    let session = service.session(&user).await;
    patch(&service, &session, json!({"name": "Jim"})).await.is(200);
    let call = || service.request(Method::GET, "/oauth/userinfo");
    let answer = call().bearer(&session["access_token"]).send().await.is(200);
    let expected = json!({
        "sub": user.id, "id": user.id, "email": "a@b.de", "email_verified": false, "name": "Jim",
        "preferred_username": "james", "role_id": 7, "roles": ["7"],
    });
    assert_eq!(answer.body, expected);
    let answer = call().send().await.refused(401, "token_missing");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let answer = call().bearer(&json!("x.y.z")).send().await.is(401);
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
}
