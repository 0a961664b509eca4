//! Sends events of API Gateway, load balancers and function URLs to the Lambda handler, with random
//! changes.
//!
//! Every event that can be parsed must get an answer within the contract, and never a 500. The rows
//! count the answers and the events that the runtime rejects.

mod mutations;
mod samples;

use std::{convert::Infallible, fmt::Debug};

use axum::http::HeaderMap;
use lambda_http::{Context, LambdaEvent, Service as Servable, request::LambdaRequest};
use serde::Serialize;
use serde_json::Value;
use shared::{
    lambda,
    testing::{Service, signing_keys},
};
use tokio::task::JoinSet;

use self::{mutations::mutated, samples::samples};
use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    wait_for,
};

const SEED: u64 = 10;
/// The number of concurrent tasks, to use every core.
const WORKERS: usize = 4;

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        println!("campaign: events, seed {SEED}");
        // Generates the keys before the first event, which would wait for them.
        signing_keys();
        let testing = Service::configured(latchkey::router(), &[]).await;
        let service = lambda::handler(latchkey::router(), testing.app().clone());
        let mut unchanged = Checks::default();
        for sample in samples() {
            unchanged
                .record(deliver(service.clone(), &sample).await.unwrap_or(Some("rejected by the runtime".to_owned())));
        }
        report.row(
            "real events of API Gateway v1 and v2, of load balancers and of function URLs",
            "each is accepted and answered within the contract",
            unchanged.to_string(),
            unchanged.passed(),
        );
        // Some events make `lambda_http` panic. Such panics are answered, so they are not printed.
        invariants::print_panics(false);
        let events = scale.of(5_000, 1_000_000);
        let mut working = JoinSet::new();
        for worker in 0..WORKERS {
            working.spawn(send_mutated(service.clone(), SEED + worker as u64, events / WORKERS));
        }
        let (mut checks, mut rejected) = (Checks::default(), 0);
        for (one, unread) in working.join_all().await {
            checks.add(one);
            rejected += unread;
        }
        invariants::print_panics(true);
        report.row(
            format!("{events} of these events with random changes"),
            "each accepted event is answered within the contract, and never with a 500",
            format!("{checks}; {rejected} rejected"),
            checks.passed(),
        );
    });
}

/// The type of [`lambda::handler`].
trait Handler:
    Servable<LambdaEvent<LambdaRequest>, Response: Serialize + Send, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Handler for S where
    S: Servable<LambdaEvent<LambdaRequest>, Response: Serialize + Send, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// Sends mutated events. Returns the checks, and the number of events that the runtime rejects.
async fn send_mutated(service: impl Handler, seed: u64, events: usize) -> (Checks, usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let samples = samples();
    let (mut checks, mut rejected) = (Checks::default(), 0);
    for _ in 0..events {
        let event = mutated(&samples[rng.usize(..samples.len())], &mut rng);
        // A task of its own, so that a panic ends only that.
        let (service, text) = (service.clone(), event.clone());
        let delivered = tokio::spawn(async move { deliver(service, &text).await });
        match delivered.await {
            Ok(None) => rejected += 1,
            Ok(Some(problem)) => checks.record(problem),
            Err(_) => checks.record(Some(format!("a panic: {}", String::from_utf8_lossy(&event)))),
        }
    }
    (checks, rejected)
}

/// Sends the text of an event to the service, as `lambda_http::run` does.
///
/// Returns `None` if the runtime rejects the event; otherwise the violation in the answer, if any.
async fn deliver(mut service: impl Handler, event: &[u8]) -> Option<Option<String>> {
    let payload: LambdaRequest = serde_json::from_slice(event).ok()?;
    let answer = service.call(LambdaEvent::new(payload, Context::default()));
    Some(match answer.await {
        Ok(answer) => violation(&serde_json::to_value(answer).unwrap_or_default(), event),
        Err(never) => match never {},
    })
}

/// Describes the violation in an answer in the format of the gateway.
fn violation(answer: &Value, event: &[u8]) -> Option<String> {
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    let headers = headers(answer);
    let describe = |what: &dyn Debug| Some(format!("{what:?} for {}", String::from_utf8_lossy(event)));
    let text = answer["body"].as_str().unwrap_or_default();
    let is_head = String::from_utf8_lossy(event).contains("\"HEAD\"") && text.is_empty();
    let body = if is_head {
        Value::Object(serde_json::Map::default())
    } else {
        serde_json::from_str(text).unwrap_or_default()
    };
    if answer["isBase64Encoded"] == true {
        return describe(&"body in base64");
    }
    if status == 500 {
        return describe(&text);
    }
    if is_head {
        None
    } else {
        invariants::violation_of(status, &headers, &body).and_then(|violation| describe(&violation))
    }
}

/// Reads the headers from `headers` and `multiValueHeaders`. Both hold the same.
fn headers(answer: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for kind in ["headers", "multiValueHeaders"] {
        for (name, value) in answer[kind].as_object().into_iter().flatten() {
            let value = value.as_str().or_else(|| value[0].as_str()).unwrap_or_default();
            if let (Ok(name), Ok(value)) = (name.parse::<axum::http::HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
    }
    headers
}
