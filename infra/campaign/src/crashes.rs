//! Servers that are killed at any moment, or frozen right after an answer: what was acknowledged is there, what was not is whole
//! or absent.

mod deeds;
mod frozen;
mod starts;
mod tally;

use std::{path::Path, time::Duration};

use fastrand::Rng;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    Scale,
    client::Client,
    crashes::{
        deeds::{Create, Deed, Done, until_killed},
        tally::Tally,
    },
    dice::dice,
    process::{Process, log_lines},
    records,
    table::Table,
    wait_for,
};

/// Signing with a Firebase key too would only take time.
const VARIABLES: [(&str, &str); 2] = [("RATE_LIMITS", "off"), ("TOKEN_PROFILE", "access")];
/// Sessions that are refreshed again and again.
const CHAINS: usize = 40;
/// The longest time between the answers that a kill waits for and the kill, in microseconds: some more than a hash takes.
const PAUSE_US_MAX: u64 = 30_000;

/// Kills during creates and refreshes, kills during the first start, and freezes behind answers.
pub fn crashes(scale: Scale, table: &mut Table) {
    let mut dice = dice("crashes");
    let folder = TempDir::new().expect("a folder");
    wait_for(killed(scale, &folder.path().join("data"), &mut dice, table));
    starts::killed(scale, &mut dice, table);
    wait_for(frozen::frozen(scale, table));
}

async fn killed(scale: Scale, folder: &Path, dice: &mut Rng, table: &mut Table) {
    let (kills, creates, refreshes) = scale.of((6, 60, 40), (200, 2_000, 1_000));
    let mut tally = Tally::default();
    let mut process = Process::start(folder, &VARIABLES);
    let mut pending = Pending { tokens: sessions(&process.client()).await, ..Pending::default() };
    for kill in 0..kills {
        let part = |count: usize| count * kill / kills..count * (kill + 1) / kills;
        pending.creates.extend(part(creates).map(Create::new));
        pending.refreshes += part(refreshes).len();
        let deeds = pending.deeds(dice);
        // The last one is killed when all is done.
        let enough = if kill + 1 == kills { usize::MAX } else { dice.usize(..=deeds.len()) };
        let done = until_killed(process, deeds, enough, Duration::from_micros(dice.u64(..PAUSE_US_MAX))).await;
        let started = Instant::now();
        process = Process::start(folder, &VARIABLES);
        tally.started(started.elapsed());
        for deed in done {
            pending.settle(deed, &process, &mut tally).await;
        }
    }
    tally.all_log_in(&process.client()).await;
    tally.orphans = tally::orphans(&records::scan(&process.table()).await);
    tally.report(kills, log_lines(folder), table);
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
    fn deeds(&mut self, dice: &mut Rng) -> Vec<Deed> {
        let mut deeds: Vec<Deed> = self.creates.drain(..).map(Deed::Create).collect();
        let at_once = self.refreshes.min(self.tokens.len());
        deeds.extend(self.tokens.drain(..at_once).map(Deed::Refresh));
        dice.shuffle(&mut deeds);
        deeds
    }

    /// Looks after what was done, on the server that was started after the kill.
    async fn settle(&mut self, done: Done, process: &Process, tally: &mut Tally) {
        match done {
            Done::NotBegun(Deed::Create(create)) => self.creates.push(create),
            Done::NotBegun(Deed::Refresh(token)) => self.tokens.push(token),
            Done::Create(create, answer) => tally.create(process, create, answer).await,
            Done::Refresh(token, answer) => {
                self.refreshes -= 1;
                self.tokens.push(tally.refresh(&process.client(), token, answer).await);
            }
        }
    }
}

/// Refresh tokens of sessions of one account.
async fn sessions(client: &Client) -> Vec<Value> {
    let account = Create::new(0).beside();
    account.send(client).await.expect("an answer");
    let mut tokens = Vec::new();
    for _ in 0..CHAINS {
        let login = client.post("/login", &account.credentials()).await.expect("an answer");
        assert_eq!(login.status, 200, "{}", login.text);
        tokens.push(login.refresh_token());
    }
    tokens
}
