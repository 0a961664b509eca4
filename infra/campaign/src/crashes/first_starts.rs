//! Kills the first starts in an empty data folder while they make the keys and the table.

use std::{collections::BTreeMap, path::Path, process::Stdio, thread, time::Duration};

use fastrand::Rng;
use shared::store::Store;
use tempfile::TempDir;

use crate::{
    Scale,
    crashes::operations::Create,
    dynamodb::TABLE,
    process::{Process, command},
    report::Report,
    wait_for,
};

/// Longer than most first starts need for the keys, in microseconds.
const KEYS_US_MAX: u64 = 1_500_000;
/// Longer than most starts need for the table, until they listen, in microseconds.
const TABLE_US_MAX: u64 = 40_000;
/// The longest wait for a database file.
const PATIENCE: Duration = Duration::from_secs(60);
/// The number of killed starts in each folder.
const KILLS: usize = 3;

/// Kills first starts at random moments. The next start must not use incomplete keys or tables.
pub fn killed(scale: Scale, rng: &mut Rng, report: &mut Report) {
    let folders = scale.of(1, 30);
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..folders {
        let folder = TempDir::new().expect("a folder");
        let data = folder.path().join("data");
        for kill in 0..KILLS {
            let mut process = command(&data, &[]).stdout(Stdio::null()).spawn().expect("the program is there");
            if kill == 0 {
                thread::sleep(Duration::from_micros(rng.u64(..KEYS_US_MAX)));
            } else {
                wait_for_file(&data.join("latchkey.db"));
                thread::sleep(Duration::from_micros(rng.u64(..TABLE_US_MAX)));
            }
            process.kill().expect("it is killed");
            process.wait().expect("it ends");
        }
        *found.entry(wait_for(served(&data))).or_default() += 1;
    }
    let complete = found.get("complete").copied().unwrap_or_default();
    report.row(
        format!("{KILLS} times kill -9 during the first starts, in {folders} folders"),
        "the next start creates an account, and its table is complete",
        format!("{found:?}"),
        complete == folders,
    );
}

fn wait_for_file(path: &Path) {
    let mut waited = Duration::ZERO;
    while !path.exists() && waited < PATIENCE {
        thread::sleep(Duration::from_millis(1));
        waited += Duration::from_millis(1);
    }
}

/// Starts a server in this folder, and describes the state of its table.
async fn served(data: &Path) -> String {
    let process = Process::start(data, &[]);
    let created = Create::new(0).send(&process.client()).await.expect("an answer");
    if created.status != 201 {
        return format!("{} {}", created.status, created.text_of("code"));
    }
    let schema_problems = Store::new(process.table(), TABLE).schema_problems().await.expect("the table answers");
    if schema_problems.is_empty() { "complete".to_owned() } else { schema_problems.join(", ") }
}
