//! Tests the metadata of an account, which its owner changes key by key.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::{
        metadata::{BYTES_MAX, LEVELS_MAX, MetadataChange},
        user::User,
    },
    store::ProfileChange,
    testing::{Answer, Faults, PASSWORD, PATIENCE, Service, faults::Fault},
};
use tokio::task::JoinSet;

const TRANSACTION: &str = "TransactWriteItems";

async fn service() -> Service {
    Service::new(account::router()).await
}

/// An account and its access token.
async fn account(service: &Service) -> (User, Value) {
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let token = service.session(&user).await["access_token"].clone();
    (user, token)
}

async fn patch(service: &Service, token: &Value, body: Value) -> Answer {
    service.request(Method::PATCH, "/me").bearer(token).json(body).await
}

/// Sends the metadata as this text of JSON, within a body of JSON.
async fn write(service: &Service, token: &Value, metadata: &str) -> Answer {
    let call = service.request(Method::PATCH, "/me").bearer(token).header("content-type", "application/json");
    call.body(format!("{{\"metadata\": {metadata}}}")).send().await
}

async fn shown(service: &Service, token: &Value) -> Value {
    let answer = service.request(Method::GET, "/me").bearer(token).send().await.is(200);
    service.calls();
    answer.body["user"]["metadata"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_key_replaces_its_like_a_null_removes_it_and_the_others_stay() {
    let service = service().await;
    let (user, token) = account(&service).await;
    for (change, expected, calls) in [
        (json!({"plan": "pro", "visits": 1}), json!({"plan": "pro", "visits": 1}), TRANSACTION),
        (json!({"visits": 2}), json!({"plan": "pro", "visits": 2}), "UpdateItem"),
        (json!({"plan": null, "tags": ["a"]}), json!({"visits": 2, "tags": ["a"]}), "UpdateItem"),
        (json!({"tags": {"b": null}}), json!({"visits": 2, "tags": {"b": null}}), "UpdateItem"),
        (json!({"visits": null, "tags": null}), json!({}), "UpdateItem"),
        (json!({"phone": "+49 30 1"}), json!({"phone": "+49 30 1"}), "UpdateItem"),
    ] {
        let answer = patch(&service, &token, json!({"metadata": change})).await.is(200);
        assert_eq!(service.calls(), ["BatchGetItem", calls], "{change}");
        assert_eq!(answer.body["user"]["metadata"], expected, "{change}");
        assert_eq!(shown(&service, &token).await, expected);
    }
    let stored = service.stored(&user).await.unwrap();
    assert_eq!((stored.name.as_str(), stored.version), ("James", 1), "only the first change is one of the account");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_nothing_is_a_success_without_a_write() {
    let service = service().await;
    let (user, token) = account(&service).await;
    for round in 0..2 {
        for body in [
            json!({}),
            json!({"metadata": {}}),
            json!({"metadata": null}),
            json!({"metadata": ""}),
            json!({"metadata": " {} "}),
            json!({"metadata": {"nothing": null}}),
            json!({"name": null, "username": null, "metadata": null}),
        ] {
            patch(&service, &token, body.clone()).await.is(200);
            assert_eq!(service.calls(), ["BatchGetItem"], "{body}");
        }
        assert_eq!(service.stored(&user).await.unwrap().has_profile, round == 1);
        patch(&service, &token, json!({"metadata": {"a": 1}})).await.is(200);
        service.calls();
        patch(&service, &token, json!({"metadata": {"a": 1}})).await.is(200);
        assert_eq!(service.calls(), ["BatchGetItem"], "the same again");
    }
}

#[tokio::test(start_paused = true)]
async fn digits_and_the_order_of_keys_come_back_as_they_were_sent() {
    let service = service().await;
    let (_, token) = account(&service).await;
    let answer = write(&service, &token, r#"{"z": 113774264463038321964, "a": 42.0, "n": {"y": 1, "b": 0.10}}"#).await;
    let expected = r#""metadata":{"z":113774264463038321964,"a":42.0,"n":{"y":1,"b":0.10}}}"#;
    assert!(answer.is(200).text.contains(expected));
    let answer = write(&service, &token, r#"{"m": 1.50, "z": 113774264463038321965}"#).await.is(200);
    let expected = r#""metadata":{"z":113774264463038321965,"a":42.0,"n":{"y":1,"b":0.10},"m":1.50}}"#;
    assert!(answer.text.contains(expected), "{}", answer.text);
    let answer = service.request(Method::GET, "/me").bearer(&token).send().await.is(200);
    assert!(answer.text.contains(expected), "{}", answer.text);
}

#[tokio::test(start_paused = true)]
async fn a_form_sends_the_text_of_an_object() {
    let service = service().await;
    let (_, token) = account(&service).await;
    let form = async |body: &str| service.request(Method::PATCH, "/me").bearer(&token).form(body).await;
    form("metadata=%7B%22a%22%3A1.5%7D&name=Jim").await.is(200);
    assert_eq!(shown(&service, &token).await, json!({"a": 1.5}));
    form("metadata=").await.is(200);
    assert_eq!(form("metadata=a%3D1").await.refused(400, "invalid_request").fields(), [("metadata", "invalid_json")]);
    patch(&service, &token, json!({"metadata": "{\"b\": [2]}"})).await.is(200);
    assert_eq!(shown(&service, &token).await, json!({"a": 1.5, "b": [2]}));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_too_deep_or_no_object_is_refused_and_changes_nothing() {
    let service = service().await;
    let (_, token) = account(&service).await;
    write(&service, &token, &format!(r#"{{"kept": "{}"}}"#, "x".repeat(4_000))).await.is(200);
    let before = shown(&service, &token).await;
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    for (metadata, code) in [
        (format!("\"{}\"", "x".repeat(10)), "invalid_json"),
        ("[]".to_owned(), "invalid_type"),
        ("[{\"a\": 1}]".to_owned(), "invalid_type"),
        ("1".to_owned(), "invalid_type"),
        ("true".to_owned(), "invalid_type"),
        (r#""[1]""#.to_owned(), "invalid_type"),
        (r#""null""#.to_owned(), "invalid_type"),
        (r#""{\"a\":1,\"a\":2}""#.to_owned(), "invalid_json"),
        (r#""{\"a\":\"\\u0000\"}""#.to_owned(), "invalid_json"),
        (deep(LEVELS_MAX + 1), "metadata_too_deep"),
        (format!(r#"{{"a": "{}"}}"#, "x".repeat(BYTES_MAX)), "metadata_too_large"),
        // Small enough by itself, and too large beside the key that stays.
        (format!(r#"{{"a": "{}"}}"#, "x".repeat(100)), "metadata_too_large"),
    ] {
        let answer = write(&service, &token, &metadata).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("metadata", code)], "{metadata}");
        assert!(!answer.text.contains("xxx"), "the answer repeats nothing of it");
    }
    // The body itself is read strictly.
    for metadata in [r#"{"a": 1, "a": 2}"#, r#"{"a": "\u0000"}"#, r#"{"\u0000": 1}"#, r#"{"a": }"#] {
        write(&service, &token, metadata).await.refused(400, "invalid_request");
    }
    assert_eq!(shown(&service, &token).await, before);
    write(&service, &token, &deep(LEVELS_MAX)).await.is(200);
    let full = format!(r#"{{"a": null, "kept": "{}"}}"#, "y".repeat(BYTES_MAX - r#"{"kept":""}"#.len()));
    write(&service, &token, &full).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn every_mistake_of_a_change_is_told_at_once_and_nothing_changes() {
    let service = service().await;
    let (user, token) = account(&service).await;
    let body = json!({"name": "a\u{7}", "username": "a b", "metadata": [1], "phone": "1", "role_id": 2});
    let answer = patch(&service, &token, body).await.refused(400, "invalid_request");
    let fields = [
        ("role_id", "not_settable"),
        ("name", "invalid_name"),
        ("username", "invalid_username"),
        ("metadata", "invalid_type"),
        ("phone", "unknown_field"),
    ];
    assert_eq!(answer.fields(), fields);
    let stored = service.stored(&user).await.unwrap();
    assert!(!stored.has_profile && stored.version == 0);
}

#[tokio::test(start_paused = true)]
async fn name_username_and_metadata_change_together_or_not_at_all() {
    let service = service().await;
    let (user, token) = account(&service).await;
    service.account_with("c@d.de", Some("taken"), |_| {}).await;
    let body = json!({"name": "Jim", "username": "taken", "metadata": {"a": 1}});
    patch(&service, &token, body).await.refused(409, "username_taken");
    assert!(!service.stored(&user).await.unwrap().has_profile);
    for (username, metadata, expected) in
        [("jim", json!({"a": 1}), json!({"a": 1})), ("jimmy", json!({"b": 2}), json!({"a": 1, "b": 2}))]
    {
        service.calls();
        let body = json!({"name": "Jim", "username": username, "metadata": metadata});
        let user = patch(&service, &token, body).await.is(200).body["user"].clone();
        assert_eq!(service.calls(), ["BatchGetItem", "BatchGetItem", TRANSACTION]);
        assert_eq!((&user["name"], &user["username"]), (&json!("Jim"), &json!(username)));
        assert_eq!((&user["metadata"], shown(&service, &token).await), (&expected, expected.clone()));
    }
    patch(&service, &token, json!({"username": "james", "metadata": {"a": null, "none": null}})).await.is(200);
    assert_eq!(shown(&service, &token).await, json!({"b": 2}));
}

/// Each process has read the account before the other one changes it.
#[tokio::test(start_paused = true)]
async fn of_two_changes_of_different_keys_none_is_lost() {
    let service = service().await;
    let (user, token) = account(&service).await;
    let store = service.app().store();
    let change = |text: &str| MetadataChange::parse(text).unwrap();
    let [first, second, third] = [r#"{"a": 1}"#, r#"{"b": 2}"#, r#"{"c": 3, "a": null}"#].map(change);
    let by = |change| ProfileChange { name: None, metadata: Some(change), private_metadata: None };
    let begun = store.change_profile(&user, &by(&first)).await.unwrap();
    // This one has read an account without a profile.
    store.change_profile(&user, &by(&second)).await.unwrap();
    service.calls();
    // This one has read a profile that changed since.
    let changed = store.change_profile(&begun, &by(&third)).await.unwrap();
    assert_eq!(service.calls(), ["UpdateItem", "UpdateItem"]);
    assert_eq!(changed.metadata.text(), r#"{"b":2,"c":3}"#);
    assert_eq!(shown(&service, &token).await, json!({"b": 2, "c": 3}));
    let renamed = ProfileChange { name: Some("Jim"), metadata: Some(&first), private_metadata: None };
    let changed = store.change_username(&begun, Some("jim"), &renamed).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.metadata.text()), ("Jim", r#"{"b":2,"c":3,"a":1}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_changes_in_several_processes_all_survive() {
    let first = service().await;
    let variables = [("FIREBASE_SERVICE_ACCOUNT", shared::testing::service_account())];
    let second = first.beside(account::router(), &variables, None).await;
    let services = [Arc::new(second), Arc::new(first)];
    let (_, token) = account(&services[1]).await;
    write(&services[0], &token, r#"{"begun": true}"#).await.is(200);
    let mut changes = JoinSet::new();
    for number in 0..24 {
        let call = services[number % 2].request(Method::PATCH, "/me").bearer(&token).within(PATIENCE);
        changes.spawn(call.json(json!({"metadata": {format!("key{number}"): number}})));
    }
    for answer in changes.join_all().await {
        answer.is(200);
    }
    let metadata = shown(&services[0], &token).await;
    assert_eq!(metadata.as_object().unwrap().len(), 25, "{metadata}");
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_was_lost_is_not_refused_by_its_own_effect() {
    let faults = Faults::seeded(1);
    let service = Service::faulty(account::router(), &[], &faults).await;
    let (_, token) = account(&service).await;
    write(&service, &token, r#"{"a": 1}"#).await.is(200);
    service.calls();
    faults.inject_next("UpdateItem", Fault::AnswerLost);
    let answer = patch(&service, &token, json!({"name": "Jim", "metadata": {"b": 2}})).await.is(200);
    assert!(faults.injected() > 0);
    let user = &answer.body["user"];
    assert_eq!((&user["name"], &user["metadata"]), (&json!("Jim"), &json!({"a": 1, "b": 2})));
}

/// As the versions before metadata wrote it.
#[tokio::test(start_paused = true)]
async fn a_profile_without_metadata_reads_as_one_with_an_empty_object() {
    let service = service().await;
    let user = service.account_with("a@b.de", None, |user| user.has_profile = true).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let record =
        HashMap::from([("pk".to_owned(), text(&format!("PROFILE#{}", user.id))), ("name".to_owned(), text("Jim"))]);
    let table = &service.app().config().table_name;
    service.client().put_item().table_name(table).set_item(Some(record)).send().await.unwrap();
    let token = service.session(&user).await["access_token"].clone();
    assert_eq!(shown(&service, &token).await, json!({}));
    let answer = patch(&service, &token, json!({"metadata": {"a": 1}})).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", "UpdateItem"]);
    let user = &answer.body["user"];
    assert_eq!((&user["name"], &user["metadata"]), (&json!("Jim"), &json!({"a": 1})));
}

#[tokio::test(start_paused = true)]
async fn the_metadata_goes_with_its_account_and_a_change_that_comes_later_leaves_nothing() {
    let service = service().await;
    let (user, token) = account(&service).await;
    write(&service, &token, r#"{"a": 1}"#).await.is(200);
    let read = service.stored(&user).await.unwrap();
    let delete = service.request(Method::POST, "/me/delete").bearer(&token);
    delete.json(json!({"password": PASSWORD})).await.is(200);
    let change = MetadataChange::parse(r#"{"b": 2}"#).unwrap();
    let change = ProfileChange { name: None, metadata: Some(&change), private_metadata: None };
    let refused = service.app().store().change_profile(&read, &change).await.unwrap_err();
    assert_eq!(refused.status_and_code(), (503, "unavailable"));
    assert!(service.keys_stored().await.is_empty());
}
