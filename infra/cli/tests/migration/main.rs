//! Opens a table as release 0.1.0 wrote it, with that release's keys. Nobody is logged out, and the
//! records take their new shape by themselves.
//!
//! `table-0.1.0.json` is the table of a server of that release, with the keys of its data folder
//! and the sessions that it gave out.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod beside;
mod table;

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::PASSWORD;

use table::{Table, has_hash, is_new};

/// The password of Rose, who changed hers.
const ROSES: &str = "violet tractor 47 umbrella";
const NEXT: &str = "another horse battery";

#[tokio::test(start_paused = true)]
async fn every_account_logs_in_under_each_identifier_and_its_records_are_rewritten() {
    let table = Table::open().await;
    for (key, identifier, password, name, role) in [
        ("email", "JAMES@yopmail.com", PASSWORD, "James", 1),
        ("username", "james", PASSWORD, "James", 1),
        ("email", "rose@yopmail.com", ROSES, "Rose", 1),
        ("username", "imported", PASSWORD, "Imported", 2),
        ("email", "bcrypt@yopmail.com", PASSWORD, "Imported", 2),
    ] {
        table.service.calls();
        let answer = table.service.post("/login", json!({key: identifier, "password": password})).await.is(200);
        assert_eq!(table.service.calls(), ["BatchGetItem", "TransactWriteItems"], "{identifier}");
        assert_eq!((&answer.body["user"]["name"], &answer.body["user"]["role_id"]), (&json!(name), &json!(role)));
        table.rewritten(answer.body["uid"].as_str().unwrap()).await;
        table.works(&answer.body).await;
    }
    for (email, password, status, code) in [
        ("james@yopmail.com", "wrong horse", 401, "invalid_credentials"),
        ("rose@yopmail.com", PASSWORD, 401, "invalid_credentials"),
        ("nopassword@yopmail.com", PASSWORD, 401, "invalid_credentials"),
        ("disabled@yopmail.com", PASSWORD, 403, "account_disabled"),
    ] {
        table.service.post("/login", json!({"email": email, "password": password})).await.refused(status, code);
    }
}

#[tokio::test(start_paused = true)]
async fn every_session_and_token_goes_on_and_what_had_ended_stays_ended() {
    let table = Table::open().await;
    for name in ["created", "login", "refreshed", "password changed"] {
        let session = table.session(name);
        table.works(&session).await;
        let answer = table.refresh(&session).await.is(200);
        assert_eq!(answer.body["uid"], session["uid"], "{name}");
        table.works(&answer.body).await;
        table.refresh(&answer.body).await.is(200);
    }
    for name in ["logged out", "ended"] {
        table.refresh(&table.session(name)).await.refused(401, "refresh_token_invalid");
        table.check(&table.session(name)).await.refused(401, "token_revoked");
    }
    table.refresh(&table.session("disabled")).await.refused(403, "account_disabled");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_the_old_release_gets_the_same_child() {
    let table = Table::open().await;
    let answer = table.refresh(&table.session("parent")).await.is(200);
    assert_eq!(answer.body["refresh_token"], table.session("refreshed")["refresh_token"]);
}

#[tokio::test(start_paused = true)]
async fn each_change_of_an_old_account_rewrites_it() {
    for (path, method, body) in [
        ("/me", Method::PATCH, json!({"name": "Jim"})),
        ("/me", Method::PATCH, json!({"username": "jim"})),
        ("/me", Method::PATCH, json!({"username": ""})),
        ("/me/password", Method::POST, json!({"current_password": PASSWORD, "new_password": NEXT})),
    ] {
        let table = Table::open().await;
        let session = table.session("created");
        let call = table.service.request(method, path).bearer(&session["access_token"]);
        call.json(body.clone()).await.is(200);
        table.rewritten(session["uid"].as_str().unwrap()).await;
        let password = if path == "/me" { PASSWORD } else { NEXT };
        let login = json!({"email": "james@yopmail.com", "password": password});
        let answer = table.service.post("/login", login).await.is(200);
        assert_eq!(answer.body["user"]["name"], *body.get("name").unwrap_or(&json!("James")), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_logout_everywhere_rewrites_an_account_whose_hash_it_never_reads() {
    let table = Table::open().await;
    let session = table.session("login");
    let body = json!({"refresh_token": session["refresh_token"], "everywhere": true});
    assert_eq!(table.service.post("/logout", body).await.is(200).body["sessions_ended"], 3);
    table.rewritten(session["uid"].as_str().unwrap()).await;
    table.refresh(&table.session("created")).await.refused(401, "refresh_token_invalid");
    table.service.post("/login", json!({"username": "james", "password": PASSWORD})).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn an_old_account_is_deleted_whole() {
    let table = Table::open().await;
    let session = table.session("created");
    let call = table.service.request(Method::DELETE, "/me").bearer(&session["access_token"]);
    call.json(json!({"password": PASSWORD})).await.is(200);
    assert!(table.records_of(session["uid"].as_str().unwrap()).await.is_empty());
    let body = json!({"email": "james@yopmail.com", "username": "james", "password": PASSWORD});
    table.service.post("/create-account", body).await.is(201);
}

/// Keys are remembered per address now. A request from before the deployment is repeated within a
/// day, and its client then logs in.
#[tokio::test(start_paused = true)]
async fn an_idempotency_key_of_the_old_release_makes_no_second_account() {
    let table = Table::open().await;
    let body = json!({"email": "James@yopmail.com", "username": "James", "password": PASSWORD, "name": "James"});
    let call = table.service.request(Method::POST, "/create-account").header("idempotency-key", "the first key");
    call.json(body).await.refused(409, "email_taken");
    table.works(&table.session("created")).await;
}

/// Each account is rewritten by itself, so that a table is half old for a long time.
#[tokio::test(start_paused = true)]
async fn accounts_that_nobody_uses_stay_as_they_are_beside_rewritten_ones() {
    let table = Table::open().await;
    table.service.post("/login", json!({"username": "james", "password": PASSWORD})).await.is(200);
    let records = table.records().await;
    let [new, old]: [Vec<&Value>; 2] =
        [true, false].map(|new| records.iter().filter(|record| is_new(record) == new).collect());
    assert_eq!((new.len(), old.len()), (3, 2 + 2 + 2 + 3), "accounts by the number of their records");
    assert!(old.iter().filter(|record| has_hash(record)).count() > 0);
    table.works(&table.session("password changed")).await;
}
