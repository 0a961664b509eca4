//! DynamoDB that never answers.

use std::{sync::Arc, time::Duration};

use axum::http::Method;
use shared::testing::{Service, faults::Fault};
use tokio::{task::JoinSet, time};

use super::endpoints::{Endpoint, endpoints};
use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    wait_for,
};

const SEED: u64 = 3;
/// What a request has where nobody says otherwise.
const LIMIT: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(400);
/// For the answer itself, on a machine that does other things beside.
const SLACK: Duration = Duration::from_secs(1);

/// Adds its rows.
pub fn run(_: Scale, report: &mut Report) {
    wait_for(async {
        for (within, what) in [(None, "10 s"), (Some(SHORT), "0.4 s of a caller")] {
            let checks = hanging(within).await;
            report.row(
                format!("every operation of DynamoDB hangs, every endpoint, within {what}"),
                "503 with Retry-After in that time, and the next request is served",
                checks.to_string(),
                checks.passed(),
            );
        }
    });
}

async fn hanging(within: Option<Duration>) -> Checks {
    let (service, faults) = super::service(SEED).await;
    let service = Arc::new(service);
    let mut prepared = Vec::new();
    for endpoint in endpoints() {
        prepared.push((endpoint, endpoint.prepare(&service).await));
    }
    faults.inject_all(Fault::Hangs);
    let mut tasks = JoinSet::new();
    for (endpoint, request) in prepared {
        let service = service.clone();
        tasks.spawn(async move {
            let started = time::Instant::now();
            let request = request.within(within);
            let answer = request.send(&service).await;
            let (took, limit) = (started.elapsed(), within.unwrap_or(LIMIT) + SLACK);
            let late = (answer.status != 503 || took > limit)
                .then(|| format!("{}: {} after {took:?}", endpoint.name(), answer.status.as_u16()));
            invariants::violation(&answer).or(late)
        });
    }
    let mut checks = Checks::default();
    tasks.join_all().await.into_iter().for_each(|wrong| checks.record(wrong));
    faults.clear();
    for endpoint in endpoints() {
        checks.record(served(&service, endpoint).await);
    }
    let health = service.request(Method::GET, "/health").send().await;
    checks.record((health.status != 200).then(|| "/health".to_owned()));
    checks
}

async fn served(service: &Service, endpoint: Endpoint) -> Option<String> {
    let answer = endpoint.prepare(service).await.send(service).await;
    (!answer.status.is_success()).then(|| format!("afterwards {}: {}", endpoint.name(), answer.status))
}
