//! Kills the server between the commit of an ending and its way to Firebase, and during it.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use shared::{
    account::{email::Email, user::User},
    password::StoredHash,
    store::Store,
    testing::FirebaseUsers,
    time::Timestamp,
};
use tempfile::TempDir;
use tokio::time;

use crate::{Scale, dynamodb::TABLE, process::Process, report::Report};

/// Longer than a few calls of Firebase take, in microseconds.
const PAUSE_US_MAX: u64 = 40_000;
/// The longest wait for the last ending, in steps of ten milliseconds.
const STEPS_MAX: usize = 6_000;
const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

/// The end of an account: of its sessions, or of itself.
#[derive(Clone, Copy)]
enum Ending {
    Sessions,
    Disabled,
    Deleted,
}

/// Kills in the midst of endings. Firebase must be told of each one that was committed after the
/// last start.
pub async fn killed(scale: Scale, rng: &mut Rng, report: &mut Report) {
    let (kills, endings) = scale.of((6, 60), (200, 2_000));
    let (folder, firebase) = (TempDir::new().expect("a folder"), FirebaseUsers::start().await);
    let (data, host) = (folder.path().join("data"), firebase.host());
    let variables = [("FIREBASE_AUTH_EMULATOR_HOST", host.as_str())];
    let mut process = Process::start(&data, &variables);
    let mut expected = Vec::new();
    for kill in 0..kills {
        for number in endings * kill / kills..endings * (kill + 1) / kills {
            let ending = [Ending::Sessions, Ending::Disabled, Ending::Deleted][number % 3];
            expected.push((commit(&process, &firebase, number, ending).await, ending));
        }
        // The task is not told, as if the process had ended right after the commit.
        process.kill();
        process = Process::start(&data, &variables);
        time::sleep(Duration::from_micros(rng.u64(..PAUSE_US_MAX))).await;
    }
    process.kill();
    let process = Process::start(&data, &variables);
    let store = Store::new(process.table(), TABLE);
    let mut steps = 0;
    while !store.open_endings().await.expect("the table answers").is_empty() && steps < STEPS_MAX {
        time::sleep(Duration::from_millis(10)).await;
        steps += 1;
    }
    let valid_since = NOW.seconds().to_string();
    let has_ended = |(id, ending): &&(String, Ending)| {
        let user = firebase.user(id);
        match ending {
            Ending::Deleted => user.is_null(),
            Ending::Disabled => user["disabled"] == true && user["validSince"] != Value::Null,
            Ending::Sessions => user["disabled"] == false && user["validSince"].as_str() == Some(valid_since.as_str()),
        }
    };
    let ended = expected.iter().filter(has_ended).count();
    report.row(
        format!("{kills} times kill -9 between the commit of an ending and its way to Firebase, and during it"),
        "each ending is one at Firebase after the last start",
        format!("{ended} of {endings} have ended there"),
        ended == endings && steps < STEPS_MAX,
    );
}

/// Commits an ending of a new account that has signed in at Firebase. Returns the account's id.
async fn commit(process: &Process, firebase: &FirebaseUsers, number: usize, ending: Ending) -> String {
    let store = Store::new(process.table(), TABLE).noting_endings(true);
    let email = Email::parse(&format!("james{number}@yopmail.com")).expect("an address");
    let id = format!("0197126e-7f2b-7c3a-9d4e-{number:012x}");
    let user = User::new(id.clone(), &email, None, String::new(), StoredHash::new("none"), NOW);
    store.import_user(&user).await.expect("stored");
    firebase.put(&id, json!({"disabled": false, "providerUserInfo": []}));
    let end = |user: &mut User| match ending {
        Ending::Disabled => user.disable(NOW),
        Ending::Sessions | Ending::Deleted => user.end_sessions(NOW),
    };
    let ended = store.update_user(&user, end).await.expect("stored");
    if matches!(ending, Ending::Deleted) {
        store.delete_user(&ended).await.expect("deleted");
    }
    id
}
