//! Guesses passwords: many for one account, one for many accounts, from one and from many
//! addresses. Guesses who has an account, and keeps owners out.
//!
//! Only as many guesses as the limits allow may get a verdict (401); all others must be a 429. The
//! rows count the answers by status, and the owners who get in meanwhile.

mod many_addresses;
mod owners;
pub mod processes;
mod sign_ups;

use std::{net::IpAddr, sync::Arc};

use axum::http::Method;
use serde_json::json;
use shared::{
    account::rate_limit::{FAILED_LOGINS, FREE_FAILURES},
    testing::{Answer, PASSWORD, Service},
};
use tokio::task::JoinSet;

use crate::{Scale, report::Report, wait_for};

const ACCOUNT: &str = "owner@example.com";
/// The number of concurrent requests.
const CONCURRENCY: usize = 16;

/// Runs the attacks within this process, one after the other.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        many_passwords(scale.of(500, 10_000), report).await;
        many_accounts(scale.of(310, 10_000), report).await;
        many_addresses::run(scale, report).await;
        owners::run(scale, report).await;
        sign_ups::run(scale, report).await;
    });
}

/// The most guesses of one address at one account that may get a verdict within so many seconds.
///
/// Five are free. One more comes after a delay of a second, one more after two more seconds, and so
/// on. Nobody may have more than ten.
fn verdicts_max(seconds: i64) -> usize {
    10.min(5 + (1..).take_while(|further| (1_i64 << further) - 1 <= seconds).count())
}

/// The most guesses of any number of addresses at one account that may get a verdict in an hour.
const VERDICTS_MAX: usize = 110;

/// Adds the row for many addresses that guess at one account. A slow machine may not get as far as
/// the ceiling, but gets further than one address would.
fn report_guesses(report: &mut Report, attack: String, counts: &Counts) {
    let least = FREE_FAILURES as usize;
    report.row(
        attack,
        format!("{least} to {VERDICTS_MAX} × 401; all others 429"),
        counts.to_string(),
        (least..=VERDICTS_MAX).contains(&counts.unauthorized) && counts.ok == 0 && counts.others.is_empty(),
    );
}

async fn many_passwords(guesses: usize, report: &mut Report) {
    let service = Arc::new(Service::new(latchkey::router()).await);
    service.account(ACCOUNT).await;
    let began = service.now();
    let address = "192.0.2.1".parse().expect("an address");
    let counts = send_concurrently(guesses, |number| {
        let service = Arc::clone(&service);
        async move { log_in(&service, address, ACCOUNT, &format!("wrong horse {number}")).await }
    })
    .await;
    let seconds = service.now().seconds() + 1 - began.seconds();
    let max = verdicts_max(seconds);
    report.row(
        format!("one address guesses {guesses} passwords of one account in {seconds} s"),
        format!("5 to {max} × 401, all others 429 with Retry-After"),
        counts.to_string(),
        (5..=max).contains(&counts.unauthorized) && counts.are_all_refused(guesses),
    );
}

async fn many_accounts(accounts: usize, report: &mut Report) {
    let service = Arc::new(Service::new(latchkey::router()).await);
    let window = |service: &Service| FAILED_LOGINS.window_at(service.now()).0;
    let began = window(&service);
    let address: IpAddr = "192.0.2.1".parse().expect("an address");
    let counts = send_concurrently(accounts, |number| {
        let service = Arc::clone(&service);
        async move {
            let call = service.request(Method::POST, "/login").from(address);
            // The server must ignore a forged address and an unknown API key.
            let forged = format!("203.0.113.{}, 2001:db8::{number:x}", number % 256);
            let call = call.header("x-forwarded-for", forged).header("x-api-key", format!("key {number}"));
            call.json(json!({"email": format!("a{number}@example.com"), "password": "Summer2026!x"})).await
        }
    })
    .await;
    let windows = usize::try_from(window(&service) - began + 1).unwrap_or_default();
    let max = FAILED_LOGINS.max as usize * windows;
    report.row(
        format!("one address tries one password on {accounts} accounts, with forged addresses and API keys"),
        format!("{max} × 401, all others 429 with Retry-After"),
        counts.to_string(),
        counts.unauthorized <= max && (windows > 1 || counts.unauthorized == max) && counts.are_all_refused(accounts),
    );
}

/// The answers by status.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    ok: usize,
    unauthorized: usize,
    limited: usize,
    /// 503 with Retry-After, on a machine that is too busy.
    busy: usize,
    /// All other statuses, and 429 or 503 without Retry-After.
    others: Vec<u16>,
}

impl Counts {
    /// Adds an answer. A 429 and a 503 need a Retry-After.
    pub fn add(&mut self, status: u16, retry_after: &str) {
        let says_when = retry_after.parse::<u32>().is_ok_and(|seconds| seconds > 0);
        match status {
            200 => self.ok += 1,
            401 => self.unauthorized += 1,
            429 if says_when => self.limited += 1,
            503 if says_when => self.busy += 1,
            other => self.others.push(other),
        }
    }

    /// Whether all guesses were answered by 401 or 429, or not at all by a busy machine.
    fn are_all_refused(&self, sent: usize) -> bool {
        self.ok == 0 && self.others.is_empty() && self.unauthorized + self.limited + self.busy == sent
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { ok, unauthorized, limited, busy, others } = self;
        write!(formatter, "{ok} × 200, {unauthorized} × 401, {limited} × 429, {busy} × 503, others {others:?}")
    }
}

async fn log_in(service: &Service, from: IpAddr, email: &str, password: &str) -> Answer {
    let call = service.request(Method::POST, "/login").from(from);
    call.json(json!({"email": email, "password": password})).await
}

/// Sends so many requests, with limited concurrency.
async fn send_concurrently<F>(requests: usize, send: impl Fn(usize) -> F) -> Counts
where
    F: Future<Output = Answer> + Send + 'static,
{
    let (mut counts, mut in_flight) = (Counts::default(), JoinSet::new());
    for number in 0..requests {
        if in_flight.len() == CONCURRENCY {
            count(&mut counts, in_flight.join_next().await);
        }
        in_flight.spawn(send(number));
    }
    while let Some(answer) = in_flight.join_next().await {
        count(&mut counts, Some(answer));
    }
    counts
}

fn count(counts: &mut Counts, answer: Option<Result<Answer, tokio::task::JoinError>>) {
    let answer = answer.expect("a request is in flight").expect("no panic");
    counts.add(answer.status.as_u16(), answer.header("retry-after"));
}
