//! An import that is killed and given again.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use serde_json::{Value, json};
use shared::testing::server::{Server, command};
use tempfile::TempDir;

use super::{
    Accounts,
    forms::{BCRYPT, FIREBASE_HASH, FIREBASE_SALT, hash_config},
    refusal, said, tool, users,
};

/// An export of Firebase with this many accounts. Each third one brings no id along.
fn export_of_firebase(file: &Path, count: usize) {
    let mut text = "{\"users\": [\n".to_owned();
    for number in 0..count {
        let email = format!("u{number}@b.de");
        let account = match number % 3 {
            2 => json!({"email": email, "password_hash": BCRYPT, "username": format!("user-{number}")}),
            _ => {
                json!({"localId": format!("uid-{number}"), "email": email, "emailVerified": true, "passwordHash": FIREBASE_HASH,
                "salt": FIREBASE_SALT, "customAttributes": "{\"plan\":\"pro\"}"})
            }
        };
        let end = if number + 1 == count { "\n]}" } else { ",\n" };
        write!(text, "{account}{end}").unwrap();
    }
    fs::write(file, text).unwrap();
}

/// Kills an import without a warning after this many answers. Returns whether it was still at work.
fn killed_after(folder: &Path, options: &[&str], answers: usize) -> bool {
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut import = tool(folder, options).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut out = BufReader::new(import.stdout.take().unwrap()).lines();
    let read = out.by_ref().take(answers).filter(Result::is_ok).count();
    import.kill().unwrap();
    read == answers && !import.wait().unwrap().success()
}

fn an_import_that_is_killed_twice(count: usize, logins: usize) {
    let folder = TempDir::new().unwrap();
    // Nobody reads the log meanwhile, so that a line for each login would fill the pipe.
    let server = Server::spawn(command(folder.path()).env("RATE_LIMITS", "off").env("LOG_LEVEL", "error"));
    let (file, config) = (folder.path().join("users.json"), folder.path().join("hash-config.txt"));
    export_of_firebase(&file, count);
    fs::write(&config, hash_config()).unwrap();
    let options = ["import", file.to_str().unwrap(), "--hash-config", config.to_str().unwrap(), "--json"];
    for part in [4, 2] {
        assert!(killed_after(folder.path(), &options, count / part), "it was killed at work");
    }
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let done = tool(folder.path(), &options).stderr(log).output().unwrap();
    let answers: Vec<Value> =
        str::from_utf8(&done.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(done.status.success() && answers.len() == count);
    let present = answers.iter().filter(|answer| answer.get("already").is_some()).count();
    assert!((count / 2..count).contains(&present), "{present} of {count} were there");

    let (out, _) = said(&users(folder.path(), &["export"]), 0);
    let accounts: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |key: &str| -> BTreeSet<String> {
        accounts.iter().map(|account| account.get(key).unwrap().as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((accounts.len(), of("email").len(), of("id").len()), (count, count, count), "none doubled, none lost");
    let kept = accounts.iter().filter(|account| {
        let [id, email] = ["id", "email"].map(|key| account.get(key).unwrap().as_str().unwrap());
        id.strip_prefix("uid-").is_some_and(|number| email == format!("u{number}@b.de"))
            && account.get("claims") == Some(&json!({"plan": "pro"}))
    });
    assert_eq!(kept.count(), count - count / 3);
    for number in (0..count).step_by(count / logins) {
        let password = if number % 3 == 2 { "correct horse" } else { "user1password" };
        let email = format!("u{number}@b.de");
        assert_eq!(server.login(&email, password), refusal(200, ""), "{email}");
    }
}

#[test]
fn an_import_that_is_killed_twice_and_given_again_neither_doubles_nor_loses_an_account() {
    an_import_that_is_killed_twice(3_000, 12);
}

#[test]
#[ignore = "the long form of the test above, for some minutes: make import"]
fn a_hundred_thousand_accounts_are_all_there_after_two_kills() {
    an_import_that_is_killed_twice(100_000, 1_000);
}
