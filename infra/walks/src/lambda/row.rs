//! One kind of request, and the rules for the answers to it.

use std::{collections::BTreeMap, thread};

use axum::http::HeaderName;
use futures_util::future::LocalBoxFuture;
use regex_lite::Regex;
use serde_json::Value;

use super::setup::Setup;
use crate::{
    deployment::Way,
    http::{Answer, Request},
    session::shape,
};

/// The origin of the page that sends each request. Without an origin the CORS headers might be
/// missing, and nothing would be compared.
const ORIGIN: &str = "https://app.example";
/// The headers in which answers must agree, besides those of CORS.
const COMPARED: [&str; 5] = ["content-type", "cache-control", "x-request-id", "www-authenticate", "retry-after"];
/// The headers of [`COMPARED`] whose values may differ.
const VARYING: [&str; 2] = ["x-request-id", "retry-after"];

type Make = Box<dyn for<'a> Fn(&'a Setup) -> LocalBoxFuture<'a, Request> + Send + Sync>;
/// A check of one answer. The check fails by a panic.
pub type Check = fn(&Setup, &Answer);

/// A function, whose rows it makes.
#[derive(Clone, Copy)]
pub struct Function(pub &'static str);

impl Function {
    /// Adds a request with the status of its answer. Each way gets a new request, because most
    /// requests can be sent only once.
    pub fn row<F>(self, name: &'static str, status: u16, make: F) -> Row
    where
        F: AsyncFn(&Setup) -> Request + Copy + Send + Sync + 'static,
    {
        let make: Make = Box::new(move |setup| Box::pin(async move { make(setup).await }));
        Row { function: self.0, name, status, code: None, compares_values: false, check: None, make }
    }
}

/// A row of the table: a function, a request, and the answer that is expected.
pub struct Row {
    function: &'static str,
    name: &'static str,
    status: u16,
    code: Option<&'static str>,
    compares_values: bool,
    check: Option<Check>,
    make: Make,
}

impl Row {
    /// Expects this error code.
    pub fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Expects the same values in every answer, and not only the same keys and types.
    pub fn same(self) -> Self {
        Self { compares_values: true, ..self }
    }

    /// Adds a check of each answer.
    pub fn checked(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }

    /// The name of its trial.
    pub fn title(&self) -> String {
        format!("{}: {}", self.function, self.name)
    }

    /// Sends the request in every way, and compares the answers.
    pub async fn compare(&self, setup: &Setup) {
        let request = (self.make)(setup).await;
        let ways = ways_to_send(&request);
        let reference = self.face_of(setup, Way::Serve, request).await;
        for way in ways {
            let _saying = SayIfItFails(way);
            let face = self.face_of(setup, *way, (self.make)(setup).await).await;
            assert_eq!(face, reference);
        }
    }

    async fn face_of(&self, setup: &Setup, way: Way, request: Request) -> Face {
        let has_origin = request.headers.iter().any(|(name, _)| name == "origin");
        let request = if has_origin { request } else { request.header("origin", ORIGIN) };
        let answer = setup.deployment.ask(way, self.function, request).await.expect("an answer");
        self.face(setup, &answer)
    }

    /// Checks one answer. Returns the part that must be equal in all answers.
    fn face(&self, setup: &Setup, answer: &Answer) -> Face {
        let body = &answer.body;
        assert_eq!(answer.status, self.status, "{body:#}");
        let id = answer.header("x-request-id").expect("an x-request-id");
        assert!(!id.is_empty(), "an empty x-request-id");
        if !answer.is_empty {
            let kind = answer.header("content-type").unwrap_or_default();
            let is_json = kind.starts_with("application/json; charset=utf-8");
            assert!(is_json || kind.starts_with("application/problem+json"), "content-type is {kind}");
        }
        let failed = answer.status >= 400;
        if failed {
            assert_eq!(body["request_id"], id);
        }
        if let Some(code) = self.code {
            assert_eq!(body["code"], code, "{body:#}");
        }
        if let Some(check) = self.check {
            check(setup, answer);
        }
        let body = match (failed, self.compares_values) {
            (true, _) => timeless_error(body),
            (false, true) => body.clone(),
            (false, false) => shape(body),
        };
        Face { status: answer.status, headers: compared_headers(answer), body }
    }
}

#[derive(Debug, PartialEq)]
struct Face {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

fn ways_to_send(request: &Request) -> &'static [Way] {
    match &request.body {
        None => &[Way::Event, Way::Url],
        Some(body) if str::from_utf8(body).is_ok() => &[Way::Event, Way::Base64, Way::Url],
        // An event can hold only text. cargo-lambda refuses other bytes before the function gets
        // them.
        Some(_) => &[Way::Base64],
    }
}

fn compared_headers(answer: &Answer) -> BTreeMap<String, String> {
    let is_compared = |name: &&str| COMPARED.contains(name) || name.starts_with("access-control-");
    let names = answer.headers.keys().map(HeaderName::as_str).filter(is_compared);
    let pair = |name| {
        let value = answer.header(name).unwrap_or_default();
        (name.to_owned(), if VARYING.contains(&name) { "some" } else { value }.to_owned())
    };
    names.map(pair).collect()
}

/// The report tells seconds, and two requests may come in different seconds.
fn timeless_error(body: &Value) -> Value {
    let mut body = body.clone();
    body["request_id"] = "some".into();
    if let Some(report) = body["report"].as_str() {
        let digits = Regex::new(r"\d+").expect("an expression");
        body["report"] = digits.replace_all(report, "0").into();
    }
    body
}

/// Adds the way to the message of a failed check.
struct SayIfItFails<'a>(&'a Way);

impl Drop for SayIfItFails<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the request was sent by {:?}", self.0);
        }
    }
}
