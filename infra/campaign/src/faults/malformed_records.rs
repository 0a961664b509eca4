//! Changes records in the table: a field is missing, has another type or an extreme value.
//!
//! Each request that reads the record must get a 500 or a refusal without a panic, and the next one
//! must be served. The rows count the answers by status and those that differ.

mod tampering;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::testing::{PASSWORD, Service};

use self::tampering::{Item, tampered};
use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    requests::Request,
    wait_on_paused_clock,
};

const SEED: u64 = 6;
const EMAIL: &str = "records@faults.example";
const USERNAME: &str = "records";

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_on_paused_clock(async {
        println!("campaign: faults: records, seed {SEED}");
        // Only one in `sparse` changed records is tried.
        let sparse = scale.of(16, 1);
        for kind in ["USER#", "LOGIN#", "PROFILE#", "SESSION#", "IDEMPOTENCY#"] {
            let (checks, statuses) = records(kind, sparse).await;
            report.row(
                format!("{kind} records with a missing field, another type, or an extreme value"),
                "a 500 without its cause or a refusal, no panic, and the next request is served",
                format!("{checks}; {statuses}"),
                checks.passed(),
            );
        }
    });
}

/// The requests that read this kind of record.
fn requests(kind: &str, session: &Value) -> Vec<Request> {
    let everywhere = json!({"refresh_token": session["refresh_token"], "everywhere": true});
    match kind {
        "USER#" => vec![
            Request::me(session),
            Request::check_revoked(session),
            Request::change_profile(session, json!({"name": "Other"})),
            Request::refresh(session),
            Request::change_password(session, PASSWORD, "another battery staple"),
            Request::post("/logout", everywhere),
        ],
        "LOGIN#" => vec![
            Request::login(EMAIL),
            Request::post("/login", json!({"username": USERNAME, "password": PASSWORD})),
            Request::change_profile(session, json!({"username": "other"})),
        ],
        "PROFILE#" => vec![
            Request::login(EMAIL),
            Request::me(session),
            Request::refresh(session),
            Request::change_profile(session, json!({"name": "Other"})),
            Request::change_profile(session, json!({"metadata": {"b": 2}})),
        ],
        "SESSION#" => vec![
            Request::refresh(session),
            Request::check_revoked(session),
            Request::me(session),
            Request::post("/logout", everywhere),
            Request::logout(session),
        ],
        _ => vec![create()],
    }
}

fn create() -> Request {
    Request::post("/create-account", json!({"email": EMAIL, "password": PASSWORD, "username": USERNAME}))
        .with_idempotency_key("key")
}

async fn records(kind: &str, sparse: usize) -> (Checks, String) {
    let (service, _) = super::service(SEED).await;
    let created = create().send(&service).await.is(201);
    // Name and metadata are in a profile.
    Request::change_profile(&created.body, json!({"name": "James", "metadata": {"a": 1}})).send(&service).await.is(200);
    let original = invariants::records(&service).await;
    let panics = invariants::panics();
    let mut checks = Checks::default();
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    let of_kind = original.iter().filter(|(key, _)| key.starts_with(kind)).map(|(_, item)| item);
    let mut changes: Vec<(String, Item)> = of_kind.flat_map(tampered).collect();
    changes.sort_by(|one, other| one.0.cmp(&other.0));
    fastrand::Rng::with_seed(SEED).shuffle(&mut changes);
    for (what, item) in changes.into_iter().step_by(sparse) {
        for request in requests(kind, &created.body) {
            put(&service, item.clone()).await;
            let before = invariants::panics();
            let answer = request.send(&service).await;
            *statuses.entry(answer.status.as_u16()).or_default() += 1;
            let panicked = invariants::panics() > before;
            let describe =
                || format!("{what}: {} {}", answer.status.as_u16(), if panicked { "by a panic" } else { "" });
            let odd = panicked || (answer.status.as_u16() > 500 && answer.status != 503);
            checks.record(
                invariants::violation(&answer).map(|flaw| format!("{what}: {flaw}")).or_else(|| odd.then(describe)),
            );
            restore(&service, &original).await;
        }
    }
    let served = Request::me(&created.body).send(&service).await;
    checks.record((served.status != 200).then(|| format!("the next request: {}", served.status)));
    checks.record((invariants::panics() > panics && checks.passed()).then(|| "a panic in the background".to_owned()));
    let statuses = statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect::<Vec<_>>().join(", ");
    (checks, statuses)
}

async fn put(service: &Service, item: Item) {
    let table = &service.app().config().table_name;
    service.client().put_item().table_name(table).set_item(Some(item)).send().await.expect("DynamoDB stores it");
}

/// Restores the records. Additional records of a request may stay.
async fn restore(service: &Service, original: &std::collections::HashMap<String, Item>) {
    for item in original.values() {
        put(service, item.clone()).await;
    }
}

/// The key of a record.
fn key(item: &Item) -> &str {
    item.get("pk").and_then(|key| AttributeValue::as_s(key).ok()).map_or("", String::as_str)
}
