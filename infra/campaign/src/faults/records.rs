//! Records in the table that lack a field, have one of another type, or an absurd one.

mod spoiling;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::testing::{PASSWORD, Service};

use self::spoiling::{Item, spoiled};
use crate::{
    Scale,
    asking::Ask,
    audit::{self, Tally},
    table::Table,
    wait_for,
};

const SEED: u64 = 6;
const EMAIL: &str = "records@faults.example";
const USERNAME: &str = "records";

/// Adds its rows.
pub fn run(scale: Scale, table: &mut Table) {
    wait_for(async {
        println!("campaign: faults: records, seed {SEED}");
        // Of every so many changed records one is tried.
        let sparse = scale.of(16, 1);
        for kind in ["USER#", "LOGIN#", "SESSION#", "IDEMPOTENCY#"] {
            let (tally, statuses) = records(kind, sparse).await;
            table.row(
                format!("{kind} records with a field missing, of another type, or absurd"),
                "a clean 500 or a refusal, no panic, and the next request is served",
                format!("{tally}; {statuses}"),
                tally.is_clean(),
            );
        }
    });
}

/// The requests that read this kind of record.
fn requests(kind: &str, session: &Value) -> Vec<Ask> {
    let everywhere = json!({"refresh_token": session["refresh_token"], "everywhere": true});
    match kind {
        "USER#" => vec![
            Ask::me(session),
            Ask::verify_live(session),
            Ask::change(session, json!({"name": "Other"})),
            Ask::refresh(session),
            Ask::change_password(session, PASSWORD, "another battery staple"),
            Ask::post("/logout", everywhere),
        ],
        "LOGIN#" => vec![
            Ask::login(EMAIL),
            Ask::post("/login", json!({"username": USERNAME, "password": PASSWORD})),
            Ask::change(session, json!({"name": "Other"})),
        ],
        "SESSION#" => vec![
            Ask::refresh(session),
            Ask::verify_live(session),
            Ask::me(session),
            Ask::post("/logout", everywhere),
            Ask::logout(session),
        ],
        _ => vec![create()],
    }
}

fn create() -> Ask {
    Ask::post("/create-account", json!({"email": EMAIL, "password": PASSWORD, "username": USERNAME})).under("key")
}

async fn records(kind: &str, sparse: usize) -> (Tally, String) {
    let (service, _) = super::service(SEED).await;
    let created = create().of(&service).await.is(201);
    let whole = audit::records(&service).await;
    let panics = audit::panics();
    let mut tally = Tally::default();
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    let of_kind = whole.iter().filter(|(key, _)| key.starts_with(kind)).map(|(_, item)| item);
    let mut changes: Vec<(String, Item)> = of_kind.flat_map(spoiled).collect();
    changes.sort_by(|one, other| one.0.cmp(&other.0));
    fastrand::Rng::with_seed(SEED).shuffle(&mut changes);
    for (what, item) in changes.into_iter().step_by(sparse) {
        for ask in requests(kind, &created.body) {
            put(&service, item.clone()).await;
            let before = audit::panics();
            let answer = ask.of(&service).await;
            *statuses.entry(answer.status.as_u16()).or_default() += 1;
            let panicked = audit::panics() > before;
            let told = || format!("{what}: {} {}", answer.status.as_u16(), if panicked { "by a panic" } else { "" });
            let odd = panicked || (answer.status.as_u16() > 500 && answer.status != 503);
            tally.see(audit::flaw(&answer).map(|flaw| format!("{what}: {flaw}")).or_else(|| odd.then(told)));
            restore(&service, &whole).await;
        }
    }
    let served = Ask::me(&created.body).of(&service).await;
    tally.see((served.status != 200).then(|| format!("the next request: {}", served.status)));
    tally.see((audit::panics() > panics && tally.is_clean()).then(|| "a panic that nothing tells of".to_owned()));
    let statuses = statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect::<Vec<_>>().join(", ");
    (tally, statuses)
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
