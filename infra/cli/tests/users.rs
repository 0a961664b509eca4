//! `latchkey users` as a process, beside `latchkey serve` and on the table that it serves to others.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod server;

use std::{
    fs,
    io::Write,
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use server::{Server, command};
use shared::{
    embedded::Embedded,
    logs::pseudonym,
    session::{Lives, Session, SessionId},
    store::Store,
};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";
/// From the reference implementation's test suite: the password is `password`.
const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

/// The tool on a data folder.
fn tool(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.arg("users").args(arguments).env_clear().env("DATA_DIR", folder).stdin(Stdio::null());
    command
}

fn users(folder: &Path, arguments: &[&str]) -> Output {
    tool(folder, arguments).output().unwrap()
}

/// What it says on both outputs, if it ends with this exit code.
#[track_caller]
fn said(output: &Output, code: i32) -> (String, String) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// An account as the tool shows it to programs.
#[track_caller]
fn shown(folder: &Path, who: &str) -> Value {
    serde_json::from_str(&said(&users(folder, &["show", who, "--json"]), 0).0).unwrap()
}

/// Hands lines to `users import -`, and reads the answers.
#[track_caller]
fn import(folder: &Path, lines: &str, code: i32) -> Vec<Value> {
    let mut import = tool(folder, &["import", "-"]);
    let mut import = import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    import.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let (answers, told) = said(&import.wait_with_output().unwrap(), code);
    assert!(told.is_empty() && !answers.contains("argon2") && !answers.contains("CTFhFdXPJO1"), "{answers}{told}");
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Server {
    fn create(&self, email: &str, username: &str) -> Value {
        let body = json!({"email": email, "password": PASSWORD, "username": username, "name": "James"});
        let (status, created) = self.post("/create-account", &body);
        assert_eq!(status, 201, "{created}");
        created
    }

    /// The status, and the code of a refusal.
    fn code(&self, path: &str, body: &Value) -> (u16, String) {
        let (status, answer) = self.post(path, body);
        (status, answer.get("code").map(|code| code.as_str().unwrap().to_owned()).unwrap_or_default())
    }

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
fn nothing_is_lost_of_what_the_server_and_several_tools_change_at_once() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("a@b.de", "james");
    let token = created.get("access_token").unwrap().as_str().unwrap();
    let rename = |name: &str| {
        let body = json!({"name": name}).to_string();
        let head = format!("PATCH /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n");
        server.send(&format!("{head}content-length: {}\r\n\r\n{body}", body.len())).0
    };
    let changes = [["set-role", "james", "7"], ["set-verified", "a@b.de", "true"], ["set-role", "a@b.de", "7"]];
    thread::scope(|scope| {
        let tools: Vec<_> =
            changes.iter().map(|change| scope.spawn(|| said(&users(folder.path(), change), 0))).collect();
        for turn in 0..20 {
            assert_eq!(rename(&format!("James {turn}")), 200);
        }
        for tool in tools {
            let (out, _) = tool.join().unwrap();
            assert!(out.contains("the role 7") || out.contains("is verified"), "{out}");
        }
    });
    let user = shown(folder.path(), "james");
    let found = ["name", "role_id", "email_verified", "disabled"].map(|key| user.get(key).unwrap().clone());
    assert_eq!(found, [json!("James 19"), json!(7), json!(true), json!(false)]);
    let (_, login) = server.post("/login", &json!({"username": "james", "password": PASSWORD}));
    let profile = login.get("user").unwrap();
    assert_eq!((profile.get("role_id"), profile.get("email_verified")), (Some(&json!(7)), Some(&json!(true))));
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
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.last().unwrap().get("expires_at"), created.get("refresh_expires_at"));
    assert_eq!(
        user,
        json!({
            "id": id, "email": "James@yopmail.com", "username": "james", "name": "James", "role_id": 1,
            "email_verified": false, "disabled": false, "created_at": created_at, "password": "argon2id",
            "sessions": sessions,
            "log": {"identities": [pseudonym("james@yopmail.com"), pseudonym("james")], "user": pseudonym(id)},
        })
    );
    let (out, told) = said(&users(folder.path(), &["show", "james"]), 0);
    assert!(told.is_empty() && !out.contains("$argon2") && out.contains("password: argon2id\n"), "{out}{told}");
    for words in ["live sessions: 2\n  since ", "state: enabled\n", &pseudonym("james"), &pseudonym(id)] {
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
        // Nobody can be asked.
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
fn accounts_from_elsewhere_log_in_with_the_passwords_that_they_had() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let uid = "3Fq9XbR2tLhYw0aZcVuKs8mNpQe1";
    let full = json!({
        "email": "Full@B.de", "password_hash": HASH, "username": "Full", "name": " F. U. Ll ", "email_verified": true,
        "role_id": 9, "disabled": false, "id": uid,
    });
    let bare = json!({"email": "bare@b.de", "username": null, "password_hash": null, "name": null});
    let disabled = json!({"email": "disabled@b.de", "password_hash": HASH, "disabled": true});
    let answers = import(folder.path(), &format!("{full}\n{bare}\n{disabled}"), 0);
    assert_eq!(answers.first().unwrap(), &json!({"ok": true, "id": uid}));
    assert!(answers.iter().all(|answer| answer.get("ok") == Some(&json!(true))) && answers.len() == 3);

    let (status, login) = server.post("/login", &json!({"username": "full", "password": "password"}));
    assert_eq!((status, login.get("uid")), (200, Some(&json!(uid))), "{login}");
    let profile = json!({"id": uid, "role_id": 9, "name": "F. U. Ll", "email": "Full@B.de", "email_verified": true});
    assert_eq!(login.get("user"), Some(&profile));
    assert_eq!((server.check(&login), server.refresh(&login)), (refusal(200, ""), refusal(200, "")));
    assert_eq!(server.login("bare@b.de", "password"), refusal(401, "invalid_credentials"));
    assert_eq!(server.login("disabled@b.de", "password"), refusal(403, "account_disabled"));
    let bare = shown(folder.path(), "bare@b.de");
    assert_eq!((bare.get("password"), bare.get("role_id")), (Some(&json!("none")), Some(&json!(1))));
    assert_eq!(bare.get("id").unwrap().as_str().unwrap().len(), 36);
}

#[test]
fn a_line_that_is_wrong_or_taken_is_answered_with_why_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("taken@b.de", "taken");
    let id = created.get("uid").unwrap().as_str().unwrap();
    let before = shown(folder.path(), id);
    let long = format!(r#"{{"email":"l@b.de","name":"{}"}}"#, "x".repeat(70_000));
    let lines = [
        (json!({"email": "Taken@b.de", "role_id": 5, "password_hash": HASH}).to_string(), "this e-mail address exists"),
        (json!({"email": "x@b.de", "username": "taken"}).to_string(), "This username is taken."),
        (json!({"email": "x@b.de", "id": id}).to_string(), "An account with this id exists already."),
        (json!({"username": "x"}).to_string(), "`email` is required."),
        (json!({"email": "x"}).to_string(), "`email`: This is not an e-mail address."),
        (json!({"email": 1}).to_string(), "`email` must be text."),
        (json!({"email": "x@b.de", "username": "a b"}).to_string(), "`username`: A username has"),
        (json!({"email": "x@b.de", "name": "a\u{7}"}).to_string(), "`name`: A name has no control characters."),
        (json!({"email": "x@b.de", "role_id": 0}).to_string(), "`role_id` must be a whole number"),
        (json!({"email": "x@b.de", "role_id": 1.5}).to_string(), "`role_id` must be a whole number"),
        (json!({"email": "x@b.de", "disabled": "true"}).to_string(), "`disabled` must be true or false."),
        (json!({"email": "x@b.de", "password_hash": ""}).to_string(), "`password_hash` is no hash"),
        (json!({"email": "x@b.de", "password_hash": "password"}).to_string(), "`password_hash` is no hash"),
        (json!({"email": "x@b.de", "password_hash": HASH.replace("m=65536", "m=4294967295")}).to_string(), "no hash"),
        (json!({"email": "x@b.de", "id": ""}).to_string(), "`id` is not a text of 1 to 128 bytes"),
        (json!({"email": "x@b.de", "id": "é".repeat(65)}).to_string(), "`id` is not a text of 1 to 128 bytes"),
        (json!({"email": "x@b.de", "id": "a\u{85}"}).to_string(), "without control characters"),
        (json!({"email": "x@b.de", "passwordHash": HASH}).to_string(), "The line has a key that is none of email,"),
        (r#"{"email":"x@b.de","email":"y@b.de"}"#.to_owned(), "The line gives a key twice."),
        ("[]".to_owned(), "The line is not a JSON object."),
        (String::new(), "The line is not valid JSON."),
        (long, "The line is longer than 64 KiB."),
    ];
    let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let answers = import(folder.path(), &format!("{text}{}\n", json!({"email": "last@b.de"})), 1);
    assert_eq!(answers.len(), lines.len() + 1);
    for ((line, sentence), answer) in lines.iter().zip(&answers) {
        let error = answer.get("error").unwrap_or_else(|| panic!("{line}")).as_str().unwrap();
        assert!(answer.get("ok") == Some(&json!(false)) && error.contains(sentence), "{line}: {error}");
    }
    assert_eq!(answers.last().unwrap().get("ok"), Some(&json!(true)), "what comes after a wrong line is taken");
    for who in ["x@b.de", "y@b.de", "l@b.de"] {
        said(&users(folder.path(), &["show", who]), 1);
    }
    assert_eq!(shown(folder.path(), id), before);
    assert_eq!(server.login("taken@b.de", PASSWORD), refusal(200, ""));

    let file = folder.path().join("lines.json");
    fs::write(&file, json!({"email": "file@b.de"}).to_string()).unwrap();
    said(&users(folder.path(), &["import", file.to_str().unwrap()]), 0);
    let (out, told) = said(&users(folder.path(), &["import", "missing.json"]), 1);
    assert!(out.is_empty() && told.contains("missing.json cannot be read"), "{told}");
}

/// A record that was not tidied away must not log anybody in to whoever has the id next.
#[tokio::test]
async fn no_session_of_an_account_that_was_deleted_comes_back_with_its_id() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let store = Store::new(Embedded::file(&folder.path().join("latchkey.db")).unwrap().client(), "latchkey");
    let line = json!({"email": "a@b.de", "id": "uid"}).to_string();
    let now = latchkey::keys::now();
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let lives = Lives { absolute: days(30), idle: days(14), reuse_interval: Duration::ZERO };
    let mut sessions = Vec::new();
    for turn in 0..2 {
        import(folder.path(), &line, 0);
        let user = store.user("uid").await.unwrap().unwrap();
        assert!(user.sessions_ended_at.is_some_and(|ended| now < ended));
        assert!(sessions.iter().all(|session: &Session| !session.is_live(&user, now)));
        sessions.push(Session::start(SessionId::new([turn; 12]), &user, now, &lives));
        assert!(sessions.last().unwrap().is_live(&user, now));
        said(&users(folder.path(), &["delete", "uid", "--yes"]), 0);
    }
}

#[test]
fn without_a_database_that_is_told_and_none_is_made() {
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
fn where_the_keys_are_a_secret_the_accounts_are_on_aws_and_a_folder_that_is_named_comes_first() {
    let (tables, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let server = Server::spawn(command(tables.path()).args(["--dynamodb-port", &port]));
    let created = server.create("a@b.de", "james");
    let on_aws = |arguments: &[&str]| {
        let mut tool = tool(elsewhere.path(), arguments);
        tool.envs([
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://127.0.0.1:{port}").as_str()),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
        ]);
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
