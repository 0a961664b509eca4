//! DynamoDB that never answers.

use std::{sync::Arc, time::Duration};

use axum::http::Method;
use shared::testing::{Mishap, Service};
use tokio::{task::JoinSet, time};

use super::endpoints::{Endpoint, endpoints};
use crate::{
    Scale,
    audit::{self, Tally},
    table::Table,
    wait_for,
};

const SEED: u64 = 3;
/// What a request has where nobody says otherwise.
const LIMIT: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(400);
/// For the answer itself, on a machine that does other things beside.
const SLACK: Duration = Duration::from_secs(1);

/// Adds its rows.
pub fn run(_: Scale, table: &mut Table) {
    wait_for(async {
        for (within, what) in [(None, "10 s"), (Some(SHORT), "0.4 s of a caller")] {
            let tally = hanging(within).await;
            table.row(
                format!("every operation of DynamoDB hangs, every endpoint, within {what}"),
                "503 with Retry-After in that time, and the next request is served",
                tally.to_string(),
                tally.is_clean(),
            );
        }
    });
}

async fn hanging(within: Option<Duration>) -> Tally {
    let (service, faults) = super::service(SEED).await;
    let service = Arc::new(service);
    let mut prepared = Vec::new();
    for endpoint in endpoints() {
        prepared.push((endpoint, endpoint.prepare(&service).await));
    }
    faults.all(Mishap::Hangs);
    let mut asking = JoinSet::new();
    for (endpoint, ask) in prepared {
        let service = service.clone();
        asking.spawn(async move {
            let started = time::Instant::now();
            let ask = ask.within(within);
            let answer = ask.of(&service).await;
            let (took, limit) = (started.elapsed(), within.unwrap_or(LIMIT) + SLACK);
            let late = (answer.status != 503 || took > limit)
                .then(|| format!("{}: {} after {took:?}", endpoint.name(), answer.status.as_u16()));
            audit::flaw(&answer).or(late)
        });
    }
    let mut tally = Tally::default();
    asking.join_all().await.into_iter().for_each(|wrong| tally.see(wrong));
    faults.end();
    for endpoint in endpoints() {
        tally.see(served(&service, endpoint).await);
    }
    let health = service.request(Method::GET, "/health").send().await;
    tally.see((health.status != 200).then(|| "/health".to_owned()));
    tally
}

async fn served(service: &Service, endpoint: Endpoint) -> Option<String> {
    let answer = endpoint.prepare(service).await.of(service).await;
    (!answer.status.is_success()).then(|| format!("afterwards {}: {}", endpoint.name(), answer.status))
}
