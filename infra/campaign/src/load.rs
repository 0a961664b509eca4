//! Logins at the rate that a server can bear, at three times that rate, and after it.
//!
//! The program is the one of the dev profile, in which the hash is optimised and little else, and what sends the logins shares its
//! cores: the figures are a floor, and the share of the bare rate tells more than the rate.

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

/// The limits are not what is measured here.
const VARIABLES: [(&str, &str); 2] = [("RATE_LIMITS", "off"), ("TOKEN_PROFILE", "access")];
/// Accounts that log in by turns.
const ACCOUNTS: usize = 8;
/// A rate holds while all but one in a hundred answers come within this.
const P99_MAX_MS: f64 = 1_000.0;
/// How many times too much is asked for.
const BURST: f64 = 3.0;
/// No more hashes wait than a core computes in a second or two, on a machine that has other things to do in some more.
const ACCEPTED_P99_MAX_MS: f64 = 5_000.0;
/// The most memory that the burst may take: the work areas of the hashes, what waits, and the program itself.
const MEMORY_MAX_KIB: u64 = 256 * 1024;
/// After a burst the speed of logins is looked at for so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Logins by which the speed of a server that has nothing else to do is told.
const ALONE: usize = 20;

/// The rate of bare hashes, the rate of logins, and three times that.
pub fn load(scale: Scale, report: &mut Report) {
    let mut rng = seeded_rng("load");
    let bare = baseline::hashes_per_second(scale.of(Duration::from_secs(1), Duration::from_secs(10)));
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let process = Process::start(&data, &VARIABLES);
    wait_for(async {
        let bodies = accounts(&process.client()).await;
        let alone = alone(&process.client(), &bodies).await;
        let (steady, p99) = steady(scale, bare, &process.client(), &bodies, &mut rng).await;
        let least = scale.of(0.3, 0.6);
        report.row(
            "logins at a rising rate, open loop",
            format!("the highest rate with p99 under 1 s is at least {least} of that of bare hashes"),
            format!("{steady:.1} a second, p99 {p99:.0} ms; bare {bare:.1} a second, {:.2} of it", steady / bare),
            steady >= bare * least,
        );
        let length = scale.of(Duration::from_secs(3), Duration::from_secs(60));
        // Of a few logins on a machine that has other things to do no more can be said.
        let (within, medians) = scale.of((Duration::from_secs(5), 4.0), (Duration::from_secs(3), 2.0));
        let rate = steady.max(bare * least) * BURST;
        Burst::run(length, rate, alone * medians, &process, &bodies, &mut rng).await.report(within, report);
    });
    let (lines, broken) = log_lines(&data);
    report.row(
        "the log of all these logins",
        "each line one JSON object",
        format!("{lines} lines, {}", broken.as_deref().unwrap_or("all are")),
        broken.is_none(),
    );
}

/// Bodies of logins that are right.
async fn accounts(client: &Client) -> Vec<Value> {
    let mut bodies = Vec::new();
    for number in 0..ACCOUNTS {
        let body = json!({"email": format!("load{number}@example.com"), "password": "correct horse battery"});
        assert_eq!(client.post("/create-account", &body).await.expect("an answer").status, 201);
        bodies.push(body);
    }
    bodies
}

/// The median of logins one by one, in milliseconds.
async fn alone(client: &Client, bodies: &[Value]) -> f64 {
    let mut times = Vec::new();
    for body in bodies.iter().cycle().take(ALONE) {
        let started = Instant::now();
        assert_eq!(client.post("/login", body).await.expect("an answer").status, 200);
        times.push(started.elapsed());
    }
    median_ms(&times)
}

/// The highest rate that holds, by steps of a tenth of the bare rate, and its 99th percentile.
async fn steady(scale: Scale, bare: f64, client: &Client, bodies: &[Value], rng: &mut Rng) -> (f64, f64) {
    let step = scale.of(Duration::from_secs(2), Duration::from_secs(20));
    let parts: &[f64] = scale.of(&[0.3, 0.6], &[0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0]);
    let mut best = (0.0, 0.0);
    for part in parts {
        let rate = bare * part;
        let outcome = at_rate(client, bodies, rate, step, rng).await;
        let p99 = percentile_ms(&outcome.accepted, 0.99);
        println!("campaign: {rate:.1} logins a second: {outcome}");
        if outcome.accepted.len() < outcome.sent || p99 >= P99_MAX_MS {
            break;
        }
        best = (rate, p99);
    }
    best
}

/// What three times too many logins do.
struct Burst {
    length: Duration,
    outcome: Outcome,
    memory_before_kib: u64,
    memory_kib: u64,
    /// How long after the last of them a login is as fast as this, in milliseconds.
    as_fast_ms: f64,
    recovery: Option<Duration>,
}

impl Burst {
    async fn run(
        length: Duration,
        rate: f64,
        as_fast_ms: f64,
        process: &Process,
        bodies: &[Value],
        rng: &mut Rng,
    ) -> Self {
        let (client, memory_before_kib) = (process.client(), process.memory_max_kib());
        let during = at_rate(&client, bodies, rate, length, rng);
        // How long it takes is told from the end of the burst, not from its last answer.
        let afterwards = async {
            time::sleep(length).await;
            recovery(&process.client(), bodies, as_fast_ms).await
        };
        let (outcome, recovery) = tokio::join!(during, afterwards);
        Self { length, outcome, memory_before_kib, memory_kib: process.memory_max_kib(), as_fast_ms, recovery }
    }

    fn report(&self, within: Duration, report: &mut Report) {
        let Outcome { sent, accepted, shed, others } = &self.outcome;
        let name = format!("{BURST} times the highest rate for {} s", self.length.as_secs());
        report.row(
            format!("{name}: the answers"),
            "200, or 429 or 503 with Retry-After; nothing else, no connection lost",
            format!("{sent} sent, {} accepted, {} shed, others: {others:?}", accepted.len(), shed.len()),
            others.is_empty() && accepted.len() + shed.len() == *sent,
        );
        let [p50, p99, shed_p50, shed_p99] = [(accepted, 0.5), (accepted, 0.99), (shed, 0.5), (shed, 0.99)]
            .map(|(times, share)| percentile_ms(times, share));
        report.row(
            format!("{name}: the accepted ones"),
            format!("p99 under {ACCEPTED_P99_MAX_MS} ms"),
            format!("p50 {p50:.0} ms, p99 {p99:.0} ms; refusals p50 {shed_p50:.0} ms, p99 {shed_p99:.0} ms"),
            !accepted.is_empty() && p99 < ACCEPTED_P99_MAX_MS,
        );
        report.row(
            format!("{name}: memory"),
            format!("at most {} MiB", MEMORY_MAX_KIB / 1024),
            format!("{} MiB, {} MiB before", self.memory_kib / 1024, self.memory_before_kib / 1024),
            self.memory_kib <= MEMORY_MAX_KIB,
        );
        report.row(
            format!("{name}: afterwards"),
            format!("within {} s a login takes at most {:.0} ms", within.as_secs(), self.as_fast_ms),
            self.recovery.map_or("never".to_owned(), |after| format!("after {:.1} s", after.as_secs_f64())),
            self.recovery.is_some_and(|after| after <= within),
        );
    }
}

/// How long it takes until three logins in a row take no more than this, in milliseconds.
async fn recovery(client: &Client, bodies: &[Value], as_fast_ms: f64) -> Option<Duration> {
    let began = Instant::now();
    let mut fast = Vec::new();
    for body in bodies.iter().cycle() {
        let started = Instant::now();
        let answer = client.post("/login", body).await;
        if answer.is_ok_and(|answer| answer.status == 200) && median_ms(&[started.elapsed()]) <= as_fast_ms {
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
