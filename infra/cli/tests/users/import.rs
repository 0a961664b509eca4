//! Runs `latchkey users import`.

use std::{fs, io::Write, path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use shared::{
    account::session::{Session, SessionId, SessionLifetimes},
    store::{Store, embedded::Embedded},
    testing::server::Server,
};
use tempfile::TempDir;

use super::{Accounts, PASSWORD, refusal, said, shown, tool, users};

/// A hash of the password `password`, from the test suite of the reference implementation.
const HASH: &str = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

/// Sends lines to `users import -`, and reads the answers.
#[track_caller]
pub fn import(folder: &Path, lines: &str, code: i32) -> Vec<Value> {
    let mut import = tool(folder, &["import", "-", "--quiet"]);
    let mut import = import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    import.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let (answers, told) = said(&import.wait_with_output().unwrap(), code);
    assert!(told.is_empty() && !answers.contains("$argon2") && !answers.contains("CTFhFdXPJO1"), "{answers}{told}");
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
    assert_eq!(answers.first().unwrap(), &json!({"ok": true, "id": uid, "line": 1}));
    assert!(answers.iter().all(|answer| answer.get("ok") == Some(&json!(true))) && answers.len() == 3);

    let (status, login) = server.post("/login", &json!({"username": "full", "password": "password"}));
    assert_eq!((status, login.get("uid")), (200, Some(&json!(uid))), "{login}");
    let user = login.get("user").unwrap();
    let profile = json!({
        "id": uid, "role_id": 9, "name": "F. U. Ll", "email": "Full@B.de", "email_verified": true, "username": "full",
        "created_at": user.get("created_at"), "metadata": {},
    });
    assert_eq!(*user, profile);
    assert_eq!((server.check(&login), server.refresh(&login)), (refusal(200, ""), refusal(200, "")));
    assert_eq!(server.login("bare@b.de", "password"), refusal(401, "invalid_credentials"));
    assert_eq!(server.login("disabled@b.de", "password"), refusal(403, "account_disabled"));
    let bare = shown(folder.path(), "bare@b.de");
    assert_eq!((bare.get("password"), bare.get("role_id")), (Some(&json!("none")), Some(&json!(1))));
    assert_eq!(bare.get("id").unwrap().as_str().unwrap().len(), 36);
}

#[test]
fn a_wrong_line_or_an_existing_account_is_answered_with_the_reason_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("taken@b.de", "taken");
    let id = created.get("uid").unwrap().as_str().unwrap();
    let before = shown(folder.path(), id);
    let long = format!(r#"{{"email":"l@b.de","name":"{}"}}"#, "x".repeat(70_000));
    let lines = [
        (json!({"email": "Taken@b.de", "role_id": 5, "password_hash": HASH}).to_string(), "this e-mail address exists"),
        (json!({"email": "x@b.de", "username": "taken"}).to_string(), "This username is taken."),
        (json!({"email": "x@b.de", "id": id}).to_string(), "An account with this id exists already"),
        (json!({"username": "x"}).to_string(), "`email` is required."),
        (json!({"email": "x"}).to_string(), "`email`: This is not an e-mail address."),
        (json!({"email": 1}).to_string(), "`email` must be text."),
        (json!({"email": "x@b.de", "username": "a b"}).to_string(), "`username`: A username has"),
        (
            json!({"email": "x@b.de", "name": "a\u{7}"}).to_string(),
            "`name`: A name must not contain control characters.",
        ),
        (json!({"email": "x@b.de", "role_id": 0}).to_string(), "`role_id` must be a whole number"),
        (json!({"email": "x@b.de", "role_id": 1.5}).to_string(), "`role_id` must be a whole number"),
        (json!({"email": "x@b.de", "disabled": "true"}).to_string(), "`disabled` must be true or false."),
        (json!({"email": "x@b.de", "password_hash": ""}).to_string(), "`password_hash`: The hash is empty."),
        (json!({"email": "x@b.de", "password_hash": "password"}).to_string(), "`password_hash`: This is no hash"),
        (
            json!({"email": "x@b.de", "password_hash": HASH.replace("m=65536", "m=4294967295")}).to_string(),
            "argon2id hash",
        ),
        (json!({"email": "x@b.de", "id": ""}).to_string(), "`id` is not a text of 1 to 128 bytes"),
        (json!({"email": "x@b.de", "id": "é".repeat(65)}).to_string(), "`id` is not a text of 1 to 128 bytes"),
        (json!({"email": "x@b.de", "id": "a\u{85}"}).to_string(), "without control characters"),
        (json!({"email": "x@b.de", "passwordHash": "hunter2"}).to_string(), "`password_hash`: This is no hash"),
        (r#"{"email":"x@b.de","email":"y@b.de"}"#.to_owned(), "The line gives a key twice: again, in column 19."),
        ("[]".to_owned(), "The line is not a JSON object but a list."),
        ("{\"email\"}".to_owned(), "The line is not valid JSON: in column 9, "),
        (long, "The line is longer than 64 KiB."),
    ];
    let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let answers = import(folder.path(), &format!("{text}{}\n", json!({"email": "last@b.de"})), 1);
    assert_eq!(answers.len(), lines.len() + 1);
    for ((line, sentence), answer) in lines.iter().zip(&answers) {
        let error = answer.get("error").unwrap_or_else(|| panic!("{line}")).as_str().unwrap();
        assert!(answer.get("ok") == Some(&json!(false)) && error.contains(sentence), "{line}: {error}");
    }
    assert_eq!(answers.last().unwrap().get("ok"), Some(&json!(true)), "the lines after a wrong line are imported");
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

#[test]
fn marks_that_nobody_sees_are_passed_over() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let line = json!({"email": "bom@b.de", "password_hash": format!("{HASH}\r\n")});
    let answers = import(folder.path(), &format!("\u{feff}\r\n{line}\r\n\n \n{}", json!({"email": "x"})), 1);
    let numbers: Vec<_> = answers.iter().map(|answer| answer.get("line").unwrap().clone()).collect();
    assert_eq!(numbers, [2, 5]);
    assert_eq!(server.login("bom@b.de", "password"), refusal(200, ""));
}

/// A session record may outlive its account. It must not open a later account with the same id.
#[tokio::test]
async fn no_session_of_an_account_that_was_deleted_comes_back_with_its_id() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let store = Store::new(Embedded::file(&folder.path().join("latchkey.db")).unwrap().client(), "latchkey");
    let line = json!({"email": "a@b.de", "id": "uid"}).to_string();
    let now = latchkey::deployment::now();
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let lives = SessionLifetimes {
        absolute: days(30),
        idle: days(14),
        reuse_interval: Duration::ZERO,
        unused_child: Duration::ZERO,
    };
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

/// The accounts of an export of Firebase that cannot log in here, each with a part of its refusal.
fn unusable() -> [(Value, &'static str); 8] {
    let none = "so that an account with a phone number alone, or an anonymous one, cannot be imported";
    let phone = json!([{"providerId": "phone", "rawId": "+491701234568"}]);
    [
        (json!({"localId": "phone", "phoneNumber": "+491701234568", "providerUserInfo": phone}), none),
        (json!({"localId": "anonymous", "providerUserInfo": []}), none),
        (json!({"localId": "empty", "email": ""}), none),
        (json!({"localId": "blank", "email": " \u{200b}"}), none),
        (json!({"localId": "umlaut", "email": "jürgen@b.de"}), "before the @ must be plain ASCII"),
        (json!({"localId": "cyrillic", "email": "почта@пример.рф"}), "before the @ must be plain ASCII"),
        (json!({"localId": "quoted", "email": "\"john doe\"@b.de"}), "before the @ must have no quotation marks"),
        (json!({"localId": "blanks", "email": "john doe@b.de"}), "This is not an e-mail address."),
    ]
}

#[test]
fn an_account_without_an_address_that_works_here_is_refused_with_its_line_and_a_way_on() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let mut lines: Vec<String> = unusable().iter().map(|(user, _)| user.to_string()).collect();
    lines.push(json!({"localId": "good", "email": "good@münchen.example"}).to_string());
    let file = folder.path().join("users.json");
    fs::write(&file, format!("{{\"users\": [\n{}\n]}}", lines.join(",\n"))).unwrap();
    let (out, told) = said(&users(folder.path(), &["import", file.to_str().unwrap()]), 1);
    let answers: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), lines.len());
    for ((index, (user, part)), answer) in unusable().iter().enumerate().zip(&answers) {
        let error = answer.get("error").unwrap().as_str().unwrap();
        assert_eq!(answer.get("line"), Some(&json!(index + 2)), "{user}");
        let way_on = if error.starts_with("`email` is required.") {
            "Add an address to the record, or leave the account out."
        } else {
            "Put another address of this person into the file, and import it again."
        };
        assert!(error.contains(part) && error.contains(way_on), "{user}: {error}");
    }
    assert!(told.contains("1 created, 0 there already, 8 refused"), "{told}");
    assert_eq!(shown(folder.path(), "good").get("email"), Some(&json!("good@münchen.example")));
    // The same rules hold for a new account, whose message is for the person alone.
    for (email, message) in [
        ("jürgen@b.de", "The part of an e-mail address before the @ must be plain ASCII."),
        ("\"john doe\"@b.de", "The part of an e-mail address before the @ must have no quotation marks."),
    ] {
        let (status, answer) = server.post("/create-account", &json!({"email": email, "password": PASSWORD}));
        assert_eq!((status, answer.get("message")), (400, Some(&json!(message))));
    }
}

#[test]
fn a_letter_that_nobody_sees_is_a_part_of_a_password_that_the_tool_reads() {
    const UNSEEN: &str = "correct\u{200b}horse battery\u{2060}";
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let server = Server::start(folder.path());
    let with_line = |arguments: &[&str], line: &str| {
        let mut process = tool(folder.path(), arguments);
        let process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = process.spawn().unwrap();
        process.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        said(&process.wait_with_output().unwrap(), 0)
    };
    let assert_password = |server: &Server| {
        assert_eq!(server.login("a@b.de", UNSEEN), refusal(200, ""));
        assert_eq!(server.login("a@b.de", "correcthorse battery"), refusal(401, "invalid_credentials"));
    };
    with_line(&["create", "a@b.de"], &format!("{UNSEEN}\n"));
    assert_password(&server);
    with_line(&["set-password", "a@b.de"], &format!("{PASSWORD}\n"));
    assert_eq!(server.login("a@b.de", UNSEEN), refusal(401, "invalid_credentials"));
    // The byte order mark of a file is no part of its first line.
    with_line(&["set-password", "a@b.de"], &format!("\u{feff}{UNSEEN}\r\n"));
    assert_password(&server);
    let file = folder.path().join("export.jsonl");
    said(&users(folder.path(), &["export", "--with-passwords", file.to_str().unwrap()]), 0);
    let second = Server::start(other.path());
    said(&users(other.path(), &["import", file.to_str().unwrap()]), 0);
    assert_password(&second);
}

#[test]
fn a_file_that_cannot_be_imported_is_named_with_the_reason_in_plain_words() {
    let folder = TempDir::new().unwrap();
    let _server = Server::start(folder.path());
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    write("users.pdf", b"%PDF-1.7\n");
    write("users.db", b"SQLite format 3\0");
    write("users.jsonl", b"{\"email\":\"a@b.de\"}\n");
    for (name, options, part) in [
        ("missing.csv", &[][..], "missing.csv cannot be read: there is nothing of that name."),
        (".", &[], "cannot be read: it is a folder."),
        ("old.xls", &[], "it is an old Excel workbook; save it as CSV in UTF-8"),
        ("users.pdf", &[], "it is a PDF"),
        ("users.db", &[], "users.db cannot be read: SQLite says: file is not a database"),
        ("users.jsonl", &["--table", "people"], "--table is for SQLite files: the file is none."),
        ("users.jsonl", &["--from-line", "9"], "has no account from line 9 on, so that nothing was imported."),
        (
            "users.jsonl",
            &["--hash-config", "missing.txt"],
            "missing.txt cannot be read: there is nothing of that name.",
        ),
    ] {
        let path = folder.path().join(name);
        let output = users(folder.path(), &[&["import", path.to_str().unwrap()], options].concat());
        let (_, told) = said(&output, if options.contains(&"--table") { 2 } else { 1 });
        assert!(told.contains(part) && !told.contains("os error"), "{name}: {told}");
    }
}

/// The lines of an export with the hashes, in the order of the ids.
fn exported(folder: &Path) -> Vec<String> {
    let (out, _) = said(&users(folder, &["export", "--with-passwords"]), 0);
    let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn an_export_that_is_imported_after_everything_was_deleted_is_the_same_export() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let session = server.create("native@b.de", "native");
    let text = r#"{"id":"fb-1","imported_uid":true,"email":"Full@B.de","username":"Full","name":"F. Ull","role_id":9,
        "email_verified":true,"disabled":true,"created_at":"2020-02-29T12:00:00.123Z","password_hash":"HASH",
        "claims":{"plan":"pro","n":113774264463038321964,"https://x.example/a":[1.10]},
        "metadata":{"z":113774264463038321964,"a":{"b":[1.10,null]}},"private_metadata":{"note":"never shown"}}"#;
    let text = text.replace('\n', "").replace("HASH", HASH);
    let more = [
        json!({"id": "fb-2", "email": "plain@b.de", "password_hash": HASH}),
        json!({"id": "fb-3", "email": "claims@b.de", "claims": {"a": 1}}),
        json!({"id": "fb-4", "email": "private@b.de", "name": "P", "private_metadata": {"a": 1}}),
    ];
    import(folder.path(), &more.iter().fold(text, |text, line| format!("{text}\n{line}")), 0);
    let before = exported(folder.path());
    assert_eq!(before.len(), 5);
    for part in [
        r#""claims":{"plan":"pro","n":113774264463038321964,"https://x.example/a":[1.10]}"#,
        r#""metadata":{"z":113774264463038321964,"a":{"b":[1.10,null]}},"private_metadata":{"note":"never shown"}"#,
        r#""role_id":9,"email_verified":true,"disabled":true,"created_at":"2020-02-29T12:00:00.123Z""#,
    ] {
        assert!(before.iter().any(|line| line.contains(part)), "{part}: {before:?}");
    }
    for line in &before {
        let account: Value = serde_json::from_str(line).unwrap();
        said(&users(folder.path(), &["delete", account.get("email").unwrap().as_str().unwrap(), "--yes"]), 0);
    }
    assert_eq!(exported(folder.path()), [""; 0]);
    let answers = import(folder.path(), &before.join("\n"), 0);
    assert!(answers.iter().all(|answer| answer.get("already").is_none()), "{answers:?}");
    assert_eq!(exported(folder.path()), before);
    assert_eq!(server.login("native@b.de", PASSWORD), refusal(200, ""));
    assert_eq!(server.login("plain@b.de", "password"), refusal(200, ""));
    assert_eq!(server.login("full@b.de", "password"), refusal(403, "account_disabled"));
    assert_eq!(server.refresh(&session), refusal(401, "refresh_token_invalid"), "no session comes back");
    // Once more changes nothing, apart from the hash that the login made anew.
    let now = exported(folder.path());
    let answers = import(folder.path(), &now.join("\n"), 0);
    assert!(answers.iter().all(|answer| answer.get("already") == Some(&json!(true))), "{answers:?}");
    assert_eq!(exported(folder.path()), now);
}
