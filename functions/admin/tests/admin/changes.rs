//! New accounts, changes and deletions.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{Answer, PASSWORD, Service},
};

use super::{call, get, service};

async fn create(service: &Service, body: Value) -> Answer {
    call(service, Method::POST, "/admin/users").json(body).await
}

async fn change(service: &Service, id: &str, body: Value) -> Answer {
    call(service, Method::PATCH, &format!("/admin/users/{id}")).json(body).await
}

async fn delete(service: &Service, id: &str) -> Answer {
    call(service, Method::DELETE, &format!("/admin/users/{id}")).send().await
}

/// The id of the account in an answer.
fn id(answer: &Answer) -> String {
    answer.body["user"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_account_is_made_with_whatever_was_sent_and_without_a_session() {
    let service = service().await;
    let new = json!({
        "email": "James@B.de", "username": "James", "password": "violet tractor 47 umbrella", "name": "James", "role_id": 3,
        "email_verified": true, "metadata": {"plan": "pro"},
    });
    let made = create(&service, new).await.is(201);
    assert_eq!(service.calls(), ["TransactWriteItems"]);
    let user = &made.body["user"];
    let expected = [("email", json!("James@B.de")), ("username", json!("james")), ("name", json!("James"))];
    let more = [("role_id", json!(3)), ("email_verified", json!(true)), ("has_password", json!(true))];
    for (member, value) in expected.into_iter().chain(more).chain([("metadata", json!({"plan": "pro"}))]) {
        assert_eq!(user[member], value, "{member}");
    }
    assert_eq!(get(&service, &format!("/admin/users/{}", id(&made))).await.is(200).body["user"], *user);
    let keys = service.keys_stored().await;
    assert!(!keys.iter().any(|key| key.starts_with("SESSION#")), "{keys:?}");

    let bare = create(&service, json!({"email": "bare@b.de"})).await.is(201);
    assert_eq!((&bare.body["user"]["has_password"], &bare.body["user"]["role_id"]), (&json!(false), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_new_account_is_held_to_the_rules_and_every_mistake_is_told_at_once() {
    let service = service().await;
    service.account_with("taken@b.de", Some("taken"), |_| {}).await;
    create(&service, json!({"email": "taken@b.de"})).await.refused(409, "email_taken");
    create(&service, json!({"email": "a@b.de", "username": "TAKEN"})).await.refused(409, "username_taken");
    create(&service, json!({"email": "a@b.de", "password": "password"})).await.refused(400, "weak_password");
    let wrong = json!({
        "email": "nothing", "username": "a b", "role_id": 0, "email_verified": "perhaps", "metadata": [1], "id": "x",
        "phone": "1", "is_admin": true, "displayName": "James",
    });
    let answer = create(&service, wrong).await.refused(400, "invalid_request");
    let fields: Vec<&str> = answer.fields().into_iter().map(|(name, _)| name).collect();
    for name in ["email", "username", "role_id", "email_verified", "metadata", "id", "phone", "is_admin", "displayName"]
    {
        assert!(fields.contains(&name), "{name}: {fields:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_request_with_its_key_makes_one_account() {
    let service = service().await;
    let send =
        |key: &str, body: Value| call(&service, Method::POST, "/admin/users").header("idempotency-key", key).json(body);
    let new = json!({"email": "a@b.de", "role_id": 2});
    let first = send("one", new.clone()).await.is(201);
    assert_eq!(send("one", new.clone()).await.is(201).body, first.body);
    send("one", json!({"email": "a@b.de", "role_id": 3})).await.refused(409, "idempotency_key_reused");
    send("two", new).await.refused(409, "email_taken");
}

#[tokio::test(start_paused = true)]
async fn a_missing_field_changes_nothing_and_an_empty_one_removes() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let before = get(&service, &format!("/admin/users/{}", user.id)).await.is(200).body;
    service.calls();
    assert_eq!(change(&service, &user.id, json!({})).await.is(200).body, before);
    assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem"]);
    let changed = change(&service, &user.id, json!({"name": "Jim", "metadata": {"a": 1, "b": 2}})).await.is(200).body;
    assert_eq!((&changed["user"]["name"], &changed["user"]["username"]), (&json!("Jim"), &json!("james")));
    let changed = change(&service, &user.id, json!({"username": "", "metadata": {"a": null}})).await.is(200).body;
    assert_eq!((&changed["user"]["username"], &changed["user"]["metadata"]), (&json!(""), &json!({"b": 2})));
    assert_eq!(get(&service, &format!("/admin/users/{}", user.id)).await.is(200).body, changed);
    let wrong =
        json!({"email": "x", "role_id": "many", "disabled": 7, "version": -1, "phone": "1", "email_verified": ""});
    let answer = change(&service, &user.id, wrong).await.refused(400, "invalid_request");
    let fields: Vec<&str> = answer.fields().into_iter().map(|(name, _)| name).collect();
    assert_eq!(fields, ["email", "role_id", "email_verified", "disabled", "version", "phone"]);
    change(&service, "nobody", json!({"name": "x"})).await.refused(404, "user_not_found");
}

/// Invariant b9.
#[tokio::test(start_paused = true)]
async fn a_change_for_an_earlier_version_never_writes() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let first = change(&service, &user.id, json!({"role_id": 2, "version": 0})).await.is(200).body;
    assert_eq!((&first["user"]["version"], &first["user"]["role_id"]), (&json!(1), &json!(2)));
    for version in [json!(0), json!(2), json!("0")] {
        let stale = json!({"role_id": 9, "name": "x", "version": version});
        change(&service, &user.id, stale).await.refused(409, "version_conflict");
    }
    let now = get(&service, &format!("/admin/users/{}", user.id)).await.is(200).body;
    assert_eq!(now, first);
    // Ten changes of one version at once: one of them is made.
    let changes = (0..10).map(|role| {
        let (service, id) = (&service, &user.id);
        async move { change(service, id, json!({"role_id": role + 10, "version": 1})).await.status.as_u16() }
    });
    let mut statuses = futures_util::future::join_all(changes).await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1]), (200, 409), "{statuses:?}");
}

/// An account with a session, after a change.
struct After {
    user: User,
    is_session_over: bool,
}

async fn after(was_verified: bool, changes: Value) -> After {
    let service = service().await;
    let user = service.account_with("a@b.de", None, |user| user.email_verified = was_verified).await;
    let session = service.new_session(&user);
    service.app().store().put_session(&session).await.unwrap();
    service.pass(Duration::from_secs(1));
    change(&service, &user.id, changes).await.is(200);
    let user = service.stored(&user).await.unwrap();
    let kept = service.app().store().session(session.id).await.unwrap();
    let is_live = kept.is_some_and(|session| session.is_live(&user, service.now()));
    After { user, is_session_over: !is_live }
}

#[tokio::test(start_paused = true)]
async fn what_admits_ends_the_sessions_when_it_changes_and_what_describes_does_not() {
    for (was_verified, changes, is_over, has_password) in [
        (true, json!({"name": "Jim", "role_id": 2, "username": "jim"}), false, true),
        (true, json!({"role_id": 2, "end_sessions": true}), true, true),
        (true, json!({"email": "c@d.de"}), true, true),
        (true, json!({"email": "A@b.de"}), false, true),
        (true, json!({"password": "violet tractor 47 umbrella"}), true, true),
        (true, json!({"password": ""}), true, false),
        (true, json!({"disabled": true}), true, true),
        (true, json!({"disabled": false}), false, true),
        (true, json!({"email_verified": false}), false, true),
        (true, json!({"email_verified": true}), false, true),
        (false, json!({"email_verified": true}), true, false),
        (false, json!({"email_verified": true, "keep_password": true}), false, true),
        (false, json!({"email": "c@d.de", "email_verified": true}), true, false),
        (false, json!({"email_verified": true, "password": "violet tractor 47 umbrella"}), true, true),
    ] {
        let after = after(was_verified, changes.clone()).await;
        let found = (after.is_session_over, after.user.password_hash.is_some());
        assert_eq!(found, (is_over, has_password), "{was_verified}, {changes}");
        assert!(!is_over || after.user.epoch == 1 || changes["password"].is_string(), "{changes}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_password_suits_the_account_as_it_will_be() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let named = json!({"password": "zebrafish", "username": "zebrafish"});
    for body in [json!({"password": "password"}), json!({"password": "short"}), named] {
        change(&service, &user.id, body).await.refused(400, "weak_password");
    }
    assert_eq!(service.stored(&user).await.unwrap().version, 0);
}

#[tokio::test(start_paused = true)]
async fn an_address_moves_with_its_record_and_a_taken_one_is_refused() {
    let service = service().await;
    let (user, other) =
        (service.account("a@b.de").await, service.account_with("other@b.de", Some("other"), |_| {}).await);
    change(&service, &user.id, json!({"email": "other@b.de"})).await.refused(409, "email_taken");
    change(&service, &user.id, json!({"username": "other"})).await.refused(409, "username_taken");
    change(&service, &user.id, json!({"email": "New@B.de"})).await.is(200);
    let keys = service.keys_stored().await;
    assert!(keys.contains(&"LOGIN#new@b.de".to_owned()) && !keys.contains(&"LOGIN#a@b.de".to_owned()), "{keys:?}");
    let found = get(&service, "/admin/users?email_prefix=new").await.is(200).body;
    assert_eq!(super::all(&found, "id"), [&*user.id]);
    assert_eq!(get(&service, "/admin/users?email_prefix=a@").await.is(200).body["count"], 0);
    change(&service, &other.id, json!({"email": "a@b.de"})).await.is(200);
}

/// Invariant b5.
#[tokio::test(start_paused = true)]
async fn a_deleted_account_leaves_nothing_and_its_address_is_free_at_once() {
    let service = service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    change(&service, &user.id, json!({"metadata": {"a": 1}})).await.is(200);
    service.session(&service.stored(&user).await.unwrap()).await;
    for _ in 0..2 {
        assert_eq!(delete(&service, &user.id).await.is(200).body, json!({"deleted": true}));
        assert_eq!(service.keys_stored().await, ["CONFIG#accounts_listed"]);
    }
    delete(&service, "nobody").await.is(200);
    create(&service, json!({"email": "a@b.de", "username": "james"})).await.is(201);
}

#[tokio::test(start_paused = true)]
async fn sessions_are_listed_and_ended_one_by_one_or_all_at_once() {
    let service = service().await;
    let (user, other) = (service.account("a@b.de").await, service.account("c@d.de").await);
    for _ in 0..3 {
        service.session(&user).await;
    }
    service.session(&other).await;
    let path = format!("/admin/users/{}/sessions", user.id);
    let listed = get(&service, &path).await.is(200).body;
    let ids: Vec<&str> = listed["sessions"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let end = |path: String| call(&service, Method::DELETE, &path).send();
    assert_eq!(end(format!("{path}/{}", ids[0])).await.is(200).body, json!({"ended": true}));
    service.pass(Duration::from_secs(1));
    for again in [ids[0], "AAAAAAAAAAAAAAAA", "x"] {
        assert_eq!(end(format!("{path}/{again}")).await.is(200).body, json!({"ended": false}));
    }
    // A session of another account is none of this one.
    let foreign = format!("/admin/users/{}/sessions/{}", other.id, ids[1]);
    assert_eq!(end(foreign).await.is(200).body, json!({"ended": false}));
    end("/admin/users/nobody/sessions/x".to_owned()).await.refused(404, "user_not_found");
    let all = call(&service, Method::POST, &format!("/admin/users/{}/end-sessions", user.id)).send().await.is(200);
    assert_eq!(all.body, json!({"sessions_ended": 2}));
    assert_eq!(get(&service, &path).await.is(200).body, json!({"sessions": []}));
    assert_eq!(
        get(&service, &format!("/admin/users/{}/sessions", other.id)).await.is(200).body["sessions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// Invariant b3: no answer has a hash, whatever was asked.
#[tokio::test(start_paused = true)]
async fn no_answer_has_a_hash_or_a_password() {
    let service = service().await;
    let canary = "violet tractor 47 umbrella canary";
    let made = create(&service, json!({"email": "a@b.de", "username": "james", "password": canary})).await.is(201);
    let id = id(&made);
    let mut answers = vec![made.text];
    for path in ["?limit=5", "?email=a@b.de", "?username=james", "?email_prefix=a", "?username_prefix=ja"] {
        answers.push(get(&service, &format!("/admin/users{path}")).await.is(200).text);
    }
    answers.push(get(&service, &format!("/admin/users?id={id}")).await.is(200).text);
    answers.push(get(&service, &format!("/admin/users/{id}")).await.is(200).text);
    answers.push(change(&service, &id, json!({"password": canary, "name": "x"})).await.is(200).text);
    answers.push(
        change(&service, &id, json!({"password": canary, "role_id": "x"})).await.refused(400, "invalid_request").text,
    );
    answers
        .push(create(&service, json!({"email": "a@b.de", "password": canary})).await.refused(409, "email_taken").text);
    let hash = service.app().store().whole_again(&id).await.unwrap().unwrap().password_hash.unwrap();
    for answer in answers {
        assert!(!answer.contains("argon2") && !answer.contains(canary) && !answer.contains(PASSWORD), "{answer}");
        assert!(!answer.contains(&hash.as_str()[hash.as_str().len() - 20..]), "{answer}");
    }
}
