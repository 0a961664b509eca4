//! Open-loop load: logins arrive independently of the answers.

use std::{collections::BTreeMap, fmt, time::Duration};

use fastrand::Rng;
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use crate::{
    client::{Answer, Client},
    statistics::{median_ms, percentile_ms},
};

/// The answers to the logins.
#[derive(Default)]
pub struct Outcome {
    /// The number of logins.
    pub sent: usize,
    /// The latency of each 200, from the scheduled time of the login.
    pub accepted: Vec<Duration>,
    /// The latency of each 429 and 503 with `Retry-After`.
    pub shed: Vec<Duration>,
    /// The number of all other answers and errors.
    pub others: BTreeMap<String, usize>,
}

/// Sends logins at this rate per second for this time, and waits for every answer.
///
/// The gaps between logins are exponential, as for independent people. A slow answer delays no
/// other login. Latency counts from the scheduled time, so that slow periods are not measured too
/// rarely.
pub async fn at_rate(client: &Client, bodies: &[Value], rate: f64, time: Duration, rng: &mut Rng) -> Outcome {
    let began = Instant::now();
    let mut due = Duration::ZERO;
    let mut in_flight = JoinSet::new();
    let mut outcome = Outcome::default();
    for body in bodies.iter().cycle() {
        due += Duration::from_secs_f64(-(1.0 - rng.f64()).ln() / rate);
        if due > time {
            break;
        }
        time::sleep_until(began + due).await;
        let (client, body, scheduled) = (client.clone(), body.clone(), began + due);
        in_flight.spawn(async move {
            let answer = client.post("/login", &body).await;
            (scheduled.elapsed(), answer)
        });
        outcome.sent += 1;
    }
    for (time, answer) in in_flight.join_all().await {
        outcome.add(time, answer);
    }
    outcome
}

impl Outcome {
    fn add(&mut self, time: Duration, answer: Result<Answer, String>) {
        match answer {
            Ok(answer) if answer.status == 200 => self.accepted.push(time),
            Ok(answer) if matches!(answer.status, 429 | 503) && answer.headers.contains_key("retry-after") => {
                self.shed.push(time);
            }
            other => {
                let what = other.map_or_else(|error| error, |answer| answer.status.to_string());
                *self.others.entry(what).or_default() += 1;
            }
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, accepted, shed, others } = self;
        let (p50, p99) = (median_ms(accepted), percentile_ms(accepted, 0.99));
        let (accepted, shed) = (accepted.len(), shed.len());
        write!(
            formatter,
            "{sent} sent, {accepted} accepted (p50 {p50:.0} ms, p99 {p99:.0} ms), {shed} shed, {others:?}"
        )
    }
}
