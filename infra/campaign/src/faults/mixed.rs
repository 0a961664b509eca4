//! Injects faults into 30 % of all DynamoDB calls, while retrying clients run mixed operations.
//!
//! Nearly all operations must succeed in the end, and every acknowledged write must last. The rows
//! count answers, successes, lost writes, incomplete accounts and false conflicts.

mod client;
mod counts;

use std::sync::Arc;

use tokio::task::JoinSet;

use self::{client::Client, counts::Counts};
use crate::{Scale, invariants, report::Report, wait_on_paused_clock};

const SEED: u64 = 0x1a7c_4be7;
const FAULT_RATE: f64 = 0.3;
/// Enough for slow calls to overlap.
const CLIENTS: usize = 25;
/// The least share of successes in per cent, with three retries of a client.
const SUCCESS_MIN: f64 = 95.0;

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_on_paused_clock(mixed(scale.of(1_000, 10_000), report));
}

async fn mixed(operations: usize, report: &mut Report) {
    println!("campaign: faults: mixed, seed {SEED}");
    let panics = invariants::panics();
    let (service, faults) = super::service(SEED).await;
    let service = Arc::new(service);
    faults.inject_at_rate(FAULT_RATE);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let mut client = Client::new(service.clone(), number, SEED);
        clients.spawn(async move {
            for _ in 0..operations / CLIENTS {
                client.run_one().await;
            }
            client
        });
    }
    let done = clients.join_all().await;
    faults.clear();
    let injected = faults.injected();
    let mut verifying = JoinSet::new();
    for client in done {
        verifying.spawn(client.verify_acknowledged());
    }
    let mut counts = Counts::default();
    verifying.join_all().await.into_iter().for_each(|one| counts.add(one));

    let (started, succeeded) = (counts.started(), counts.succeeded());
    let share = 100.0 * succeeded as f64 / started as f64;
    let what = format!("{started} mixed operations, faults on 30 % of DynamoDB calls");
    report.row(
        &what,
        "each answer a success, an expected 4xx, or 503/429 with Retry-After; 0 × 500; no panic",
        format!("{injected} faults; {}; {}", counts.answers, counts.statuses()),
        counts.answers.passed() && counts.count(500) == 0 && invariants::panics() == panics,
    );
    report.row(
        &what,
        "≥ 95 % succeed with three retries of the client",
        format!("{share:.2} %; failures: {}", counts.failures()),
        share >= SUCCESS_MIN,
    );
    report.row(&what, "every acknowledged write lasts", counts.acknowledged.to_string(), counts.acknowledged.passed());
    let (accounts, incomplete) = invariants::incomplete_accounts(&service).await;
    report.row(
        &what,
        "no incomplete account",
        format!("{accounts} accounts, {} inconsistent records {incomplete:?}", incomplete.len()),
        incomplete.is_empty() && accounts > 0,
    );
    report.row(
        &what,
        "no false 409 for a create with an Idempotency-Key",
        counts.creates.to_string(),
        counts.creates.passed(),
    );
}
