//! Why a transaction was cancelled: each reason that DynamoDB documents, at each place of each transaction.

use axum::http::StatusCode;
use serde_json::json;
use shared::testing::{Answer, Faults, PASSWORD, Service, faults::Fault};
use tokio::task::JoinSet;

use super::endpoints::{Endpoint, endpoints};
use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    requests::Request,
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
    lasting: Checks,
    passing: Checks,
    conditions: Checks,
    random: Checks,
}

/// Adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        let panics = invariants::panics();
        let mut tasks = JoinSet::new();
        for endpoint in endpoints() {
            tasks.spawn(reasons(endpoint, scale));
        }
        let mut all = Counts::default();
        for one in tasks.join_all().await {
            all.lasting.add(one.lasting);
            all.passing.add(one.passing);
            all.conditions.add(one.conditions);
            all.random.add(one.random);
        }
        let taken = taken().await;
        let calm = invariants::panics() == panics;
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
        for (attack, expected, checks) in rows {
            report.row(format!("{what} {attack}"), expected, checks.to_string(), checks.passed() && calm);
        }
    });
}

async fn reasons(endpoint: Endpoint, scale: Scale) -> Counts {
    let (service, faults) = super::service(SEED).await;
    let mut counts = Counts::default();
    for place in 0..PLACES_MAX {
        for reason in REASONS {
            let fault = Fault::CancelledAt(place, reason);
            let Some(lasting) = send_with_fault(&service, &faults, endpoint, fault.clone(), true).await else { break };
            counts.lasting.record(unless(&lasting, endpoint, &fault, lasting.status == 503));
            // What passes is met alike at every place.
            if scale == Scale::Short && place > 0 {
                continue;
            }
            let Some(once) = send_with_fault(&service, &faults, endpoint, fault.clone(), false).await else { break };
            counts.passing.record(unless(&once, endpoint, &fault, once.status == 503 || once.status.is_success()));
        }
        let fault = Fault::CancelledAt(place, CONDITION);
        let Some(answer) = send_with_fault(&service, &faults, endpoint, fault.clone(), true).await else { break };
        let key = faults.last_transaction().get(place).cloned().unwrap_or_default();
        counts.conditions.record(unless(&answer, endpoint, &fault, is_right(&answer, endpoint, &[key])));
    }
    let mut rng = fastrand::Rng::with_seed(SEED);
    for _ in 0..scale.of(5, 300) {
        let length = rng.usize(..8);
        let any = |rng: &mut fastrand::Rng| rng.choice(REASONS.iter().chain([&CONDITION]).copied().collect::<Vec<_>>());
        let list: Vec<&str> = (0..length).filter_map(|_| any(&mut rng)).collect();
        let fault = Fault::Cancelled(list.clone());
        let Some(answer) = send_with_fault(&service, &faults, endpoint, fault.clone(), true).await else { break };
        let failed = faults.last_transaction().into_iter().zip(list).filter(|(_, reason)| *reason == CONDITION);
        let failed: Vec<String> = failed.map(|(key, _)| key).collect();
        counts.random.record(unless(&answer, endpoint, &fault, is_right(&answer, endpoint, &failed)));
    }
    counts
}

/// Asks while this befalls every transaction, or one; none where it befell nothing.
async fn send_with_fault(
    service: &Service,
    faults: &Faults,
    endpoint: Endpoint,
    fault: Fault,
    lasting: bool,
) -> Option<Answer> {
    let request = endpoint.prepare(service).await;
    let before = faults.injected();
    if lasting {
        faults.inject_every(TRANSACTION, fault)
    } else {
        faults.inject_next(TRANSACTION, fault)
    }
    let answer = request.send(service).await;
    faults.clear();
    (faults.injected() > before).then_some(answer)
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

fn unless(answer: &Answer, endpoint: Endpoint, fault: &Fault, is_right: bool) -> Option<String> {
    let told = || format!("{endpoint:?}: {fault:?}: {} {}", answer.status.as_u16(), answer.body["code"]);
    invariants::violation(answer).or_else(|| (!is_right).then(told))
}

/// What somebody else has in truth, after a conflict that passes.
async fn taken() -> Checks {
    let (service, faults) = super::service(SEED).await;
    let mut checks = Checks::default();
    service.account_with("taken@faults.example", Some("taken"), |_| {}).await;
    let own = service.account("own@faults.example").await;
    let session = service.session(&own).await;
    let create = |email: &str, username: &str| {
        Request::post("/create-account", json!({"email": email, "password": PASSWORD, "username": username}))
    };
    let first = create("first@faults.example", "first").under("key").send(&service).await;
    checks.record((first.status != 201).then(|| format!("the first under its key: {}", first.status)));
    let cases = [
        (create("taken@faults.example", "other"), "email_taken"),
        (create("taken@faults.example", "taken"), "email_taken"),
        (create("other@faults.example", "taken"), "username_taken"),
        (create("other@faults.example", "other").under("key"), "idempotency_key_reused"),
        (create("other@faults.example", "taken").under("another key"), "username_taken"),
        (Request::change(&session, json!({"username": "taken"})), "username_taken"),
    ];
    for (request, code) in cases {
        for conflicts in 0..3 {
            (0..conflicts).for_each(|_| faults.inject_next(TRANSACTION, Fault::CancelledAt(0, "TransactionConflict")));
            let answer = request.send(&service).await;
            let is_right = answer.status == 409 && answer.body["code"] == code;
            checks.record(invariants::violation(&answer).or_else(|| {
                (!is_right).then(|| format!("{code}: {} {}", answer.status.as_u16(), answer.body["code"]))
            }));
        }
    }
    checks
}
