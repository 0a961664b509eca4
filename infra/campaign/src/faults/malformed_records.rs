//! Records in the table that lack a field, have one of another type, or an absurd one.

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
    wait_for,
};

const SEED: u64 = 6;
const EMAIL: &str = "records@faults.example";
const USERNAME: &str = "records";

/// Adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        println!("campaign: faults: records, seed {SEED}");
        // Of every so many changed records one is tried.
        let sparse = scale.of(16, 1);
        for kind in ["USER#", "LOGIN#", "SESSION#", "IDEMPOTENCY#"] {
            let (checks, statuses) = records(kind, sparse).await;
            report.row(
                format!("{kind} records with a field missing, of another type, or absurd"),
                "a clean 500 or a refusal, no panic, and the next request is served",
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
            Request::verify_live(session),
            Request::change(session, json!({"name": "Other"})),
            Request::refresh(session),
            Request::change_password(session, PASSWORD, "another battery staple"),
            Request::post("/logout", everywhere),
        ],
        "LOGIN#" => vec![
            Request::login(EMAIL),
            Request::post("/login", json!({"username": USERNAME, "password": PASSWORD})),
            Request::change(session, json!({"name": "Other"})),
        ],
        "SESSION#" => vec![
            Request::refresh(session),
            Request::verify_live(session),
            Request::me(session),
            Request::post("/logout", everywhere),
            Request::logout(session),
        ],
        _ => vec![create()],
    }
}

fn create() -> Request {
    Request::post("/create-account", json!({"email": EMAIL, "password": PASSWORD, "username": USERNAME})).under("key")
}

async fn records(kind: &str, sparse: usize) -> (Checks, String) {
    let (service, _) = super::service(SEED).await;
    let created = create().send(&service).await.is(201);
    let whole = invariants::records(&service).await;
    let panics = invariants::panics();
    let mut checks = Checks::default();
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    let of_kind = whole.iter().filter(|(key, _)| key.starts_with(kind)).map(|(_, item)| item);
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
            let told = || format!("{what}: {} {}", answer.status.as_u16(), if panicked { "by a panic" } else { "" });
            let odd = panicked || (answer.status.as_u16() > 500 && answer.status != 503);
            checks.record(
                invariants::violation(&answer).map(|flaw| format!("{what}: {flaw}")).or_else(|| odd.then(told)),
            );
            restore(&service, &whole).await;
        }
    }
    let served = Request::me(&created.body).send(&service).await;
    checks.record((served.status != 200).then(|| format!("the next request: {}", served.status)));
    checks
        .record((invariants::panics() > panics && checks.passed()).then(|| "a panic that nothing tells of".to_owned()));
    let statuses = statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect::<Vec<_>>().join(", ");
    (checks, statuses)
}

async fn put(service: &Service, item: Item) {
    let table = &service.app().config().table_name;
    service.client().put_item().table_name(table).set_item(Some(item)).send().await.expect("DynamoDB takes it");
}

/// The table as it was; what a request made beside may stay.
async fn restore(service: &Service, whole: &std::collections::HashMap<String, Item>) {
    for item in whole.values() {
        put(service, item.clone()).await;
    }
}

/// The key of a record.
fn key(item: &Item) -> &str {
    item.get("pk").and_then(|key| AttributeValue::as_s(key).ok()).map_or("", String::as_str)
}
