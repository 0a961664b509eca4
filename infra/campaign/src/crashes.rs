//! Servers that are killed at any moment, or frozen right after an answer: what was acknowledged is there, what was not is whole
//! or absent.

mod counts;
mod first_starts;
mod frozen;
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

/// Signing with a Firebase key too would only take time.
const VARIABLES: [(&str, &str); 2] = [("RATE_LIMITS", "off"), ("TOKEN_PROFILE", "access")];
/// Sessions that are refreshed again and again.
const CHAINS: usize = 40;
/// The longest time between the answers that a kill waits for and the kill, in microseconds: some more than a hash takes.
const PAUSE_US_MAX: u64 = 30_000;

/// Kills during creates and refreshes, kills during the first start, and freezes behind answers.
pub fn crashes(scale: Scale, report: &mut Report) {
    let mut rng = seeded_rng("crashes");
    let folder = TempDir::new().expect("a folder");
    wait_for(killed(scale, &folder.path().join("data"), &mut rng, report));
    first_starts::killed(scale, &mut rng, report);
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
        // The last one is killed when all is done.
        let enough = if kill + 1 == kills { usize::MAX } else { rng.usize(..=operations.len()) };
        let done = run_until_killed(process, operations, enough, Duration::from_micros(rng.u64(..PAUSE_US_MAX))).await;
        let started = Instant::now();
        process = Process::start(folder, &VARIABLES);
        counts.started(started.elapsed());
        for operation in done {
            pending.settle(operation, &process, &mut counts).await;
        }
    }
    counts.all_log_in(&process.client()).await;
    counts.orphans = counts::orphans(&dynamodb::scan(&process.table()).await);
    counts.report(kills, log_lines(folder), report);
}

/// What is still to be done; what a kill came before waits for the next server.
#[derive(Default)]
struct Pending {
    creates: Vec<Create>,
    /// Of every session the one to refresh it with. The one that has waited longest is the first.
    tokens: Vec<Value>,
    refreshes: usize,
}

impl Pending {
    /// As much of it as can be done at once, in any order: one refresh of a session at a time.
    fn operations(&mut self, rng: &mut Rng) -> Vec<Operation> {
        let mut operations: Vec<Operation> = self.creates.drain(..).map(Operation::Create).collect();
        let at_once = self.refreshes.min(self.tokens.len());
        operations.extend(self.tokens.drain(..at_once).map(Operation::Refresh));
        rng.shuffle(&mut operations);
        operations
    }

    /// Looks after what was done, on the server that was started after the kill.
    async fn settle(&mut self, done: Outcome, process: &Process, counts: &mut Counts) {
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

/// Refresh tokens of sessions of one account.
async fn sessions(client: &Client) -> Vec<Value> {
    let account = Create::new(0).sibling();
    account.send(client).await.expect("an answer");
    let mut tokens = Vec::new();
    for _ in 0..CHAINS {
        let login = client.post("/login", &account.credentials()).await.expect("an answer");
        assert_eq!(login.status, 200, "{}", login.text);
        tokens.push(login.refresh_token());
    }
    tokens
}
