//! Lets every DynamoDB call hang.
//!
//! Each endpoint must answer 503 with Retry-After within the time limit of the request, and serve
//! the next request. The rows count the answers and those that differ.

use std::{sync::Arc, time::Duration};

use axum::http::Method;
use shared::testing::{Service, faults::Fault};
use tokio::{task::JoinSet, time};

use super::endpoints::{Endpoint, endpoints};
use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    wait_on_paused_clock,
};

const SEED: u64 = 3;
/// The default time limit of a request.
const LIMIT: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(400);
/// Room for the ticks of the timers. The clock stands still while an answer is made.
const SLACK: Duration = Duration::from_millis(10);

/// Runs the case, and adds its rows.
pub fn run(_: Scale, report: &mut Report) {
    wait_on_paused_clock(async {
        for (within, what) in [(None, "the default 10 s"), (Some(SHORT), "0.4 s from the caller")] {
            let checks = hanging(within).await;
            report.row(
                format!("every DynamoDB call hangs: every endpoint, time limit {what}"),
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
            let request = request.with_time_limit(within);
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
