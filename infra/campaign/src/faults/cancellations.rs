//! Cancels transactions with every reason that DynamoDB documents, at every position.
//!
//! A failed condition may become a 409 if it concerns a new identifier or key. Any other reason is
//! a 503, or a success after a retry. The rows count the answers and those that differ.

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
    wait_on_paused_clock,
};

const SEED: u64 = 5;
const TRANSACTION: &str = "TransactWriteItems";
const CONDITION: &str = "ConditionalCheckFailed";
/// The reasons of TransactionCanceledException in DynamoDB's API reference, without the failed
/// condition, and one unknown reason.
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
const WRITES_MAX: usize = 100;

/// The checks for each row of the report.
#[derive(Default)]
struct Counts {
    /// One reason for every transaction of a request.
    every_time: Checks,
    /// One reason for the first transaction alone.
    once: Checks,
    /// Failed conditions.
    conditions: Checks,
    /// Random lists of reasons.
    random: Checks,
}

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_on_paused_clock(async {
        let panics = invariants::panics();
        let mut tasks = JoinSet::new();
        for endpoint in endpoints() {
            tasks.spawn(reasons(endpoint, scale));
        }
        let mut all = Counts::default();
        for one in tasks.join_all().await {
            all.every_time.add(one.every_time);
            all.once.add(one.once);
            all.conditions.add(one.conditions);
            all.random.add(one.random);
        }
        let taken = taken_identifiers().await;
        let no_panic = invariants::panics() == panics;
        let what = "cancelled transactions:";
        let rows = [
            (
                "each reason but a failed condition, at each write of each endpoint, every time",
                "503, never 409 or 500",
                all.every_time,
            ),
            ("the same, once", "503, or a success after a retry", all.once),
            (
                "a failed condition at each write of each endpoint",
                "409 or 503 for a new identifier or key; otherwise 503, or a success after a new read",
                all.conditions,
            ),
            ("random lists of reasons, of any length", "the same by the failed conditions; never 500", all.random),
            (
                "conflicts, then a failed condition for a taken identifier or a used key",
                "409 with the code of that condition",
                taken,
            ),
        ];
        for (attack, expected, checks) in rows {
            report.row(format!("{what} {attack}"), expected, checks.to_string(), checks.passed() && no_panic);
        }
    });
}

async fn reasons(endpoint: Endpoint, scale: Scale) -> Counts {
    let (service, faults) = super::service(SEED).await;
    let mut counts = Counts::default();
    for position in 0..WRITES_MAX {
        for reason in REASONS {
            let fault = Fault::CancelledAt(position, reason);
            let Some(every_time) = send_with_fault(&service, &faults, endpoint, fault.clone(), true).await else {
                break;
            };
            counts.every_time.record(unless(&every_time, endpoint, &fault, every_time.status == 503));
            // A single fault is handled alike at every position.
            if scale == Scale::Short && position > 0 {
                continue;
            }
            let Some(once) = send_with_fault(&service, &faults, endpoint, fault.clone(), false).await else { break };
            counts.once.record(unless(&once, endpoint, &fault, once.status == 503 || once.status.is_success()));
        }
        let fault = Fault::CancelledAt(position, CONDITION);
        let Some(answer) = send_with_fault(&service, &faults, endpoint, fault.clone(), true).await else { break };
        let key = faults.last_transaction().get(position).cloned().unwrap_or_default();
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

/// Sends a request with this fault in every transaction, or in the first one. Returns `None` if no
/// transaction had such a position.
async fn send_with_fault(
    service: &Service,
    faults: &Faults,
    endpoint: Endpoint,
    fault: Fault,
    every_time: bool,
) -> Option<Answer> {
    let request = endpoint.prepare(service).await;
    let before = faults.injected();
    if every_time {
        faults.inject_every(TRANSACTION, fault)
    } else {
        faults.inject_next(TRANSACTION, fault)
    }
    let answer = request.send(service).await;
    faults.clear();
    (faults.injected() > before).then_some(answer)
}

/// Whether an answer fits the keys of the failed conditions. A free identifier may be answered as
/// taken, since it could have been taken a moment ago.
fn is_right(answer: &Answer, endpoint: Endpoint, failed: &[String]) -> bool {
    // The new username of a profile change begins with w-. All identifiers of a create are new.
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
    let describe = || format!("{endpoint:?}: {fault:?}: {} {}", answer.status.as_u16(), answer.body["code"]);
    invariants::violation(answer).or_else(|| (!is_right).then(describe))
}

/// Creates and changes with taken identifiers, after transaction conflicts.
async fn taken_identifiers() -> Checks {
    let (service, faults) = super::service(SEED).await;
    let mut checks = Checks::default();
    service.account_with("taken@faults.example", Some("taken"), |_| {}).await;
    let own = service.account("own@faults.example").await;
    let session = service.session(&own).await;
    let create = |email: &str, username: &str| {
        let body = json!({"email": email, "password": PASSWORD, "username": username});
        // The refusals of an address are counted, by a transaction.
        Request::post("/create-account", body).with_ip([192, 0, 2, 1].into())
    };
    let first = create("first@faults.example", "first").with_idempotency_key("key").send(&service).await;
    checks.record((first.status != 201).then(|| format!("the first under its key: {}", first.status)));
    let cases = [
        (create("taken@faults.example", "other"), "email_taken"),
        (create("taken@faults.example", "taken"), "email_taken"),
        (create("other@faults.example", "taken"), "username_taken"),
        (create("other@faults.example", "other").with_idempotency_key("key"), "idempotency_key_reused"),
        (create("other@faults.example", "taken").with_idempotency_key("another key"), "username_taken"),
        (Request::change_profile(&session, json!({"username": "taken"})), "username_taken"),
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
