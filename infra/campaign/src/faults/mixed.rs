//! A third of all calls fails, while clients that try again do everything there is to do.

mod client;
mod ledger;

use std::sync::Arc;

use tokio::task::JoinSet;

use self::{client::Client, ledger::Ledger};
use crate::{Scale, audit, table::Table, wait_for};

const SEED: u64 = 0x1a7c_4be7;
const SHARE: f64 = 0.3;
/// Enough that slow calls are waited for side by side.
const CLIENTS: usize = 25;
/// Of what is asked for, in per cent, with three more tries of a client each.
const SUCCESS_MIN: f64 = 95.0;

/// Adds its rows.
pub fn run(scale: Scale, table: &mut Table) {
    wait_for(mixed(scale.of(1_000, 10_000), table));
}

async fn mixed(operations: usize, table: &mut Table) {
    println!("campaign: faults: mixed, seed {SEED}");
    let panics = audit::panics();
    let (service, faults) = super::service(SEED).await;
    let service = Arc::new(service);
    faults.share(SHARE);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let mut client = Client::new(service.clone(), number, SEED);
        clients.spawn(async move {
            for _ in 0..operations / CLIENTS {
                client.act().await;
            }
            client
        });
    }
    let done = clients.join_all().await;
    faults.end();
    let befallen = faults.befallen();
    let mut settling = JoinSet::new();
    for client in done {
        settling.spawn(client.settle());
    }
    let mut ledger = Ledger::default();
    settling.join_all().await.into_iter().for_each(|one| ledger.add(one));

    let (asked, succeeded) = (ledger.asked(), ledger.succeeded());
    let share = 100.0 * succeeded as f64 / asked as f64;
    let what = format!("{asked} mixed operations, faults on 30 % of DynamoDB calls");
    table.row(
        &what,
        "each answer a success, its proper 4xx, or 503/429 with Retry-After; 0 × 500; no panic",
        format!("{befallen} faults; {}; {}", ledger.answers, ledger.statuses()),
        ledger.answers.is_clean() && ledger.count(500) == 0 && audit::panics() == panics,
    );
    table.row(
        &what,
        "≥ 95 % succeed with three retries of the client",
        format!("{share:.2} %; not: {}", ledger.failures()),
        share >= SUCCESS_MIN,
    );
    table.row(
        &what,
        "every acknowledged write is there afterwards",
        ledger.acknowledged.to_string(),
        ledger.acknowledged.is_clean(),
    );
    let (accounts, halves) = audit::halves(&service).await;
    table.row(
        &what,
        "no half-made account",
        format!("{accounts} accounts, {} records that do not fit {halves:?}", halves.len()),
        halves.is_empty() && accounts > 0,
    );
    table.row(
        &what,
        "no false 409 to a creator with an Idempotency-Key",
        ledger.creates.to_string(),
        ledger.creates.is_clean(),
    );
}
