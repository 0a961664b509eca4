//! The table of release 0.1.0, under a service of today.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use serde_json::{Map, Value, json};
use shared::{
    testing::{Answer, SIGNING_KEYS_ID, Secrets, SecretsManager, Service},
    time::Timestamp,
};

/// The table, its service, and the sessions that were given out.
pub struct Table {
    pub service: Service,
    sessions: Value,
}

impl Table {
    /// Opens a copy of the table at the moment when it was saved.
    pub async fn open() -> Self {
        let saved: Value = serde_json::from_str(include_str!("table-0.1.0.json")).unwrap();
        let mut secrets = Secrets::default();
        secrets.create(SIGNING_KEYS_ID);
        secrets.put(SIGNING_KEYS_ID, &"v".repeat(32), &saved["signing_keys"].to_string());
        let service = Service::deployed(latchkey::router(), &[], &SecretsManager::new(secrets)).await;
        service.travel_to(Timestamp::from_milliseconds(saved["made_at_ms"].as_i64().unwrap()));
        let table = Self { service, sessions: saved["sessions"].clone() };
        for item in saved["items"].as_array().unwrap() {
            table.put(item).await;
        }
        table.service.calls();
        table
    }

    /// A session that the old release gave out.
    pub fn session(&self, name: &str) -> Value {
        let session = &self.sessions[name];
        assert!(session.is_object(), "there is no session {name}");
        session.clone()
    }

    /// Refreshes a session.
    pub async fn refresh(&self, session: &Value) -> Answer {
        self.service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await
    }

    /// Verifies the access token of a session, and whether the session is live.
    pub async fn check(&self, session: &Value) -> Answer {
        let call = self.service.request(Method::GET, "/verify?check_revoked=true");
        call.bearer(&session["access_token"]).send().await
    }

    /// Fails unless the access token of a session opens everything.
    pub async fn works(&self, session: &Value) {
        self.check(session).await.is(200);
        let call = self.service.request(Method::GET, "/me").bearer(&session["access_token"]);
        assert_eq!(call.send().await.is(200).body["user"]["id"], session["uid"]);
    }

    /// Stores a record as it is.
    pub async fn put(&self, record: &Value) {
        let item = record.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        let table = &self.service.app().config().table_name;
        self.service.client().put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    /// The records that are accounts, in the JSON of DynamoDB.
    pub async fn records(&self) -> Vec<Value> {
        let table = &self.service.app().config().table_name;
        let items = self.service.client().scan().table_name(table).send().await.unwrap().items.unwrap_or_default();
        let is_account = |item: &HashMap<String, AttributeValue>| {
            item["pk"].as_s().is_ok_and(|key| key.starts_with("USER#") || key.starts_with("LOGIN#"))
        };
        let record = |item: HashMap<String, AttributeValue>| {
            item.iter().map(|(name, value)| (name.clone(), text(value))).collect::<Map<_, _>>().into()
        };
        items.into_iter().filter(is_account).map(record).collect()
    }

    /// The account's records, in the JSON of DynamoDB.
    pub async fn records_of(&self, uid: &str) -> Vec<Value> {
        let mut records = self.records().await;
        records.retain(|record| record["id"]["S"] == uid);
        records
    }

    /// Fails unless all records of the account have the new shape, and the same revision.
    pub async fn rewritten(&self, uid: &str) {
        let records = self.records_of(uid).await;
        assert!(records.len() > 1, "{records:?}");
        for record in &records {
            assert_eq!(record["revision"], records[0]["revision"], "{record}");
            assert!(is_new(record), "{record}");
            assert_eq!(has_hash(record), key(record).starts_with("LOGIN#"), "{record}");
        }
    }
}

/// The key of a record.
pub fn key(record: &Value) -> &str {
    record["pk"]["S"].as_str().unwrap()
}

/// Whether a record has the shape of today.
pub fn is_new(record: &Value) -> bool {
    record.get("revision").is_some()
}

/// Whether a record has a password hash.
pub fn has_hash(record: &Value) -> bool {
    record.get("password_hash").is_some()
}

/// A value of DynamoDB's JSON. The saved table has texts, numbers, booleans and maps.
pub fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" => AttributeValue::S(value.as_str().unwrap().to_owned()),
        "N" => AttributeValue::N(value.as_str().unwrap().to_owned()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "M" => AttributeValue::M(
            value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute(value))).collect(),
        ),
        other => panic!("the saved table has a value of the type {other}"),
    }
}

fn text(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        other => panic!("an account has the value {other:?}"),
    }
}
