//! The names of the trials, which need no tools.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{collections::BTreeSet, process::Command};

/// The trials of a walk, as the program lists them.
fn listed(walk: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_walks")).args(walk).arg("--list").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn each_trial_has_a_name_of_its_own() {
    for walk in ["artefacts", "lambda", "log", "mails", "rotation"] {
        let names = listed(&[walk]);
        assert!(!names.is_empty(), "{walk} has no trial");
        let different: BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{walk}: {names:#?}");
    }
}

#[test]
fn the_long_form_says_how_many_tokens_are_live() {
    let live = |names: Vec<String>, count| names.iter().any(|name| name.contains(&format!("{count} live tokens")));
    assert!(live(listed(&["rotation"]), 500));
    assert!(live(listed(&["rotation", "--long"]), 10_000));
}
