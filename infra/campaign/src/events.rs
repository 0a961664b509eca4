//! Events as API Gateway, load balancers and function URLs hand them to Lambda, changed at random.

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
/// Beside each other, so that every core has some.
const WORKERS: usize = 4;

/// Adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        println!("campaign: events, seed {SEED}");
        // Made before the first event, which would wait for it.
        signing_keys();
        let testing = Service::configured(latchkey::router(), &[]).await;
        let service = lambda::handler(latchkey::router(), testing.app().clone());
        let mut unchanged = Checks::default();
        for shape in samples() {
            unchanged.record(handed(service.clone(), &shape).await.unwrap_or(Some("it is not read".to_owned())));
        }
        report.row(
            "real events of API Gateway v1 and v2, of load balancers and of function URLs",
            "each read, and answered in the envelope",
            unchanged.to_string(),
            unchanged.passed(),
        );
        // Those of `lambda_http`, which are answered.
        invariants::print_panics(false);
        let events = scale.of(5_000, 1_000_000);
        let mut working = JoinSet::new();
        for worker in 0..WORKERS {
            working.spawn(changed_at_random(service.clone(), SEED + worker as u64, events / WORKERS));
        }
        let (mut checks, mut refused) = (Checks::default(), 0);
        for (one, unread) in working.join_all().await {
            checks.add(one);
            refused += unread;
        }
        invariants::print_panics(true);
        report.row(
            format!("{events} of these events changed at random"),
            "every one that is read is answered in the envelope, and never with a 500",
            format!("{checks}; {refused} not read"),
            checks.passed(),
        );
    });
}

/// What [`lambda::handler`] gives.
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

/// What was counted, and how many events the runtime would not read.
async fn changed_at_random(service: impl Handler, seed: u64, events: usize) -> (Checks, usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let samples = samples();
    let (mut checks, mut refused) = (Checks::default(), 0);
    for _ in 0..events {
        let event = mutated(&samples[rng.usize(..samples.len())], &mut rng);
        // A panic ends a task of its own.
        let (service, handed_on) = (service.clone(), event.clone());
        let handed = tokio::spawn(async move { handed(service, &handed_on).await });
        match handed.await {
            Ok(None) => refused += 1,
            Ok(Some(wrong)) => checks.record(wrong),
            Err(_) => checks.record(Some(format!("a panic: {}", String::from_utf8_lossy(&event)))),
        }
    }
    (checks, refused)
}

/// Hands the text of an event to the service as `lambda_http::run` does: none if it is not read, else what is wrong with the answer.
async fn handed(mut service: impl Handler, event: &[u8]) -> Option<Option<String>> {
    let payload: LambdaRequest = serde_json::from_slice(event).ok()?;
    let answer = service.call(LambdaEvent::new(payload, Context::default()));
    Some(match answer.await {
        Ok(answer) => wrong(&serde_json::to_value(answer).unwrap_or_default(), event),
        Err(never) => match never {},
    })
}

/// What is wrong with an answer as the gateway reads it.
fn wrong(answer: &Value, event: &[u8]) -> Option<String> {
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    let headers = headers(answer);
    let told = |what: &dyn Debug| Some(format!("{what:?} for {}", String::from_utf8_lossy(event)));
    let text = answer["body"].as_str().unwrap_or_default();
    let is_head = String::from_utf8_lossy(event).contains("\"HEAD\"") && text.is_empty();
    let body = if is_head {
        Value::Object(serde_json::Map::default())
    } else {
        serde_json::from_str(text).unwrap_or_default()
    };
    if answer["isBase64Encoded"] == true {
        return told(&"in base64");
    }
    if status == 500 {
        return told(&text);
    }
    if is_head { None } else { invariants::violation_of(status, &headers, &body).and_then(|flaw| told(&flaw)) }
}

/// A header is under `headers`, under `multiValueHeaders`, or under both alike.
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
