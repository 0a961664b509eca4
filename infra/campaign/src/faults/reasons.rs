//! Why a transaction was cancelled: each reason that DynamoDB documents, at each place of each transaction.

use axum::http::StatusCode;
use serde_json::json;
use shared::testing::{Answer, Faults, Mishap, PASSWORD, Service};
use tokio::task::JoinSet;

use super::endpoints::{Endpoint, endpoints};
use crate::{
    Scale,
    asking::Ask,
    audit::{self, Tally},
    table::Table,
    wait_for,
};

const SEED: u64 = 5;
const TRANSACTION: &str = "TransactWriteItems";
const CONDITION: &str = "ConditionalCheckFailed";
/// All but the failed condition: TransactionCanceledException in DynamoDB's API reference, and one that is not in it.
const REASONS: [&str; 8] = [
    "None",
    "ItemCollectionSizeLimitExceeded",
    "TransactionConflict",
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
    "ValidationError",
    "AccessDenied",
    "AReasonThatNobodyKnows",
];
/// The most writes in one transaction.
const PLACES_MAX: usize = 100;

/// What was counted, by the rows of the table.
#[derive(Default)]
struct Counts {
    lasting: Tally,
    passing: Tally,
    conditions: Tally,
    random: Tally,
}

/// Adds its rows.
pub fn run(scale: Scale, table: &mut Table) {
    wait_for(async {
        let panics = audit::panics();
        let mut asking = JoinSet::new();
        for endpoint in endpoints() {
            asking.spawn(reasons(endpoint, scale));
        }
        let mut all = Counts::default();
        for one in asking.join_all().await {
            all.lasting.add(one.lasting);
            all.passing.add(one.passing);
            all.conditions.add(one.conditions);
            all.random.add(one.random);
        }
        let taken = taken().await;
        let calm = audit::panics() == panics;
        let what = "a transaction is cancelled:";
        let rows = [
            ("each other reason at each place of each endpoint's, every time", "503, never 409 or 500", all.lasting),
            ("the same once", "503 or, tried again, a success", all.passing),
            (
                "a failed condition at each place of each endpoint's",
                "409 or 503 for a new identifier or key; for all else 503 or, read again, a success",
                all.conditions,
            ),
            ("a random list of reasons, of any length", "the same by what failed; never 500", all.random),
            ("a conflict, then for an identifier or key that is somebody else's", "409 with its own code", taken),
        ];
        for (attack, expected, tally) in rows {
            table.row(format!("{what} {attack}"), expected, tally.to_string(), tally.is_clean() && calm);
        }
    });
}

async fn reasons(endpoint: Endpoint, scale: Scale) -> Counts {
    let (service, faults) = super::service(SEED).await;
    let mut counts = Counts::default();
    for place in 0..PLACES_MAX {
        for reason in REASONS {
            let mishap = Mishap::CancelledAt(place, reason);
            let Some(lasting) = ask(&service, &faults, endpoint, mishap.clone(), true).await else { break };
            counts.lasting.see(unless(&lasting, endpoint, &mishap, lasting.status == 503));
            // What passes is met alike at every place.
            if scale == Scale::Short && place > 0 {
                continue;
            }
            let Some(once) = ask(&service, &faults, endpoint, mishap.clone(), false).await else { break };
            counts.passing.see(unless(&once, endpoint, &mishap, once.status == 503 || once.status.is_success()));
        }
        let mishap = Mishap::CancelledAt(place, CONDITION);
        let Some(answer) = ask(&service, &faults, endpoint, mishap.clone(), true).await else { break };
        let key = faults.transaction().get(place).cloned().unwrap_or_default();
        counts.conditions.see(unless(&answer, endpoint, &mishap, is_right(&answer, endpoint, &[key])));
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    for _ in 0..scale.of(5, 300) {
        let length = random.usize(..8);
        let any =
            |random: &mut fastrand::Rng| random.choice(REASONS.iter().chain([&CONDITION]).copied().collect::<Vec<_>>());
        let list: Vec<&str> = (0..length).filter_map(|_| any(&mut random)).collect();
        let mishap = Mishap::Cancelled(list.clone());
        let Some(answer) = ask(&service, &faults, endpoint, mishap.clone(), true).await else { break };
        let failed = faults.transaction().into_iter().zip(list).filter(|(_, reason)| *reason == CONDITION);
        let failed: Vec<String> = failed.map(|(key, _)| key).collect();
        counts.random.see(unless(&answer, endpoint, &mishap, is_right(&answer, endpoint, &failed)));
    }
    counts
}

/// Asks while this befalls every transaction, or one; none where it befell nothing.
async fn ask(service: &Service, faults: &Faults, endpoint: Endpoint, mishap: Mishap, lasting: bool) -> Option<Answer> {
    let ask = endpoint.prepare(service).await;
    let before = faults.befallen();
    if lasting {
        faults.every(TRANSACTION, mishap)
    } else {
        faults.next(TRANSACTION, mishap)
    }
    let answer = ask.of(service).await;
    faults.end();
    (faults.befallen() > before).then_some(answer)
}

/// Whether an answer fits the records whose condition failed. What nobody has may be told as taken, as it was a moment ago.
fn is_right(answer: &Answer, endpoint: Endpoint, failed: &[String]) -> bool {
    // The other username of a change begins so; of a create every identifier is new.
    let is_new = |key: &String| match endpoint {
        Endpoint::Create => key.starts_with("LOGIN#") || key.starts_with("IDEMPOTENCY#"),
        _ => key.starts_with("LOGIN#w-"),
    };
    match answer.status {
        StatusCode::SERVICE_UNAVAILABLE => true,
        StatusCode::CONFLICT => failed.iter().any(is_new),
        status => status.is_success() && !failed.is_empty(),
    }
}

fn unless(answer: &Answer, endpoint: Endpoint, mishap: &Mishap, is_right: bool) -> Option<String> {
    let told = || format!("{endpoint:?}: {mishap:?}: {} {}", answer.status.as_u16(), answer.body["code"]);
    audit::flaw(answer).or_else(|| (!is_right).then(told))
}

/// What somebody else has in truth, after a conflict that passes.
async fn taken() -> Tally {
    let (service, faults) = super::service(SEED).await;
    let mut tally = Tally::default();
    service.account_with("taken@faults.example", Some("taken"), |_| {}).await;
    let own = service.account("own@faults.example").await;
    let session = service.session(&own).await;
    let create = |email: &str, username: &str| {
        Ask::post("/create-account", json!({"email": email, "password": PASSWORD, "username": username}))
    };
    let first = create("first@faults.example", "first").under("key").of(&service).await;
    tally.see((first.status != 201).then(|| format!("the first under its key: {}", first.status)));
    let cases = [
        (create("taken@faults.example", "other"), "email_taken"),
        (create("taken@faults.example", "taken"), "email_taken"),
        (create("other@faults.example", "taken"), "username_taken"),
        (create("other@faults.example", "other").under("key"), "idempotency_key_reused"),
        (create("other@faults.example", "taken").under("another key"), "username_taken"),
        (Ask::change(&session, json!({"username": "taken"})), "username_taken"),
    ];
    for (ask, code) in cases {
        for conflicts in 0..3 {
            (0..conflicts).for_each(|_| faults.next(TRANSACTION, Mishap::CancelledAt(0, "TransactionConflict")));
            let answer = ask.of(&service).await;
            let is_right = answer.status == 409 && answer.body["code"] == code;
            tally.see(audit::flaw(&answer).or_else(|| {
                (!is_right).then(|| format!("{code}: {} {}", answer.status.as_u16(), answer.body["code"]))
            }));
        }
    }
    tally
}
