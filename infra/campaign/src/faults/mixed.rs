//! A third of all calls fails, while clients that try again do everything there is to do.

mod client;
mod counts;

use std::sync::Arc;

use tokio::task::JoinSet;

use self::{client::Client, counts::Counts};
use crate::{Scale, invariants, report::Report, wait_for};

const SEED: u64 = 0x1a7c_4be7;
const SHARE: f64 = 0.3;
/// Enough that slow calls are waited for side by side.
const CLIENTS: usize = 25;
/// Of what is asked for, in per cent, with three more tries of a client each.
const SUCCESS_MIN: f64 = 95.0;

/// Adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(mixed(scale.of(1_000, 10_000), report));
}

async fn mixed(operations: usize, report: &mut Report) {
    println!("campaign: faults: mixed, seed {SEED}");
    let panics = invariants::panics();
    let (service, faults) = super::service(SEED).await;
    let service = Arc::new(service);
    faults.inject_at_rate(SHARE);
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
    let mut settling = JoinSet::new();
    for client in done {
        settling.spawn(client.verify_acknowledged());
    }
    let mut counts = Counts::default();
    settling.join_all().await.into_iter().for_each(|one| counts.add(one));

    let (asked, succeeded) = (counts.asked(), counts.succeeded());
    let share = 100.0 * succeeded as f64 / asked as f64;
    let what = format!("{asked} mixed operations, faults on 30 % of DynamoDB calls");
    report.row(
        &what,
        "each answer a success, its proper 4xx, or 503/429 with Retry-After; 0 × 500; no panic",
        format!("{injected} faults; {}; {}", counts.answers, counts.statuses()),
        counts.answers.passed() && counts.count(500) == 0 && invariants::panics() == panics,
    );
    report.row(
        &what,
        "≥ 95 % succeed with three retries of the client",
        format!("{share:.2} %; not: {}", counts.failures()),
        share >= SUCCESS_MIN,
    );
    report.row(
        &what,
        "every acknowledged write is there afterwards",
        counts.acknowledged.to_string(),
        counts.acknowledged.passed(),
    );
    let (accounts, incomplete) = invariants::incomplete_accounts(&service).await;
    report.row(
        &what,
        "no half-made account",
        format!("{accounts} accounts, {} records that do not fit {incomplete:?}", incomplete.len()),
        incomplete.is_empty() && accounts > 0,
    );
    report.row(
        &what,
        "no false 409 to a creator with an Idempotency-Key",
        counts.creates.to_string(),
        counts.creates.passed(),
    );
}
