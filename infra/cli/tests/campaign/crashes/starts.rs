//! The first start, killed while it makes its keys and its table.

use std::{process::Stdio, thread, time::Duration};

use fastrand::Rng;
use tempfile::TempDir;

use crate::{
    Scale,
    crashes::deeds::Create,
    process::{Process, command},
    table::Table,
    wait_for,
};

/// Longer than most first starts take, in milliseconds.
const START_MS: u64 = 1_500;
/// How often each folder's start is killed before it may come to its end.
const KILLS: usize = 3;

/// Kills first starts at random moments. The start after them takes no half-made thing for a whole one.
pub fn killed(scale: Scale, dice: &mut Rng, table: &mut Table) {
    let folders = scale.of(1, 30);
    let mut good = 0;
    for _ in 0..folders {
        let folder = TempDir::new().expect("a folder");
        let data = folder.path().join("data");
        for _ in 0..KILLS {
            let mut process = command(&data, &[]).stdout(Stdio::null()).spawn().expect("the program is there");
            thread::sleep(Duration::from_millis(dice.u64(..START_MS)));
            process.kill().expect("it is killed");
            process.wait().expect("it ends");
        }
        let process = Process::start(&data, &[]);
        let account = Create::new(0);
        let status = wait_for(async { account.send(&process.client()).await.map(|answer| answer.status) });
        good += usize::from(status == Ok(201));
    }
    table.row(
        format!("{KILLS} times kill -9 during the first start, in {folders} folders"),
        "the next start serves",
        format!("{good} serve"),
        good == folders,
    );
}
