//! What holds for every answer, and for the table behind all of them.

use std::{
    collections::HashMap,
    fmt, panic,
    sync::{
        Once,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::HeaderMap;
use serde_json::Value;
use shared::testing::{Answer, Service};
use tokio::task::JoinSet;

/// How many examples of what is wrong a row of the table tells.
const EXAMPLES_MAX: usize = 4;
/// What no caller is told: of DynamoDB and the SDK, of serde, and of Rust.
const INTERNALS: [&str; 8] =
    ["dynamodb", "exception", "sdk", "malformed record", "panicked", "missing field", "connection", "src/"];

/// Answers that were counted, and what was wrong with some of them.
#[derive(Debug, Default)]
pub struct Checks {
    /// All that were looked at.
    pub checked: usize,
    failed: usize,
    examples: Vec<String>,
}

impl Checks {
    /// Counts one more, and what is wrong with it if something is.
    pub fn record(&mut self, problem: Option<String>) {
        self.checked += 1;
        if let Some(problem) = problem {
            self.fail(problem);
        }
    }

    /// Notes something that is wrong beside the answers.
    pub fn fail(&mut self, problem: String) {
        self.failed += 1;
        if self.examples.len() < EXAMPLES_MAX && !self.examples.contains(&problem) {
            self.examples.push(problem);
        }
    }

    /// Takes another's in.
    pub fn add(&mut self, other: Self) {
        self.checked += other.checked;
        self.failed += other.failed;
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES_MAX);
    }

    /// Of cases beside each other, taken together.
    pub async fn run_all<F: Future<Output = Self> + Send + 'static>(cases: impl IntoIterator<Item = F>) -> Self {
        let mut checks = Self::default();
        cases.into_iter().collect::<JoinSet<_>>().join_all().await.into_iter().for_each(|one| checks.add(one));
        checks
    }

    /// Whether something was seen and nothing wrong.
    pub fn passed(&self) -> bool {
        self.failed == 0 && self.checked > 0
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} checked, {} wrong", self.checked, self.failed)?;
        self.examples.iter().try_for_each(|example| write!(formatter, "; {example}"))
    }
}

/// What is wrong with an answer, whatever it answers.
pub fn violation(answer: &Answer) -> Option<String> {
    violation_of(answer.status.as_u16(), &answer.headers, &answer.body)
}

/// The same of its parts.
pub fn violation_of(status: u16, headers: &HeaderMap, body: &Value) -> Option<String> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let is_error = status >= 400;
    let types = ["application/json; charset=utf-8", "application/problem+json"];
    let checks = [
        (types.contains(&header("content-type")), "its content type"),
        (!header("x-request-id").is_empty(), "no request id"),
        (
            header("cache-control") == "no-store" || (!is_error && header("cache-control").contains("max-age")),
            "caching",
        ),
        (body.is_object(), "no object"),
        ((200..=299).contains(&status) || is_error, "neither a success nor an error"),
        (is_error || body.get("code").is_none(), "an error that is said to be a success"),
        (!is_error || is_problem_body(status, header("x-request-id"), body), "no envelope"),
        (
            ![429, 503].contains(&status) || header("retry-after").parse().is_ok_and(|wait: u32| wait > 0),
            "no Retry-After",
        ),
        (
            status < 500 || !INTERNALS.iter().any(|cause| text("detail").to_lowercase().contains(cause)),
            "tells its cause",
        ),
    ];
    let wrong = checks.into_iter().find(|(holds, _)| !holds).map(|(_, wrong)| wrong)?;
    Some(format!("{status}: {wrong}: {body}").chars().take(300).collect())
}

fn is_problem_body(status: u16, request_id: &str, body: &Value) -> bool {
    let told = ["type", "title", "detail", "message", "code", "request_id"];
    told.iter().all(|key| body[key].as_str().is_some_and(|text| !text.is_empty()))
        && body["status"] == status
        && body["message"] == body["detail"]
        && body["request_id"] == request_id
        && body["fields"].as_array().is_some_and(|fields| {
            fields.iter().all(|field| ["field", "code", "message"].iter().all(|key| field[key].is_string()))
        })
}

static PANICS: AtomicUsize = AtomicUsize::new(0);
static PRINTED: AtomicBool = AtomicBool::new(true);

/// How many panics there were in this process since this was first asked. Each is told as before.
pub fn panics() -> usize {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            if PRINTED.load(Ordering::Relaxed) {
                print(panic);
            }
        }));
    });
    PANICS.load(Ordering::Relaxed)
}

/// Whether panics are told, for those that are expected.
pub fn print_panics(printed: bool) {
    panics();
    PRINTED.store(printed, Ordering::Relaxed);
}

/// Every record of the table, by its key.
pub async fn records(service: &Service) -> HashMap<String, HashMap<String, AttributeValue>> {
    let table = &service.app().config().table_name;
    let mut pages = service.client().scan().table_name(table).into_paginator().items().send();
    let mut records = HashMap::new();
    while let Some(item) = pages.next().await {
        let item = item.expect("a scan");
        if let Some(Ok(key)) = item.get("pk").map(|key| key.as_s().cloned()) {
            records.insert(key, item);
        }
    }
    records
}

/// Accounts of which not every record is there, or not every one says the same: how many there are, and the keys of those that
/// are wrong.
pub async fn incomplete_accounts(service: &Service) -> (usize, Vec<String>) {
    let records = records(service).await;
    let text = |item: &HashMap<String, AttributeValue>, name: &str| Some(item.get(name)?.as_s().ok()?.clone());
    let (mut accounts, mut wrong) = (0, Vec::new());
    for (key, item) in &records {
        let beside: Vec<String> = if key.starts_with("USER#") {
            accounts += 1;
            let names = ["email_key", "username"].into_iter().filter_map(|name| text(item, name));
            names.map(|name| format!("LOGIN#{name}")).collect()
        } else if key.starts_with("LOGIN#") {
            text(item, "id").map(|id| format!("USER#{id}")).into_iter().collect()
        } else {
            continue;
        };
        let is_whole = !beside.is_empty()
            && beside
                .iter()
                .all(|other| records.get(other).is_some_and(|other| other.get("version") == item.get("version")));
        if !is_whole {
            wrong.push(key.clone());
        }
    }
    (accounts, wrong)
}

/// How many of these keys are of records that nothing but a person ends.
pub fn permanent(keys: &[String]) -> usize {
    keys.iter().filter(|key| !key.starts_with("LIMIT#")).count()
}
