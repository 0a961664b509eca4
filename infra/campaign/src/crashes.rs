//! Kills servers at random moments (SIGKILL), and stops them right after an answer (SIGSTOP).
//!
//! Every acknowledged write must be in the table; an unacknowledged one must be complete or absent.
//! The rows count accounts, sessions and records that break this.

mod counts;
mod endings;
mod first_starts;
mod frozen;
mod mails;
mod operations;

use std::{path::Path, time::Duration};

use fastrand::Rng;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    Scale,
    client::Client,
    crashes::{
        counts::Counts,
        operations::{Create, Operation, Outcome, run_until_killed},
    },
    dynamodb,
    process::{Process, log_lines},
    report::Report,
    seeded_rng::seeded_rng,
    wait_for,
};

/// Access tokens alone: signing with a Firebase key too would only take time.
const VARIABLES: [(&str, &str); 2] = [("RATE_LIMITS", "off"), ("TOKEN_PROFILE", "access")];
/// The number of sessions that are refreshed repeatedly.
const SESSIONS: usize = 40;
/// The longest pause before a kill, in microseconds: a little longer than a hash takes.
const PAUSE_US_MAX: u64 = 30_000;

/// Kills during creates and refreshes, kills during the first start, stops after answers.
pub fn run(scale: Scale, report: &mut Report) {
    let mut rng = seeded_rng("crashes");
    let folder = TempDir::new().expect("a folder");
    wait_for(killed(scale, &folder.path().join("data"), &mut rng, report));
    first_starts::killed(scale, &mut rng, report);
    wait_for(mails::killed(scale, &mut rng, report));
    wait_for(endings::killed(scale, &mut rng, report));
    wait_for(frozen::frozen(scale, report));
}

async fn killed(scale: Scale, folder: &Path, rng: &mut Rng, report: &mut Report) {
    let (kills, creates, refreshes) = scale.of((6, 60, 40), (200, 2_000, 1_000));
    let mut counts = Counts::default();
    let mut process = Process::start(folder, &VARIABLES);
    let mut pending = Pending { tokens: sessions(&process.client()).await, ..Pending::default() };
    for kill in 0..kills {
        let part = |count: usize| count * kill / kills..count * (kill + 1) / kills;
        pending.creates.extend(part(creates).map(Create::new));
        pending.refreshes += part(refreshes).len();
        let operations = pending.operations(rng);
        // The last kill comes after the last operation.
        let enough = if kill + 1 == kills { usize::MAX } else { rng.usize(..=operations.len()) };
        let done = run_until_killed(process, operations, enough, Duration::from_micros(rng.u64(..PAUSE_US_MAX))).await;
        let started = Instant::now();
        process = Process::start(folder, &VARIABLES);
        counts.started(started.elapsed());
        for operation in done {
            pending.check(operation, &process, &mut counts).await;
        }
    }
    counts.all_log_in(&process.client()).await;
    counts.orphans = counts::orphans(&dynamodb::scan(&process.table()).await);
    counts.report(kills, log_lines(folder), report);
}

/// The operations still to do. An operation that a kill prevented waits for the next server.
#[derive(Default)]
struct Pending {
    creates: Vec<Create>,
    /// The current refresh token of every session, the longest unused first.
    tokens: Vec<Value>,
    refreshes: usize,
}

impl Pending {
    /// The operations that can run concurrently, shuffled: at most one refresh of each session.
    fn operations(&mut self, rng: &mut Rng) -> Vec<Operation> {
        let mut operations: Vec<Operation> = self.creates.drain(..).map(Operation::Create).collect();
        let at_once = self.refreshes.min(self.tokens.len());
        operations.extend(self.tokens.drain(..at_once).map(Operation::Refresh));
        rng.shuffle(&mut operations);
        operations
    }

    /// Checks the outcome of an operation on the server that was started after the kill.
    async fn check(&mut self, done: Outcome, process: &Process, counts: &mut Counts) {
        match done {
            Outcome::NotStarted(Operation::Create(create)) => self.creates.push(create),
            Outcome::NotStarted(Operation::Refresh(token)) => self.tokens.push(token),
            Outcome::Create(create, answer) => counts.create(process, create, answer).await,
            Outcome::Refresh(token, answer) => {
                self.refreshes -= 1;
                self.tokens.push(counts.refresh(&process.client(), token, answer).await);
            }
        }
    }
}

/// Logs in to one account, and returns the refresh tokens.
async fn sessions(client: &Client) -> Vec<Value> {
    let account = Create::new(0).sibling();
    account.send(client).await.expect("an answer");
    let mut tokens = Vec::new();
    for _ in 0..SESSIONS {
        let login = client.post("/login", &account.credentials()).await.expect("an answer");
        assert_eq!(login.status, 200, "{}", login.text);
        tokens.push(login.refresh_token());
    }
    tokens
}
