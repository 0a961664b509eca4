//! Rules that hold for every answer and for the records of the table, whatever the attack.

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
use shared::testing::{Answer, Service, is_error_body};
use tokio::task::JoinSet;

/// The most examples of violations in one row of the report.
const EXAMPLES_MAX: usize = 4;
/// Words that no answer of 500 and above may contain: they come from DynamoDB, serde or Rust.
const INTERNALS: [&str; 8] =
    ["dynamodb", "exception", "sdk", "malformed record", "panicked", "missing field", "connection", "src/"];

/// A count of checks, the number that failed, and a few examples.
#[derive(Debug, Default)]
pub struct Checks {
    /// The number of checks.
    pub checked: usize,
    failed: usize,
    examples: Vec<String>,
}

impl Checks {
    /// Counts a check. `problem` describes a failure; `None` is a pass.
    pub fn record(&mut self, problem: Option<String>) {
        self.checked += 1;
        if let Some(problem) = problem {
            self.fail(problem);
        }
    }

    /// Counts a failure without a check of its own.
    pub fn fail(&mut self, problem: String) {
        self.failed += 1;
        if self.examples.len() < EXAMPLES_MAX && !self.examples.contains(&problem) {
            self.examples.push(problem);
        }
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: Self) {
        self.checked += other.checked;
        self.failed += other.failed;
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES_MAX);
    }

    /// Runs cases concurrently, and adds their counts.
    pub async fn run_all<F: Future<Output = Self> + Send + 'static>(cases: impl IntoIterator<Item = F>) -> Self {
        let mut checks = Self::default();
        cases.into_iter().collect::<JoinSet<_>>().join_all().await.into_iter().for_each(|one| checks.add(one));
        checks
    }

    /// Whether at least one check ran and none failed.
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

/// Describes the first breach of the HTTP contract in an answer, for any endpoint and status.
pub fn violation(answer: &Answer) -> Option<String> {
    violation_of(answer.status.as_u16(), &answer.headers, &answer.body)
}

/// Does the same for the parts of an answer.
pub fn violation_of(status: u16, headers: &HeaderMap, body: &Value) -> Option<String> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let is_error = status >= 400;
    let types = ["application/json; charset=utf-8", "application/problem+json"];
    let is_page = header("content-type") == "text/html; charset=utf-8" && !header("content-security-policy").is_empty();
    let checks = [
        (types.contains(&header("content-type")) || (is_page && !is_error), "wrong content type"),
        (!header("x-request-id").is_empty(), "no request id"),
        (
            // A kept document of the console is asked for again each time, by its tag.
            header("cache-control") == "no-store"
                || (!is_error && header("cache-control").contains("max-age"))
                || (!is_error && header("cache-control") == "no-cache" && !header("etag").is_empty()),
            "wrong caching",
        ),
        (body.is_object() || (is_page && !is_error), "body is no object"),
        ((200..=299).contains(&status) || is_error, "neither a success nor an error"),
        (is_error || body.get("code").is_none(), "error body with a success status"),
        (!is_error || is_error_body(status, header("x-request-id"), body), "incomplete error body"),
        (
            ![429, 503].contains(&status) || header("retry-after").parse().is_ok_and(|wait: u32| wait > 0),
            "no Retry-After",
        ),
        (
            status < 500 || !INTERNALS.iter().any(|cause| text("detail").to_lowercase().contains(cause)),
            "detail reveals the cause",
        ),
    ];
    let wrong = checks.into_iter().find(|(holds, _)| !holds).map(|(_, wrong)| wrong)?;
    Some(format!("{status}: {wrong}: {body}").chars().take(300).collect())
}

static PANICS: AtomicUsize = AtomicUsize::new(0);
static PRINTED: AtomicBool = AtomicBool::new(true);

/// The number of panics in this process since the first call. Each panic is printed as usual.
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

/// Turns the printing of panics on or off, for expected panics.
pub fn print_panics(printed: bool) {
    panics();
    PRINTED.store(printed, Ordering::Relaxed);
}

/// Reads every record of the table, by key.
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

/// Looks for accounts with missing records, or with records of different revisions. Looks for
/// profiles without an account too.
///
/// Returns the number of accounts, and the keys of the records that do not fit.
pub async fn incomplete_accounts(service: &Service) -> (usize, Vec<String>) {
    let records = records(service).await;
    let text = |item: &HashMap<String, AttributeValue>, name: &str| Some(item.get(name)?.as_s().ok()?.clone());
    let (mut accounts, mut wrong) = (0, Vec::new());
    for (key, item) in &records {
        let partners: Vec<String> = if key.starts_with("USER#") {
            accounts += 1;
            let names = ["email_key", "username"].into_iter().filter_map(|name| text(item, name));
            let logins = names.map(|name| format!("LOGIN#{name}"));
            let has_profile = item.contains_key("has_profile");
            let profile = key.strip_prefix("USER#").filter(|_| has_profile).map(|id| format!("PROFILE#{id}"));
            logins.chain(profile).collect()
        } else if let Some(id) = key.strip_prefix("PROFILE#") {
            vec![format!("USER#{id}")]
        } else if key.starts_with("LOGIN#") {
            text(item, "id").map(|id| format!("USER#{id}")).into_iter().collect()
        } else {
            continue;
        };
        let has_partner = |other: &String| {
            let describes = [key, other].iter().any(|key| key.starts_with("PROFILE#"));
            records.get(other).is_some_and(|other| describes || other.get("revision") == item.get("revision"))
        };
        let is_complete = !partners.is_empty() && partners.iter().all(has_partner);
        if !is_complete {
            wrong.push(key.clone());
        }
    }
    (accounts, wrong)
}

/// The number of keys whose records do not expire.
pub fn permanent(keys: &[String]) -> usize {
    keys.iter().filter(|key| !key.starts_with("LIMIT#")).count()
}
