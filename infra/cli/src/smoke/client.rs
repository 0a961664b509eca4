//! One request to the API and its answer.

use std::{mem, time::Duration};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header},
};
use serde_json::{Map, Value};
use shared::fetch::{Fetched, Fetcher};
use tokio::time::Instant;

use super::{contract, report::Problem};

/// The longest wait for an answer: longer than any function may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// A request.
pub struct Call {
    pub method: Method,
    /// A path under the base URL, or a whole URL.
    pub path: String,
    body: Option<Value>,
    headers: Vec<(HeaderName, String)>,
}

impl Call {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, headers: Vec::new() }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: &str, body: Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    /// Adds a JSON body.
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self.header(header::CONTENT_TYPE, "application/json")
    }

    /// Adds `Authorization: Bearer`.
    pub fn bearer(self, token: &str) -> Self {
        self.header(header::AUTHORIZATION, format!("Bearer {token}"))
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn request(self, url: &str) -> Result<Request<Bytes>, String> {
        let mut request = Request::builder().method(self.method).uri(url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let body = self.body.map(|body| body.to_string().into()).unwrap_or_default();
        request.body(body).map_err(|error| error.to_string())
    }
}

/// An answer that keeps the contract.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The JSON object; empty for a preflight.
    pub body: Map<String, Value>,
    /// `POST /login`.
    call: String,
    request_id: String,
}

impl Answer {
    /// The body of an answer with this status.
    ///
    /// # Errors
    ///
    /// The answer has another status.
    pub fn expect(self, status: u16) -> Result<Map<String, Value>, Problem> {
        if self.status == status { Ok(self.body) } else { Err(self.is_not(&status.to_string())) }
    }

    /// Checks that this is an error with this status and code.
    ///
    /// # Errors
    ///
    /// The answer has another status or code.
    pub fn expect_error(self, status: u16, code: &str) -> Result<(), Problem> {
        let is_expected = self.status == status && self.code() == code;
        if is_expected { Ok(()) } else { Err(self.is_not(&format!("{status} {code}"))) }
    }

    /// The code of an error; empty for any other answer.
    pub fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    fn is_not(&self, expected: &str) -> Problem {
        let found = [self.status.to_string().as_str(), self.code()].join(" ");
        Problem::advised(
            format!("{} answered {}, not {expected}", self.call, found.trim_end()),
            in_the_log(&self.request_id),
        )
    }
}

fn in_the_log(request_id: &str) -> String {
    format!("Look for the request id {request_id} in the log (make logs).")
}

/// Sends requests to one API, each on a connection of its own.
pub struct Client {
    /// The base URL, without a slash at its end.
    pub base: String,
    origin: HeaderValue,
    fetcher: Fetcher,
    /// The beginning of every request id.
    run: String,
    requests_sent: usize,
    took: Duration,
}

impl Client {
    /// A client of the API under `base`, which calls as a page of `origin` would.
    ///
    /// # Errors
    ///
    /// A sentence: there are no root certificates, or no random numbers.
    pub fn new(base: &Uri, origin: HeaderValue) -> Result<Self, String> {
        let base = base.to_string().trim_end_matches('/').to_owned();
        let fetcher = Fetcher::new().map_err(|why| format!("{why}: install the system's CA certificates."))?;
        let run = format!("smoke-{}", random_digits()?);
        Ok(Self { base, origin, fetcher, run, requests_sent: 0, took: Duration::ZERO })
    }

    /// Sends a call, and checks its answer against the contract.
    ///
    /// # Errors
    ///
    /// No answer came, or one that breaks the contract.
    pub async fn ask(&mut self, call: Call) -> Result<Answer, Problem> {
        let (name, is_preflight) = (format!("{} {}", call.method, call.path), call.method == Method::OPTIONS);
        let is_document = call.path.contains("/.well-known/");
        let (fetched, request_id) = self.exchange(call).await?;
        let Fetched { status, headers, body } = fetched;
        let expected = contract::Expected { request_id: &request_id, is_preflight, is_document };
        match contract::check(&expected, status, &headers, &body) {
            Ok(body) => Ok(Answer { status: status.as_u16(), headers, body, call: name, request_id }),
            Err(contract::Breach { found, next }) => Err(Problem::advised(
                format!("{name} answered {}, but {found}", status.as_u16()),
                format!("{next}\n{}", in_the_log(&request_id)),
            )),
        }
    }

    /// Sends a call, and checks nothing: returns the status and the body, which is empty unless it
    /// is a JSON object.
    ///
    /// # Errors
    ///
    /// No answer came.
    pub async fn ask_unchecked(&mut self, call: Call) -> Result<(u16, Map<String, Value>), Problem> {
        let (fetched, _) = self.exchange(call).await?;
        Ok((fetched.status.as_u16(), serde_json::from_slice(&fetched.body).unwrap_or_default()))
    }

    /// Sends a call under a new request id. Returns the answer and the id.
    async fn exchange(&mut self, call: Call) -> Result<(Fetched, String), Problem> {
        self.requests_sent += 1;
        let request_id = format!("{}-{}", self.run, self.requests_sent);
        let url = if call.path.contains("://") { call.path.clone() } else { format!("{}{}", self.base, call.path) };
        let no_answer = |why: String| {
            let next = "Check the URL, and whether this machine reaches the server.";
            Problem::advised(format!("no answer from {url}: {why}"), next)
        };
        let mut request = call.request(&url).map_err(no_answer)?;
        let headers = request.headers_mut();
        headers.entry(header::ORIGIN).or_insert_with(|| self.origin.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static("latchkey-smoke"));
        headers.insert(
            contract::REQUEST_ID,
            HeaderValue::try_from(&request_id).map_err(|error| no_answer(error.to_string()))?,
        );
        let began = Instant::now();
        let fetched = self.fetcher.send_within(request, ANSWER_TIME_MAX).await;
        self.took += began.elapsed();
        Ok((fetched.map_err(|why| no_answer(format!("the server {why}")))?, request_id))
    }

    /// The time that all answers took since the stopwatch was reset.
    pub fn elapsed(&self) -> Duration {
        self.took
    }

    /// Sets the stopwatch to zero.
    pub fn reset_stopwatch(&mut self) {
        mem::take(&mut self.took);
    }
}

/// 128 random bits as hexadecimal digits.
///
/// # Errors
///
/// A sentence: the random source failed.
pub fn random_digits() -> Result<String, String> {
    let mut bytes = [0; 16];
    #[expect(clippy::disallowed_methods, reason = "the run has no App")]
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "The random source of this machine fails.")?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
