//! Sends logins at a rising rate, then at three times the highest rate that the server sustains.
//!
//! Overload must be answered by 429 or 503 with Retry-After, within bounds for latency and memory,
//! and the server must recover. The rows count the answers, and measure latency, memory and
//! recovery.
//!
//! The program has the dev profile, in which little but the hash is optimised, and shares its cores
//! with the clients. So the rates are a floor, and their share of the bare hash rate says more.
//!
//! The short form runs with every `cargo test`, beside whatever else the machine does. It judges
//! the answers, the memory and the log, and shows the times. The long form judges the times too.

mod arrivals;
mod baseline;

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{self, Instant};

use crate::{
    Scale,
    client::Client,
    load::arrivals::{Outcome, at_rate},
    process::{Process, log_lines},
    report::Report,
    seeded_rng::seeded_rng,
    statistics::{median_ms, percentile_ms},
    wait_for,
};

/// Rate limits are off, because the capacity is measured.
const VARIABLES: [(&str, &str); 2] = [("RATE_LIMITS", "off"), ("TOKEN_PROFILE", "access")];
/// The number of accounts, which log in by turns.
const ACCOUNTS: usize = 8;
/// The server sustains a rate while the 99th percentile is below this.
const P99_MAX_MS: f64 = 1_000.0;
/// The overload as a multiple of the highest sustained rate.
const OVERLOAD: f64 = 3.0;
/// The queue holds as many hashes as a core computes in a second or two; a busy machine needs
/// longer.
const ACCEPTED_P99_MAX_MS: f64 = 5_000.0;
/// The most memory during the overload: work areas of the hashes, waiting requests, the program.
const MEMORY_MAX_KIB: u64 = 256 * 1024;
/// The longest wait for the recovery.
const PATIENCE: Duration = Duration::from_secs(30);
/// Within this time after the overload a login takes at most this many times the idle latency.
const RECOVERY_MAX: Duration = Duration::from_secs(3);
const RECOVERED: f64 = 2.0;
/// The number of logins that measure the latency of an idle server.
const IDLE_LOGINS: usize = 20;

/// Measures the rate of bare hashes, the rate of logins, and the overload.
pub fn run(scale: Scale, report: &mut Report) {
    let mut rng = seeded_rng("load");
    let bare = baseline::hashes_per_second(scale.of(Duration::from_secs(1), Duration::from_secs(10)));
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let process = Process::start(&data, &VARIABLES);
    wait_for(async {
        let bodies = accounts(&process.client()).await;
        let idle_ms = idle_latency_ms(&process.client(), &bodies).await;
        let (sustained, p99) = highest_rate(scale, bare, &process.client(), &bodies, &mut rng).await;
        let least = scale.of(0.3, 0.6);
        report.row(
            "logins at a rising rate, open loop",
            format!("the highest rate with p99 under 1 s is at least {least} of the bare hash rate"),
            format!(
                "{sustained:.1} per second, p99 {p99:.0} ms; bare hashes {bare:.1} per second, share {:.2}",
                sustained / bare
            ),
            scale == Scale::Short || sustained >= bare * least,
        );
        let length = scale.of(Duration::from_secs(3), Duration::from_secs(60));
        let rate = sustained.max(bare * least) * OVERLOAD;
        Overload::run(length, rate, idle_ms * RECOVERED, &process, &bodies, &mut rng).await.report(scale, report);
    });
    let (lines, broken) = log_lines(&data);
    report.row(
        "log lines of all logins",
        "each line is one JSON object",
        format!("{lines} lines, {}", broken.as_deref().unwrap_or("all valid")),
        broken.is_none(),
    );
}

/// Creates the accounts, and returns the bodies of their logins.
async fn accounts(client: &Client) -> Vec<Value> {
    let mut bodies = Vec::new();
    for number in 0..ACCOUNTS {
        let body = json!({"email": format!("load{number}@example.com"), "password": "correct horse battery"});
        assert_eq!(client.post("/create-account", &body).await.expect("an answer").status, 201);
        bodies.push(body);
    }
    bodies
}

/// The median latency of sequential logins, in milliseconds.
async fn idle_latency_ms(client: &Client, bodies: &[Value]) -> f64 {
    let mut times = Vec::new();
    for body in bodies.iter().cycle().take(IDLE_LOGINS) {
        let started = Instant::now();
        assert_eq!(client.post("/login", body).await.expect("an answer").status, 200);
        times.push(started.elapsed());
    }
    median_ms(&times)
}

/// The highest sustained rate, in steps of the bare hash rate, and its 99th percentile.
async fn highest_rate(scale: Scale, bare: f64, client: &Client, bodies: &[Value], rng: &mut Rng) -> (f64, f64) {
    let step = scale.of(Duration::from_secs(2), Duration::from_secs(20));
    let parts: &[f64] = scale.of(&[0.3, 0.6], &[0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0]);
    let mut best = (0.0, 0.0);
    for part in parts {
        let rate = bare * part;
        let outcome = at_rate(client, bodies, rate, step, rng).await;
        let p99 = percentile_ms(&outcome.accepted, 0.99);
        println!("campaign: {rate:.1} logins per second: {outcome}");
        if outcome.accepted.len() < outcome.sent || p99 >= P99_MAX_MS {
            break;
        }
        best = (rate, p99);
    }
    best
}

/// The results of the overload.
struct Overload {
    length: Duration,
    outcome: Outcome,
    memory_before_kib: u64,
    memory_kib: u64,
    /// The latency that counts as recovered, in milliseconds.
    recovered_ms: f64,
    recovery: Option<Duration>,
}

impl Overload {
    async fn run(
        length: Duration,
        rate: f64,
        recovered_ms: f64,
        process: &Process,
        bodies: &[Value],
        rng: &mut Rng,
    ) -> Self {
        let (client, memory_before_kib) = (process.client(), process.memory_max_kib());
        let during = at_rate(&client, bodies, rate, length, rng);
        // The recovery is measured from the end of the overload, not from its last answer.
        let afterwards = async {
            time::sleep(length).await;
            recovery(&process.client(), bodies, recovered_ms).await
        };
        let (outcome, recovery) = tokio::join!(during, afterwards);
        Self { length, outcome, memory_before_kib, memory_kib: process.memory_max_kib(), recovered_ms, recovery }
    }

    fn report(&self, scale: Scale, report: &mut Report) {
        let Outcome { sent, accepted, shed, others } = &self.outcome;
        let name = format!("{OVERLOAD} times the highest rate for {} s", self.length.as_secs());
        report.row(
            format!("{name}: answers"),
            "200, or 429 or 503 with Retry-After; nothing else, no connection lost",
            format!("{sent} sent, {} accepted, {} shed, others: {others:?}", accepted.len(), shed.len()),
            others.is_empty() && accepted.len() + shed.len() == *sent,
        );
        let [p50, p99, shed_p50, shed_p99] = [(accepted, 0.5), (accepted, 0.99), (shed, 0.5), (shed, 0.99)]
            .map(|(times, share)| percentile_ms(times, share));
        report.row(
            format!("{name}: latency of accepted logins"),
            format!("p99 under {ACCEPTED_P99_MAX_MS} ms"),
            format!("p50 {p50:.0} ms, p99 {p99:.0} ms; refusals p50 {shed_p50:.0} ms, p99 {shed_p99:.0} ms"),
            !accepted.is_empty() && (scale == Scale::Short || p99 < ACCEPTED_P99_MAX_MS),
        );
        report.row(
            format!("{name}: memory"),
            format!("at most {} MiB", MEMORY_MAX_KIB / 1024),
            format!("{} MiB, {} MiB before", self.memory_kib / 1024, self.memory_before_kib / 1024),
            self.memory_kib <= MEMORY_MAX_KIB,
        );
        report.row(
            format!("{name}: recovery"),
            format!("within {} s a login takes at most {:.0} ms", RECOVERY_MAX.as_secs(), self.recovered_ms),
            self.recovery.map_or("never".to_owned(), |after| format!("after {:.1} s", after.as_secs_f64())),
            scale == Scale::Short || self.recovery.is_some_and(|after| after <= RECOVERY_MAX),
        );
    }
}

/// The time until three logins in a row take at most `recovered_ms`.
async fn recovery(client: &Client, bodies: &[Value], recovered_ms: f64) -> Option<Duration> {
    let began = Instant::now();
    let mut fast = Vec::new();
    for body in bodies.iter().cycle() {
        let started = Instant::now();
        let answer = client.post("/login", body).await;
        if answer.is_ok_and(|answer| answer.status == 200) && median_ms(&[started.elapsed()]) <= recovered_ms {
            fast.push(started - began);
        } else {
            fast.clear();
            time::sleep(Duration::from_millis(50)).await;
        }
        if fast.len() == 3 || began.elapsed() > PATIENCE {
            break;
        }
    }
    fast.first().filter(|_| fast.len() == 3).copied()
}
