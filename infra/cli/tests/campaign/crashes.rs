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
    let mut chains = sessions(&process.client()).await;
    let (mut waiting, mut due) = (Vec::new(), 0_usize);
    let mut made = 0;
    // What a kill came before waits for the next server; the last one is killed when all is done.
    for kill in 1..=kills {
        waiting.extend((made..creates * kill / kills).map(Create::new));
        made = creates * kill / kills;
        due += refreshes * kill / kills - refreshes * (kill - 1) / kills;
        let mut deeds: Vec<Deed> = waiting.drain(..).map(Deed::Create).collect();
        deeds.extend(chains.drain(..due.min(chains.len())).map(Deed::Refresh));
        dice.shuffle(&mut deeds);
        let enough = if kill == kills { usize::MAX } else { dice.usize(..=deeds.len()) };
        let pause = Duration::from_micros(dice.u64(..30_000));
        let done = until_killed(process, deeds, enough, pause).await;

        let started = Instant::now();
        process = Process::start(folder, &VARIABLES);
        tally.started(started.elapsed());
        for deed in done {
            match deed {
                Done::NotBegun(Deed::Create(create)) => waiting.push(create),
                Done::NotBegun(Deed::Refresh(token)) => chains.push(token),
                Done::Create(create, answer) => tally.create(&process, create, answer).await,
                Done::Refresh(token, answer) => {
                    due -= 1;
                    // The oldest wait at the front, so that each has its turn.
                    chains.push(tally.refresh(&process.client(), token, answer).await);
                }
            }
        }
    }
    tally.all_log_in(&process.client()).await;
    tally.orphans = tally::orphans(&records::scan(&process.table()).await);
    tally.report(kills, log_lines(folder), table);
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
