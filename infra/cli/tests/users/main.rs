//! Runs `latchkey users` as a process, beside `latchkey serve` and on the table that the server
//! opens to other programs.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod changes;
mod forms;
mod import;
mod invite;
mod listing;
mod peers;
mod stops;
mod test_codes;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use import::import;
use serde_json::{Value, json};
use shared::{
    keys::RefreshKeys,
    testing::server::{Server, command, dynamodb_at, free_port},
};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// The tool with a data folder.
fn tool(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.arg("users").args(arguments).env_clear().env("DATA_DIR", folder).stdin(Stdio::null());
    command
}

fn users(folder: &Path, arguments: &[&str]) -> Output {
    tool(folder, arguments).output().unwrap()
}

/// The name of an identifier or of an id in the log, under the keys of the data folder.
fn pseudonym(folder: &Path, text: &str) -> String {
    let keys = fs::read_to_string(folder.join("signing-keys.json")).unwrap();
    RefreshKeys::parse(&keys).unwrap().pseudonyms().of(text)
}

/// Standard output, and standard error without audit lines. Fails if the exit code is another.
#[track_caller]
fn said(output: &Output, code: i32) -> (String, String) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let told =
        text(&output.stderr).lines().filter(|line| !line.starts_with('{')).map(|line| format!("{line}\n")).collect();
    (text(&output.stdout), told)
}

/// The audit lines on standard error.
fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// An account as `users show --json` prints it.
#[track_caller]
fn shown(folder: &Path, who: &str) -> Value {
    serde_json::from_str(&said(&users(folder, &["show", who, "--json"]), 0).0).unwrap()
}

/// The requests of these tests to a server.
trait Accounts {
    /// A new account.
    fn create(&self, email: &str, username: &str) -> Value;

    /// The status, and the error code if the request was refused.
    fn code(&self, path: &str, body: &Value) -> (u16, String);

    fn login(&self, email: &str, password: &str) -> (u16, String) {
        self.code("/login", &json!({"email": email, "password": password}))
    }

    fn refresh(&self, session: &Value) -> (u16, String) {
        self.code("/refresh", &json!({"refresh_token": session.get("refresh_token")}))
    }

    fn check(&self, session: &Value) -> (u16, String) {
        self.code("/verify?check_revoked=true", &json!({"token": session.get("access_token")}))
    }
}

impl Accounts for Server {
    fn create(&self, email: &str, username: &str) -> Value {
        let body = json!({"email": email, "password": PASSWORD, "username": username, "name": "James"});
        let (status, created) = self.post("/create-account", &body);
        assert_eq!(status, 201, "{created}");
        created
    }

    fn code(&self, path: &str, body: &Value) -> (u16, String) {
        let (status, answer) = self.post(path, body);
        (status, answer.get("code").map(|code| code.as_str().unwrap().to_owned()).unwrap_or_default())
    }
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn what_is_disabled_beside_a_running_server_is_refused_at_once_and_its_sessions_never_come_back() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("james@yopmail.com", "james");
    let other = server.create("other@yopmail.com", "other");
    let id = created.get("uid").unwrap().as_str().unwrap();
    let name = format!("james@yopmail.com ({id})");

    let (out, told) = said(&users(folder.path(), &["disable", "James@YOPMAIL.com"]), 0);
    assert_eq!(out, format!("{name}: disabled, and every session has ended\n"));
    assert!(told.contains("within 3600 seconds") && told.lines().count() == 1, "{told}");
    assert_eq!(server.login("james@yopmail.com", PASSWORD), refusal(403, "account_disabled"));
    assert_eq!(server.login("james@yopmail.com", "wrong horse"), refusal(401, "invalid_credentials"));
    assert_eq!(server.refresh(&created), refusal(403, "account_disabled"));
    assert_eq!(server.check(&created), refusal(401, "account_disabled"));
    assert_eq!((server.refresh(&other), server.check(&other)), (refusal(200, ""), refusal(200, "")), "{}", server.line);

    for (arguments, sentence) in [
        (["disable", "james"], "was disabled already"),
        (["enable", id], "enabled"),
        (["enable", "james"], "was enabled already"),
    ] {
        assert_eq!(said(&users(folder.path(), &arguments), 0), (format!("{name}: {sentence}\n"), String::new()));
    }
    assert_eq!(server.refresh(&created), refusal(401, "refresh_token_invalid"));
    assert_eq!(server.check(&created), refusal(401, "token_revoked"));
    assert_eq!(server.login("james@yopmail.com", PASSWORD), refusal(200, ""));
}

#[test]
fn nothing_is_lost_and_no_operator_is_kept_waiting_when_the_account_is_changed_all_the_time() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("a@b.de", "james");
    let token = created.get("access_token").unwrap().as_str().unwrap();
    let rename = |name: &str| {
        let body = json!({"name": name}).to_string();
        let head = format!("PATCH /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n");
        server.send(&format!("{head}content-length: {}\r\n\r\n{body}", body.len())).0
    };
    let done = AtomicBool::new(false);
    // Renames the account without a pause, until `done` or a refusal. Returns the last name that
    // was stored.
    let hammer = |who: &str| {
        let mut taken = String::new();
        for turn in 0.. {
            let name = format!("{who} {turn}");
            match rename(&name) {
                200 => taken = name,
                503 => {}
                status => return (status, taken),
            }
            if done.load(Ordering::Relaxed) {
                return (200, taken);
            }
        }
        unreachable!()
    };
    let verify = ["set-verified", "a@b.de", "true", "--keep-password"];
    let changes = [&["set-role", "james", "7"][..], &verify, &["set-role", "a@b.de", "7"]];
    let names = thread::scope(|scope| {
        let hammers = ["one", "two"].map(|who| scope.spawn(move || hammer(who)));
        let tools: Vec<_> =
            changes.iter().map(|change| scope.spawn(|| said(&users(folder.path(), change), 0))).collect();
        let tools: Vec<_> = tools.into_iter().map(|tool| tool.join()).collect();
        done.store(true, Ordering::Relaxed);
        let names = hammers.map(|hammer| hammer.join().unwrap().1);
        for tool in tools {
            let (out, _) = tool.unwrap();
            assert!(out.contains("the role 7") || out.contains("is verified"), "{out}");
        }
        names
    });
    let user = shown(folder.path(), "james");
    assert!(names.iter().any(|name| user.get("name") == Some(&json!(name))), "{user} {names:?}");
    let found = ["role_id", "email_verified", "disabled"].map(|key| user.get(key).unwrap().clone());
    assert_eq!(found, [json!(7), json!(true), json!(false)]);
    let (_, login) = server.post("/login", &json!({"username": "james", "password": PASSWORD}));
    let profile = login.get("user").unwrap();
    assert_eq!((profile.get("role_id"), profile.get("email_verified")), (Some(&json!(7)), Some(&json!(true))));

    done.store(false, Ordering::Relaxed);
    thread::scope(|scope| {
        let hammers = ["one", "two"].map(|who| scope.spawn(move || hammer(who)));
        let deleted = users(folder.path(), &["delete", "james", "--yes"]);
        // Both stop by themselves when the account is gone.
        done.store(!deleted.status.success(), Ordering::Relaxed);
        assert!(said(&deleted, 0).0.contains("deleted"));
        assert_eq!(hammers.map(|hammer| hammer.join().unwrap().0), [401, 401]);
    });
}

#[test]
fn an_account_is_shown_with_its_sessions_and_what_the_log_calls_it_and_never_its_hash() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("James@yopmail.com", "James");
    server.post("/login", &json!({"email": "james@yopmail.com", "password": PASSWORD}));
    let id = created.get("uid").unwrap().as_str().unwrap();
    let user = shown(folder.path(), "james@yopmail.com");
    let sessions = user.get("sessions").unwrap().as_array().unwrap().clone();
    let created_at = user.get("created_at").unwrap();
    let called = |text: &str| pseudonym(folder.path(), text);
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.last().unwrap().get("expires_at"), created.get("refresh_expires_at"));
    assert_eq!(
        user,
        json!({
            "id": id, "email": "James@yopmail.com", "username": "james", "name": "James", "role_id": 1,
            "email_verified": false, "disabled": false, "created_at": created_at, "metadata": {},
            "password": "argon2id", "sessions": sessions,
            "log": {"identities": [called("james@yopmail.com"), called("james")], "user": called(id)},
        })
    );
    let (out, told) = said(&users(folder.path(), &["show", "james"]), 0);
    assert!(told.is_empty() && !out.contains("$argon2") && out.contains("password: argon2id\n"), "{out}{told}");
    for words in ["live sessions: 2\n  since ", "state: enabled\n", &called("james"), &called(id)] {
        assert!(out.contains(words), "{out}");
    }
    said(&users(folder.path(), &["disable", "james"]), 0);
    assert_eq!(shown(folder.path(), id).get("sessions"), Some(&json!([])));
}

#[test]
fn an_account_is_found_by_what_names_it_alone() {
    let folder = TempDir::new().unwrap();
    let _server = Server::start(folder.path());
    let lines = r#"{"email":"one@b.de","id":"shared-name"}
{"email":"two@b.de","username":"shared-name"}
{"email":"three@b.de","id":"-x#y\u202e"}"#;
    import(folder.path(), lines, 0);
    let (out, told) = said(&users(folder.path(), &["disable", "shared-name"]), 1);
    assert!(out.is_empty() && told.contains("one@b.de or two@b.de"), "{told}");
    assert_eq!(shown(folder.path(), "-x#y\u{202e}").get("email"), Some(&json!("three@b.de")));
    assert!(!said(&users(folder.path(), &["show", "three@b.de"]), 0).0.contains('\u{202e}'));
    for who in ["nobody@b.de", "nobody", "", "one@b.d", "0195d2a4-0000-7000-8000-000000000000", &"x".repeat(5_000)] {
        let (out, told) = said(&users(folder.path(), &["enable", who]), 1);
        assert!(out.is_empty() && told.contains("There is no account"), "{told}");
    }
}

#[test]
fn an_address_that_looks_like_another_is_shown_in_ascii_and_answered_as_typed() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let (real, false_friend) = ("james@paypal.example", "james@pаypal.example");
    server.create(real, "james");
    let created = server.create(false_friend, "james2");
    assert_eq!(created.pointer("/user/email").unwrap(), false_friend);
    let shown_to_people = |arguments: &[&str]| said(&users(folder.path(), arguments), 0).0;
    for arguments in
        [&["show", "james2"][..], &["disable", "james2"], &["disable", false_friend], &["enable", "james2"]]
    {
        let out = shown_to_people(arguments);
        assert!(out.contains("james@xn--pypal-4ve.example") && !out.contains(false_friend), "{out}");
    }
    assert!(shown_to_people(&["show", "james"]).contains(real));
    let (_, told) = said(&users(folder.path(), &["show", "jim@pаypal.example"]), 1);
    assert!(told.contains("There is no account jim@xn--pypal-4ve.example"), "{told}");
}

#[test]
fn wrong_use_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    server.create("a@b.de", "james");
    let before = shown(folder.path(), "james");
    for arguments in [
        &["set-role", "james", "0"][..],
        &["set-role", "james", "-1"],
        &["set-role", "james", "4294967296"],
        &["set-role", "james"],
        &["set-verified", "james", "maybe"],
        &["set-verified", "james"],
        &["disable"],
        &["forget", "james"],
        &["import"],
        &["disable", "james", "--external-dynamodb", "--data-dir", "x"],
        // Without a terminal nobody can be asked.
        &["delete", "james"],
    ] {
        assert!(said(&users(folder.path(), arguments), 2).0.is_empty(), "{arguments:?}");
    }
    assert_eq!(shown(folder.path(), "james"), before);
}

#[test]
fn an_account_is_deleted_when_that_is_meant() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("a@b.de", "james");
    // At a terminal it asks.
    let at_a_terminal = |answer: &str| {
        let tool = format!("{} users delete james", env!("CARGO_BIN_EXE_latchkey"));
        let mut script = Command::new("script");
        script.args(["-qec", &tool, "/dev/null"]).env("DATA_DIR", folder.path());
        let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        script.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        let output = script.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, told) = at_a_terminal("no\n");
    assert!(code == 1 && told.contains("for ever") && told.contains("Nothing was deleted."), "{told}");
    assert_eq!(server.check(&created), refusal(200, ""));
    let (code, told) = at_a_terminal("yes\n");
    assert!(code == 0 && told.contains("deleted, and 1 live sessions with it"), "{told}");
    assert_eq!(server.check(&created), refusal(401, "token_revoked"));
    assert_eq!(server.refresh(&created), refusal(401, "refresh_token_invalid"));
    assert_eq!(server.login("james", PASSWORD), refusal(401, "invalid_credentials"));

    let again = server.create("a@b.de", "james");
    assert_ne!(again.get("uid"), created.get("uid"));
    assert!(said(&users(folder.path(), &["delete", "a@b.de", "--yes"]), 0).0.contains("deleted"));
    said(&users(folder.path(), &["delete", "a@b.de", "--yes"]), 1);
}

#[test]
fn without_a_database_the_tool_says_so_and_makes_none() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    for data in [folder.path(), &missing] {
        for arguments in [&["show", "a@b.de"][..], &["disable", "a@b.de"], &["import", "-"], &["delete", "a", "--yes"]]
        {
            let (out, told) = said(&users(data, arguments), 1);
            assert!(out.is_empty() && told.contains("There is no database") && told.contains("--data-dir"), "{told}");
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_database_that_cannot_be_written_is_named_with_the_reason() {
    let folder = TempDir::new().unwrap();
    // Nobody can write to a program that runs, root included.
    std::os::unix::fs::symlink("/proc/self/exe", folder.path().join("latchkey.db")).unwrap();
    for arguments in [&["list"][..], &["show", "a@b.de"], &["export"]] {
        let (_, told) = said(&users(folder.path(), arguments), 1);
        assert!(told.contains("latchkey.db cannot be opened: it is a program that runs."), "{told}");
        assert!(told.contains("SQLite must write there, also to read it."), "{told}");
    }
}

#[test]
fn where_the_keys_are_a_secret_the_accounts_are_on_aws_and_a_folder_that_is_named_comes_first() {
    let (tables, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let port = free_port();
    let server = Server::spawn(command(tables.path()).args(["--dynamodb-port", &port.to_string()]));
    let created = server.create("a@b.de", "james");
    let on_aws = |arguments: &[&str]| {
        let mut tool = tool(elsewhere.path(), arguments);
        tool.envs(dynamodb_at(port));
        tool
    };
    let with_secret = |arguments: &[&str]| on_aws(arguments).env("SIGNING_KEYS_SECRET_ID", "keys").output().unwrap();
    said(&with_secret(&["disable", "james"]), 0);
    assert_eq!(server.check(&created), refusal(401, "account_disabled"));
    let (out, _) = said(&on_aws(&["enable", "james", "--external-dynamodb"]).output().unwrap(), 0);
    assert!(out.ends_with(": enabled\n"), "{out}");
    let folder = elsewhere.path().to_str().unwrap();
    assert!(said(&with_secret(&["enable", "james", "--data-dir", folder]), 1).1.contains("There is no database"));
    let missing = on_aws(&["show", "james", "--external-dynamodb"]).env("TABLE_NAME", "missing").output().unwrap();
    assert!(said(&missing, 1).1.contains("DynamoDB"));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
