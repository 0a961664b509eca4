//! Walks the stream of the embedded table with the filters of the template, as Lambda does.
//!
//! The embedded DynamoDB has streams of its own, whose records have AWS's form. The filters follow
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>.

use std::fs;

use aws_sdk_dynamodb::types::{StreamSpecification, StreamViewType};
use mail::{Sender, handle};
use mailer::transport::{OUTBOX, Transport};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::{
    mail::{Kind, outgoing::MailState},
    testing::{Answer, Faults, PASSWORD, Service, code_of, wrong_code_of},
};
use tempfile::TempDir;

use super::document::read;

const NEXT_PASSWORD: &str = "violet tractor 47 umbrella";
/// The records of a batch, as the template has it.
const BATCH: usize = 10;

/// A service whose table has the stream of the template.
struct Streamed {
    service: Service,
    faults: Faults,
    sender: Sender,
    folder: TempDir,
}

impl Streamed {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let variables = [
            ("DATA_DIR", folder.path().to_str().unwrap()),
            ("RATE_LIMITS", "off"),
            ("EMAIL_SIGN_IN", "existing"),
            ("VERIFY_EMAIL", "send"),
        ];
        let faults = Faults::seeded(1).without_timeouts();
        let router = email::router().merge(create_account::router());
        let service = Service::faulty(router, &variables, &faults).await;
        let of_template = &read("template.yaml")["Resources"]["Table"]["Properties"]["StreamSpecification"];
        let view = StreamViewType::from(of_template["StreamViewType"].as_str().unwrap());
        let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build().unwrap();
        let table = &service.app().config().table_name;
        service.client().update_table().table_name(table).stream_specification(stream).send().await.unwrap();
        service.calls();
        let transport = Transport::of(service.app().config(), async || Err("no SES".to_owned())).await.unwrap();
        let sender = Sender::new(service.app().clone(), transport);
        Self { service, faults, sender, folder }
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.service.post(path, body).await
    }

    /// All records of the stream, as Lambda puts them into events.
    fn records(&self) -> Vec<Value> {
        let database = self.faults.embedded().database();
        let listed = serde_json::to_value(database.list_streams(request(json!({}))).unwrap()).unwrap();
        let arn = &listed["Streams"][0]["StreamArn"];
        let described = database.describe_stream(request(json!({"StreamArn": arn}))).unwrap();
        let shards = serde_json::to_value(described).unwrap()["StreamDescription"]["Shards"].clone();
        let mut found = Vec::new();
        for shard in shards.as_array().unwrap() {
            let from = json!({"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
            let mut iterator = database.get_shard_iterator(request(from)).unwrap().shard_iterator;
            while let Some(shard_iterator) = iterator {
                let page = database.get_records(request(json!({"ShardIterator": shard_iterator}))).unwrap();
                let records = serde_json::to_value(&page.records).unwrap();
                let records = records.as_array().unwrap();
                found.extend(records.iter().cloned());
                // An open shard has always a next iterator.
                iterator = page.next_shard_iterator.filter(|_| !records.is_empty());
            }
        }
        found
    }

    /// Hands the records to the mail function, as Lambda does. Returns the number of sent mails.
    async fn deliver(&self, records: &[Value]) -> usize {
        for batch in records.chunks(BATCH) {
            let event = serde_json::from_value(json!({"Records": batch})).unwrap();
            let handled = serde_json::to_value(handle(self.sender.clone(), event).await.unwrap()).unwrap();
            assert_eq!(handled, json!({"batchItemFailures": []}));
        }
        fs::read_dir(self.folder.path().join(OUTBOX)).map_or(0, Iterator::count)
    }
}

fn request<T: DeserializeOwned>(body: Value) -> T {
    serde_json::from_value(body).unwrap()
}

/// The filter of an event source of the template. An event passes if one of its patterns fits.
fn filter(source: &str) -> Vec<Value> {
    let template = read("template.yaml");
    let filters = &template["Resources"][source]["Properties"]["FilterCriteria"]["Filters"];
    let patterns = filters.as_array().unwrap().iter().map(|filter| filter["Pattern"].as_str().unwrap());
    patterns.map(|pattern| serde_json::from_str(pattern).unwrap()).collect()
}

fn passes(filter: &[Value], record: &Value) -> bool {
    filter.iter().any(|pattern| fits(pattern, record))
}

/// Whether a value fits a pattern: every member of an object, and one of the rules in a list.
fn fits(pattern: &Value, value: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, pattern)| fits(pattern, &value[name])),
        Value::Array(rules) => rules.iter().any(|rule| match rule {
            Value::Object(rule) => {
                let prefix = rule.get("prefix").and_then(Value::as_str).unwrap_or_else(|| panic!("{rule:?}"));
                value.as_str().is_some_and(|text| text.starts_with(prefix))
            }
            literal => literal == value,
        }),
        other => panic!("{other} is no pattern"),
    }
}

fn key(record: &Value) -> &str {
    record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap()
}

/// Uses the endpoints that mail, for somebody and for nobody, and some that do not.
async fn journey(streamed: &Streamed) {
    let credentials = json!({"email": "james@yopmail.com", "password": PASSWORD});
    streamed.post("/create-account", credentials).await.is(201);
    for email in ["james@yopmail.com", "nobody@yopmail.com", "james@example.com"] {
        streamed.post("/login/email", json!({"email": email})).await.is(200);
    }
    let asked = streamed.post("/password/forgot", json!({"email": "james@yopmail.com"})).await.is(200).body;
    let challenge = &asked["challenge"];
    let reset = |code: String| json!({"challenge": challenge, "code": code, "new_password": NEXT_PASSWORD});
    streamed.post("/password/reset", reset(wrong_code_of(challenge, 0))).await.refused(401, "code_invalid");
    streamed.post("/password/reset", reset(code_of(challenge))).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn the_filter_lets_each_new_mail_through_once_in_its_order_and_nothing_else() {
    let (streamed, filter) = (Streamed::new().await, filter("MailSource"));
    journey(&streamed).await;
    let records = streamed.records();
    let kinds = ["LOGIN#", "USER#", "PROOF#", "SESSION#", "MAIL#", "NULL#"];
    for kind in kinds {
        assert!(records.iter().any(|record| key(record).starts_with(kind)), "{kind} is not in the stream");
    }
    // A record shows its key alone, and a decoy is as long as a mail.
    for record in &records {
        assert!(record["dynamodb"].get("NewImage").is_none() && record["dynamodb"].get("OldImage").is_none());
    }
    let size = |kind: &str| {
        let mut sizes: Vec<_> = records.iter().filter(|record| key(record).starts_with(kind)).collect();
        sizes.dedup_by_key(|record| record["dynamodb"]["SizeBytes"].clone());
        sizes.iter().map(|record| record["dynamodb"]["SizeBytes"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(size("MAIL#"), size("NULL#"));

    let passed: Vec<Value> = records.into_iter().filter(|record| passes(&filter, record)).collect();
    let mut mailed = Vec::new();
    for record in &passed {
        let id = key(record).strip_prefix("MAIL#").unwrap();
        mailed.push(streamed.service.app().store().mail(id).await.unwrap().unwrap().kind);
    }
    assert_eq!(mailed, [Kind::Verify, Kind::SignIn, Kind::Reset, Kind::PasswordChanged]);

    assert_eq!(streamed.deliver(&passed).await, 4);
    for mail in streamed.service.mails().await {
        assert_eq!(mail.state, MailState::Sent);
    }
    // The note that a mail was sent is a record too, and Lambda may bring any record twice.
    let again: Vec<Value> = streamed.records().into_iter().filter(|record| passes(&filter, record)).collect();
    assert_eq!(again, passed);
    assert_eq!(streamed.deliver(&again).await, 4);
}

#[test]
fn a_filter_that_is_not_the_template_s_would_let_other_records_through() {
    let record = |event: &str, key: &str| json!({"eventName": event, "dynamodb": {"Keys": {"pk": {"S": key}}}});
    let filter = filter("MailSource");
    assert!(passes(&filter, &record("INSERT", "MAIL#1")));
    for (event, key) in [("MODIFY", "MAIL#1"), ("REMOVE", "MAIL#1"), ("INSERT", "NULL#1"), ("INSERT", "XMAIL#1")] {
        assert!(!passes(&filter, &record(event, key)), "{event} {key}");
    }
    let filter = self::filter("SyncSource");
    for (event, key, fits) in [
        ("INSERT", "SYNC#1", true),
        ("MODIFY", "SYNC#1", true),
        ("INSERT", "HOOK#1", true),
        ("MODIFY", "HOOK#1", false),
        ("REMOVE", "HOOK#1", false),
        ("INSERT", "ENDPOINT#1", false),
        ("INSERT", "MAIL#1", false),
    ] {
        assert_eq!(passes(&filter, &record(event, key)), fits, "{event} {key}");
    }
}
