//! Runs `latchkey keys` as a process on the local file. The program in infra/walks runs it on
//! Secrets Manager.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod service_account;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// A data folder with a key set in it.
struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        let new = Self { folder: TempDir::new().unwrap() };
        said(&new.keys(&["generate"]), 0);
        new
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("signing-keys.json")
    }

    fn keys(&self, arguments: &[&str]) -> Output {
        keys(self.folder.path(), arguments, &[])
    }

    /// The `(kid, use, state)` of every key.
    fn list(&self) -> Vec<(String, String, String)> {
        let output = self.keys(&["list", "--json"]);
        assert!(output.status.success(), "{output:?}");
        let keys: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let text = |key: &Value, name: &str| key.get(name).unwrap().as_str().unwrap().to_owned();
        keys.iter().map(|key| (text(key, "kid"), text(key, "use"), text(key, "state"))).collect()
    }

    fn kid(&self, state: &str) -> String {
        let found = self.list().into_iter().find(|(_, purpose, its)| purpose == "access" && its == state);
        found.unwrap_or_else(|| panic!("no {state} key in {:?}", self.list())).0
    }
}

fn keys(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.arg("keys").args(arguments).env_clear().env("DATA_DIR", folder).envs(variables.iter().copied());
    command.current_dir(folder).output().unwrap()
}

/// Standard output and standard error. Fails if the exit code is another.
#[track_caller]
fn said(output: &Output, code: i32) -> (String, String) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Every private text of a set.
fn private_parts(text: &str) -> Vec<String> {
    let set: Value = serde_json::from_str(text).unwrap();
    let keys = set.get("keys").unwrap().as_array().unwrap();
    let parts = keys.iter().flat_map(|key| ["private_key", "secret"].map(|name| key.get(name)));
    parts.flatten().flat_map(|text| text.as_str().unwrap().lines()).map(str::to_owned).collect()
}

#[test]
fn the_keys_of_the_data_folder_are_made_shown_rotated_and_revoked_and_nothing_private_is_printed() {
    let folder = Folder::new();
    assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let (first, next) = (folder.kid("signing"), folder.kid("next"));
    let mut private = private_parts(&fs::read_to_string(folder.file()).unwrap());

    let rotated = folder.keys(&["rotate"]);
    private.extend(private_parts(&fs::read_to_string(folder.file()).unwrap()));
    let (out, told) = said(&rotated, 0);
    for sentence in [
        format!("the key {next} signs access tokens from "),
        format!("the key {first} of access tokens is accepted until "),
    ] {
        assert_eq!((out.matches(&sentence).count(), told.matches(&sentence).count()), (1, 0), "{out}{told}");
    }
    assert!(
        out.starts_with("done: ") && told.contains("nobody is logged out, and nothing else is to do"),
        "{told}{out}"
    );
    assert!(told.contains("within 50 seconds") && told.contains("sign 355 seconds from now"), "{told}");
    assert_eq!((folder.kid("signing"), folder.kid("due")), (first.clone(), next.clone()));
    assert_eq!(folder.list().len(), 6);

    let revoked = folder.keys(&["revoke", &first]);
    let (out, told) = said(&revoked, 0);
    assert!(out.contains(&format!("the key {first} is revoked")) && told.contains("may keep the published keys"));
    assert_eq!((folder.kid("revoked"), folder.kid("signing")), (first.clone(), next));
    let (out, told) = said(&folder.keys(&["revoke", &first]), 0);
    assert!(out.is_empty() && told.contains("nothing was changed") && !told.contains("every process"), "{told}");

    let listed = folder.keys(&["list"]);
    let (out, _) = said(&listed, 0);
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let states: Vec<&str> = out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let access = ["keys", "state", "current", "next", "revoked"];
    assert_eq!(states, [&access[..], &["keys", "state", "current", "due", "next"]].concat(), "{out}");
    assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let json = folder.keys(&["list", "--json"]);
    for output in [rotated, revoked, listed, json] {
        let (out, told) = said(&output, 0);
        assert!(private.iter().all(|part| part.contains("-----") || !(out.contains(part) || told.contains(part))));
    }
    assert!(private.len() > 50, "there was something to look for");
}

#[test]
fn a_revocation_of_all_replaces_every_key() {
    for arguments in [["revoke", "--all"], ["generate", "--replace"]] {
        let folder = Folder::new();
        let before: Vec<String> = folder.list().into_iter().map(|(kid, ..)| kid).collect();
        let (out, told) = said(&folder.keys(&arguments), 0);
        assert!(out.contains("done: every session ends") && told.contains("within 50 seconds"), "{out}{told}");
        for (kid, purpose, state) in folder.list() {
            assert_eq!(before.contains(&kid), state == "revoked", "{kid} of {purpose}s is {state}");
        }
        assert_eq!(folder.list().len(), 8);
    }
}

#[test]
fn every_change_by_the_tool_leaves_its_audit_event_and_a_change_that_was_none_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let events = |arguments: &[&str]| {
        let (_, told) = said(&keys(folder.path(), arguments, &[]), 0);
        let lines = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let told: Vec<(String, String, u64)> = lines
            .map(|line| {
                assert_eq!((&line["message"], &line["actor"]), (&"audit".into(), &"tool".into()), "{line}");
                let text = |name: &str| line[name].as_str().unwrap().to_owned();
                (text("event"), text("kid"), line["generation"].as_u64().unwrap())
            })
            .collect();
        told
    };
    let event = |name: &str, kid: &str, generation| vec![(name.to_owned(), kid.to_owned(), generation)];
    assert_eq!(events(&["generate"]), event("signing_keys_generated", "", 1));
    assert_eq!(events(&["rotate", "--dry-run"]), []);
    assert_eq!(events(&["rotate"]), event("signing_keys_rotated", "", 2));
    let listed: Vec<Value> = serde_json::from_slice(&keys(folder.path(), &["list", "--json"], &[]).stdout).unwrap();
    let kid = listed[0]["kid"].as_str().unwrap();
    assert_eq!(events(&["revoke", kid]), event("signing_key_revoked", kid, 3));
    assert_eq!(events(&["revoke", kid]), []);
    assert_eq!(events(&["revoke", "--all"]), event("signing_keys_revoked", "", 4));
    assert_eq!(events(&["publish"]), event("signing_keys_published", "", 4));
}

#[test]
fn without_advice_only_the_result_and_the_audit_line_are_left() {
    let folder = Folder::new();
    let (out, told) = said(&folder.keys(&["rotate", "--quiet"]), 0);
    assert!(out.starts_with("done: ") && told.lines().all(|line| line.starts_with('{')), "{told}");
}

#[test]
fn a_program_reads_each_change_as_one_json_object() {
    let folder = Folder::new();
    let read = |arguments: &[&str]| {
        let (out, _) = said(&folder.keys(arguments), 0);
        serde_json::from_str::<Value>(&out).unwrap()
    };
    for (arguments, changed, changes) in [
        (&["rotate", "--dry-run", "--json"][..], false, 6),
        (&["--json", "rotate"], true, 6),
        (&["publish", "--json"], true, 1),
    ] {
        let answer = read(arguments);
        assert_eq!((&answer["changed"], answer["changes"].as_array().unwrap().len()), (&changed.into(), changes));
        assert!(answer["keys"].as_str().unwrap().ends_with("signing-keys.json"), "{answer}");
    }
}

#[test]
fn keys_are_made_where_there_is_nothing_or_an_empty_set() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("new").join("data");
    let generate = || keys(folder.path(), &["generate"], &[("DATA_DIR", data.to_str().unwrap())]);
    said(&generate(), 0);
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let file = data.join("signing-keys.json");
    assert!(said(&generate(), 1).1.contains("signing-keys.json already"));
    fs::write(&file, "{\"keys\":[]}").unwrap();
    let list = || keys(folder.path(), &["list"], &[("DATA_DIR", data.to_str().unwrap())]);
    assert!(said(&list(), 1).1.contains("latchkey keys generate"));
    said(&generate(), 0);
    assert_eq!(said(&list(), 0).0.lines().count(), 4 + 5);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_key_whose_id_begins_like_an_option_can_be_named() {
    let folder = Folder::new();
    let text = fs::read_to_string(folder.file()).unwrap().replace(&folder.kid("signing"), "-Vx");
    fs::write(folder.file(), text).unwrap();
    for arguments in [["revoke", "-Vx", "--dry-run"], ["revoke", "--dry-run", "-Vx"]] {
        assert!(said(&folder.keys(&arguments), 0).0.contains("the key -Vx is revoked"));
    }
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let folder = Folder::new();
    let before = fs::read(folder.file()).unwrap();
    for arguments in [
        &["rotate", "--dry-run"][..],
        &["revoke", &folder.kid("signing"), "--dry-run"],
        &["revoke", "--all", "--dry-run"],
    ] {
        let (out, told) = said(&folder.keys(arguments), 0);
        assert!(out.starts_with("would: the key ") && !out.contains("done"), "{out}");
        assert!(!told.contains("every process") && !told.contains("audit"), "{told}");
        assert_eq!(fs::read(folder.file()).unwrap(), before);
    }
}

#[test]
fn an_impossible_change_is_reported_and_nothing_is_lost() {
    let folder = Folder::new();
    let before = fs::read(folder.file()).unwrap();
    let (out, told) = said(&folder.keys(&["generate"]), 1);
    assert!(out.is_empty() && told.contains("signing-keys.json already; another one in its place"), "{told}");
    assert!(told.contains("latchkey keys generate --replace"), "{told}");
    assert!(said(&folder.keys(&["revoke", "nothing"]), 1).1.contains("no key \"nothing\" in the set"));
    said(&folder.keys(&["revoke"]), 2);
    said(&folder.keys(&["revoke", "nothing", "--all"]), 2);
    said(&folder.keys(&["forget"]), 2);
    assert_eq!(fs::read(folder.file()).unwrap(), before);

    fs::write(folder.file(), "{\"hunter2\": 1}").unwrap();
    for arguments in [&["list"][..], &["rotate"], &["revoke", "x"], &["generate"], &["generate", "--replace"]] {
        let (_, told) = said(&folder.keys(arguments), 1);
        let path = folder.file().display().to_string();
        assert!(told.contains(&path) && told.contains("not a key set") && !told.contains("hunter2"), "{told}");
    }
    fs::remove_file(folder.file()).unwrap();
    let (_, told) = said(&folder.keys(&["list"]), 1);
    assert!(told.contains("signing-keys.json cannot be") && told.contains("there is nothing of that name"), "{told}");
    let wrong = keys(folder.folder.path(), &["rotate"], &[("KEYS_OVERLAP_SECONDS", "60")]);
    assert!(said(&wrong, 2).1.contains("KEYS_OVERLAP_SECONDS must be a whole number of seconds from 4"));
}

#[test]
fn a_key_file_is_read_with_what_an_editor_adds_to_it() {
    let folder = Folder::new();
    folder.keys(&["generate"]);
    let (listed, text) = (folder.list(), fs::read_to_string(folder.file()).unwrap());
    let wide = |text: &str| format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for bytes in
        [format!("\u{feff}{text}\r\n").into_bytes(), format!("\u{200b}{text}\u{2060}").into_bytes(), wide(&text)]
    {
        fs::write(folder.file(), bytes).unwrap();
        assert_eq!(folder.list(), listed);
    }
    fs::write(folder.file(), b"\x1f\x8b\x08\x00").unwrap();
    assert!(said(&folder.keys(&["list"]), 1).1.contains("packed with gzip"));
}

#[test]
fn a_file_of_its_own_can_be_named() {
    let folder = TempDir::new().unwrap();
    said(&keys(folder.path(), &["generate", "mine.json"], &[]), 0);
    said(&keys(folder.path(), &["generate", "--file", "yours.json"], &[]), 0);
    said(&keys(folder.path(), &["generate", "a.json", "--file", "b.json"], &[]), 2);
    assert!(folder.path().join("yours.json").exists());
    let (out, _) = said(&keys(folder.path(), &["rotate", "--file", "mine.json"], &[]), 0);
    assert_eq!(out.lines().count(), 6);
    assert_eq!(said(&keys(folder.path(), &["list", "--file", "mine.json"], &[]), 0).0.lines().count(), 6 + 5);
    let link = folder.path().join("link.json");
    std::os::unix::fs::symlink("mine.json", &link).unwrap();
    said(&keys(folder.path(), &["rotate", "--file", "link.json"], &[]), 0);
    assert!(fs::symlink_metadata(link).unwrap().is_symlink());
    assert!(!folder.path().join("signing-keys.json").exists());
}

#[test]
fn changes_at_once_are_all_made() {
    let folder = Folder::new();
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command.args(["keys", "rotate"]).env_clear().env("DATA_DIR", folder.folder.path());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let rotations: Vec<_> = (0..4).map(|_| start()).collect();
    for mut rotation in rotations {
        assert!(rotation.wait().unwrap().success());
    }
    assert_eq!(folder.list().len(), 4 + 4 * 2);
}
