//! Processes of release 0.1.0 beside processes of today, as during a deployment.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput},
    types::{Put, TransactWriteItem},
};
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::testing::PASSWORD;

use super::table::{Table, attribute, has_hash, key};

/// The account as release 0.1.0 reads it. Each field without a default must be in the record.
#[derive(Deserialize)]
#[expect(dead_code, reason = "the fields are here to be read from a record")]
struct OldUser {
    id: String,
    email: String,
    email_key: String,
    #[serde(default)]
    username: Option<String>,
    name: String,
    role_id: u32,
    email_verified: bool,
    disabled: bool,
    #[serde(default)]
    password_hash: Option<String>,
    epoch: u64,
    version: u64,
    created_at: i64,
}

/// Reads a record as the old release does.
fn read(record: &Value) -> OldUser {
    let plain = |value: &Value| match (&value["S"], value["N"].as_str(), &value["BOOL"]) {
        (_, Some(number), _) => serde_json::from_str(number).unwrap(),
        (Value::Null, None, flag) => flag.clone(),
        (text, ..) => text.clone(),
    };
    let record = record.as_object().unwrap().iter().map(|(name, value)| (name.clone(), plain(value)));
    serde_json::from_value(Value::Object(record.collect())).unwrap()
}

/// Writes an account as the old release does: the record that was read, under each of its keys. The
/// condition is that the version is still the one that was read.
async fn write(
    table: &Table,
    read: &Value,
    keys: &[&str],
) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>> {
    let name = &table.service.app().config().table_name;
    let writes = keys.iter().map(|key| {
        let mut record = read.clone();
        record["pk"] = json!({"S": key});
        record["name"] = json!({"S": "by the old release"});
        let version: u64 = read["version"]["N"].as_str().unwrap().parse().unwrap();
        record["version"] = json!({"N": (version + 1).to_string()});
        let item = record.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        let put = Put::builder().table_name(name).set_item(Some(item)).condition_expression("version = :version");
        let put = put.expression_attribute_values(":version", attribute(&read["version"])).build().unwrap();
        TransactWriteItem::builder().put(put).build()
    });
    table.service.client().transact_write_items().set_transact_items(Some(writes.collect())).send().await
}

async fn record(table: &Table, uid: &str, wanted: &str) -> Value {
    let records = table.records_of(uid).await;
    records.into_iter().find(|record| key(record) == wanted).unwrap()
}

/// A rewritten `USER#` record has no hash. A process of the old release that changed the account
/// would delete the hash everywhere.
#[tokio::test(start_paused = true)]
async fn an_old_process_reads_rewritten_records_and_writes_none_of_them() {
    let table = Table::open().await;
    let uid = table.session("created")["uid"].as_str().unwrap().to_owned();
    let keys = [format!("USER#{uid}"), "LOGIN#james@yopmail.com".to_owned(), "LOGIN#james".to_owned()];
    let keys = keys.each_ref().map(String::as_str);
    for change in 0..4 {
        if change == 0 {
            table.service.post("/login", json!({"username": "james", "password": PASSWORD})).await.is(200);
        } else {
            let call = table.service.request(Method::PATCH, "/me").bearer(&table.session("created")["access_token"]);
            call.json(json!({"name": format!("Name {change}")})).await.is(200);
        }
        let before = table.records_of(&uid).await;
        for wanted in keys {
            let found = record(&table, &uid, wanted).await;
            assert_eq!(read(&found).password_hash.is_some(), wanted.starts_with("LOGIN#"));
            assert!(write(&table, &found, &keys).await.is_err(), "change {change}, as read from {wanted}");
        }
        assert_eq!(table.records_of(&uid).await.len(), before.len());
        assert!(table.records_of(&uid).await.iter().all(|record| before.contains(record)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_process_changes_old_records_and_a_new_one_sees_the_change() {
    let table = Table::open().await;
    let uid = table.session("created")["uid"].as_str().unwrap().to_owned();
    let keys = [format!("USER#{uid}"), "LOGIN#james@yopmail.com".to_owned(), "LOGIN#james".to_owned()];
    let keys = keys.each_ref().map(String::as_str);
    let found = record(&table, &uid, keys[0]).await;
    write(&table, &found, &keys).await.unwrap();
    let login = json!({"username": "james", "password": PASSWORD});
    let answer = table.service.post("/login", login).await.is(200);
    assert_eq!(answer.body["user"]["name"], "by the old release");
    table.rewritten(&uid).await;
    // The process read the account before it was rewritten.
    assert!(write(&table, &found, &keys).await.is_err());
}

/// No process leaves an account like this. Somebody who restores single records may.
#[tokio::test(start_paused = true)]
async fn an_account_with_records_of_both_shapes_logs_in_and_loses_nothing() {
    let table = Table::open().await;
    let uid = table.session("created")["uid"].as_str().unwrap().to_owned();
    let old = record(&table, &uid, "LOGIN#james").await;
    let login = |identifier: &str| json!({"email": identifier, "password": PASSWORD});
    table.service.post("/login", login("james@yopmail.com")).await.is(200);
    table.put(&old).await;
    for _ in 0..2 {
        table.service.post("/login", login("james@yopmail.com")).await.is(200);
        let by_username = json!({"username": "james", "password": PASSWORD});
        let session = table.service.post("/login", by_username).await.is(200).body;
        table.works(&session).await;
        table.refresh(&session).await.is(200);
        let call = table.service.request(Method::PATCH, "/me").bearer(&session["access_token"]);
        call.json(json!({"name": "Jim"})).await.refused(503, "unavailable");
    }
    assert!(table.records_of(&uid).await.iter().all(|record| has_hash(record) == key(record).starts_with("LOGIN#")));
}
