//! Runs `latchkey token` as a process, as a person and as a script.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use latchkey::lines::Lines;
use serde_json::{Value, json};
use shared::{
    jose::jwt::Jwt,
    keys::service_account::ServiceAccount,
    testing::{block_on, service_account},
};
use tempfile::TempDir;

const EMAIL: &str = "latchkey@demo-latchkey.iam.gserviceaccount.com";

/// `latchkey token create` with a key.
fn create(arguments: &[&str]) -> Command {
    let mut command = keyless(arguments);
    command.env("FIREBASE_SERVICE_ACCOUNT", service_account());
    command
}

/// `latchkey token create` without one.
fn keyless(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.args(["token", "create"]).args(arguments).env_clear();
    command
}

fn private_key() -> String {
    let file: Value = serde_json::from_str(service_account()).unwrap();
    file.get("private_key").unwrap().as_str().unwrap().to_owned()
}

/// The one token on standard output, and the text on standard error.
#[track_caller]
fn minted(output: &Output) -> (Jwt, String) {
    let (out, errors) = (str::from_utf8(&output.stdout).unwrap(), str::from_utf8(&output.stderr).unwrap());
    assert!(output.status.success(), "{errors}");
    let text = out.strip_suffix('\n').unwrap();
    let token = Jwt::parse(text).unwrap();
    let now = latchkey::deployment::now();
    let account = ServiceAccount::parse(service_account()).unwrap();
    assert_eq!(block_on(account.inspect_custom_token(&token, now, Duration::ZERO)).unwrap(), None);
    (token, errors.to_owned())
}

/// The text on standard error. Fails if the exit code is another.
#[track_caller]
fn refused(code: i32, output: &Output) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The answers to `input` with `--lines`, and the text on standard error.
#[track_caller]
fn answers(input: &[u8]) -> (Vec<Value>, String) {
    let mut process = create(&["--lines"]);
    let process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = process.spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = process.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    let answers = str::from_utf8(&output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap());
    (answers.collect(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_token_alone_is_on_standard_output() {
    let (token, errors) = minted(&create(&["--uid", "user-1"]).output().unwrap());
    assert_eq!((token.claims["uid"].as_str(), token.claims.get("claims")), (Some("user-1"), None));
    assert_eq!(token.expires_at().unwrap().seconds() - token.time("iat").unwrap().seconds(), 3600);
    assert_eq!(errors, "");
    let arguments = ["--uid", "ü", "--claims", r#"{"role":"admin"}"#, "--tenant", "t-1"];
    let (token, _) = minted(&create(&arguments).env("FIREBASE_TENANT_ID", "t-2").output().unwrap());
    assert_eq!(token.claims["claims"], json!({"role": "admin"}));
    assert_eq!((token.claims["uid"].as_str(), token.claims["tenant_id"].as_str()), (Some("ü"), Some("t-1")));
    let (token, _) = minted(&create(&["--uid", "u"]).env("FIREBASE_TENANT_ID", "t-2").output().unwrap());
    assert!(!token.claims.contains_key("tenant_id"));
}

#[test]
fn warnings_and_repairs_are_on_standard_error() {
    let (_, errors) = minted(&create(&["--uid", "u", "--claims", r#"{"email":"a@b.de"}"#]).output().unwrap());
    assert_eq!(errors, "latchkey: Firebase overwrites these claims in the ID token with its own values: email.\n");
    let mut quoted = keyless(&["--uid", "u"]);
    quoted.env("FIREBASE_SERVICE_ACCOUNT", format!("'{}'", service_account()));
    let (_, errors) = minted(&quoted.output().unwrap());
    assert_eq!(errors, "latchkey: The service account of FIREBASE_SERVICE_ACCOUNT was repaired: surrounding quotes.\n");
}

#[test]
fn the_key_is_the_one_given_else_firebases_else_googles() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| fs::write(path(name), text).unwrap();
    write("good.json", service_account());
    write("bad.json", "{}");
    write("key.pem", &private_key());
    let run = |key: Option<&str>, variables: &[(&str, &str)]| {
        let mut command = keyless(&["--uid", "u"]);
        command.current_dir(folder.path()).envs(variables.iter().copied());
        command.args(key.map(|key| ["--key", key]).into_iter().flatten()).output().unwrap()
    };
    let (firebase, google) = ("FIREBASE_SERVICE_ACCOUNT", "GOOGLE_APPLICATION_CREDENTIALS");
    minted(&run(Some("good.json"), &[(firebase, "bad.json"), (google, "bad.json")]));
    minted(&run(None, &[(firebase, "good.json"), (google, "bad.json")]));
    minted(&run(None, &[(firebase, " "), (google, "good.json")]));
    let owner = [("FIREBASE_CLIENT_EMAIL", EMAIL), ("FIREBASE_PROJECT_ID", "demo-latchkey")];
    minted(&run(Some("key.pem"), &owner));
    minted(&run(None, &[owner[0], owner[1], (firebase, &private_key().replace('\n', "\\n"))]));
    let alone = refused(2, &run(Some("key.pem"), &owner[..1]));
    assert!(alone.contains("--key: The service account is a private key alone"), "{alone}");
}

#[test]
fn a_key_that_cannot_be_used_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str], variable: &str, value: &Path| {
        refused(2, &keyless(arguments).current_dir(folder.path()).env(variable, value).output().unwrap())
    };
    fs::write(folder.path().join("web.json"), r#"{"apiKey":"hunter2"}"#).unwrap();
    fs::write(folder.path().join("binary.p12"), [0xff; 5000]).unwrap();
    let uid = ["--uid", "u"];
    for (arguments, variable, value, words) in [
        (&uid[..], "UNRELATED", "x", "There is no key to sign with"),
        (&uid, "FIREBASE_SERVICE_ACCOUNT", "missing.json", "there is no file missing.json"),
        (
            &uid,
            "GOOGLE_APPLICATION_CREDENTIALS",
            "/missing",
            "GOOGLE_APPLICATION_CREDENTIALS: there is no file /missing",
        ),
        (&["--uid", "u", "--key", "missing.json"], "UNRELATED", "x", "--key: there is no file missing.json"),
        (&["--uid", "u", "--key", "."], "UNRELATED", "x", "--key: the file of that name cannot be read"),
        (
            &["--uid", "u", "--key", "web.json"],
            "UNRELATED",
            "x",
            "--key: The service account is the configuration of a web",
        ),
        (&["--uid", "u", "--key", "binary.p12"], "UNRELATED", "x", "is not the JSON file"),
        (&["--uid", "u", "--key", "/dev/zero"], "UNRELATED", "x", "is longer than 64 KiB"),
        (
            &["--lines"],
            "FIREBASE_SERVICE_ACCOUNT",
            "{hunter2}",
            "FIREBASE_SERVICE_ACCOUNT: The service account is not valid",
        ),
    ] {
        let sentence = run(arguments, variable, Path::new(value));
        assert!(sentence.contains(words) && sentence.lines().count() == 1, "{sentence}");
        assert!(sentence.starts_with("latchkey: ") && !sentence.contains("hunter2"), "{sentence}");
    }
}

#[test]
fn a_no_is_exit_1_and_wrong_use_exit_2() {
    for (code, arguments, words) in [
        (1, &["--uid", ""][..], "A uid has 1 to 128 bytes."),
        (1, &["--uid", "u", "--claims", r#"{"sub":1}"#], "reserved and cannot be set: sub."),
        (
            1,
            &["--uid", "u", "--tenant", ""],
            "A tenant id has only letters, digits, `-`, `.`, `_` and `~`, at least one of them, and no dot at its end.",
        ),
        (2, &["--uid", "u", "--claims", "{hunter2"], "latchkey: --claims is not valid JSON: in column 2, "),
        (2, &["--uid", "u", "--claims", "[]"], "latchkey: --claims is not a JSON object but a list."),
        (
            2,
            &["--uid", "u", "--claims", r#"{"a":1,"a":2}"#],
            "latchkey: --claims gives a key twice: again, in column 8.",
        ),
        (2, &[], "--uid"),
        (2, &["--uid", "u", "--lines"], "--lines"),
        (2, &["--lines", "--claims", "{}"], "--lines"),
        (2, &["--uid", "u", "more"], "more"),
    ] {
        let sentence = refused(code, &create(arguments).output().unwrap());
        assert!(sentence.contains(words) && !sentence.contains("hunter2"), "{sentence}");
    }
}

#[test]
fn every_line_has_one_answer_in_its_place() {
    let long = format!(r#"{{"uid":"{}"}}"#, "u".repeat(64 * 1024 - 10));
    let limit = format!("{}{}", r#"{"uid":"limit"}"#, " ".repeat(64 * 1024 - 15));
    let over = format!("{limit} ");
    let cases: [(&[u8], &str); 22] = [
        (br#"{"uid":"one"}"#, ""),
        (br#"{"uid":"two","claims":{"a":1},"tenant":"t","unknown":[]}"#, ""),
        (b"{\"uid\":\"windows\"}\r", ""),
        (
            b"hunter2",
            "The line is not valid JSON: in column 1, a value is expected, and a text stands there without quotation marks.",
        ),
        (b"[]", "The line is not a JSON object but a list."),
        (b"{\"uid\":\"\xff\"}", "The line is not valid UTF-8, in column 9."),
        (br#"{"uid":"a","uid":"b"}"#, "The line gives a key twice: again, in column 12."),
        (b"{}", "`uid` is missing."),
        (br#"{"uid":null}"#, "`uid` must be a text."),
        (br#"{"uid":"u","claims":null}"#, "`claims` must be a JSON object."),
        (br#"{"uid":"u","tenant":null}"#, "`tenant` must be a text."),
        (br#"{"uid":"u","tenant_id":"t"}"#, "`tenant_id` is called `tenant` here."),
        (br#"{"uid":7}"#, "`uid` must be a text."),
        (br#"{"uid":"u","claims":"{}"}"#, "`claims` must be a JSON object."),
        (br#"{"uid":"u","tenant":1}"#, "`tenant` must be a text."),
        (br#"{"uid":""}"#, "A uid has 1 to 128 bytes."),
        (
            br#"{"uid":"u","tenant":""}"#,
            "A tenant id has only letters, digits, `-`, `.`, `_` and `~`, at least one of them, and no dot at its end.",
        ),
        (br#"{"uid":"u","claims":{"iss":1,"aud":1}}"#, "These claims are reserved and cannot be set: aud, iss."),
        (limit.as_bytes(), ""),
        (over.as_bytes(), "The line is longer than 64 KiB."),
        (long.as_bytes(), "A uid has 1 to 128 bytes."),
        (br#"{"uid":"last, without an end"}"#, ""),
    ];
    let input: Vec<&[u8]> = cases.iter().map(|(line, _)| *line).collect();
    let (answers, errors) = answers(&input.join(&b'\n'));
    assert_eq!((answers.len(), errors.as_str()), (cases.len(), ""));
    for (answer, (line, refusal)) in answers.iter().zip(cases) {
        if refusal.is_empty() {
            let token = Jwt::parse(answer["token"].as_str().unwrap()).unwrap();
            let asked: Value = serde_json::from_slice(line).unwrap();
            assert_eq!((&answer["ok"], &token.claims["uid"]), (&json!(true), &asked["uid"]));
            assert_eq!(token.claims.get("claims").unwrap_or(&Value::Null), &asked["claims"]);
            assert_eq!(token.claims.get("tenant_id").unwrap_or(&Value::Null), &asked["tenant"]);
        } else {
            assert_eq!(answer, &json!({"ok": false, "error": refusal}));
        }
    }
}

#[test]
fn no_input_has_no_answer_and_warnings_name_their_line() {
    assert_eq!(answers(b""), (vec![], String::new()));
    // Neither an empty line nor a byte order mark is a line to answer.
    let (answers, errors) = answers("\u{feff}\n{\"uid\":\"u\",\"claims\":{\"user_id\":1}}\r\n \t\r\n".as_bytes());
    assert_eq!((answers.len(), &answers[0]["ok"]), (1, &json!(true)));
    assert!(errors.starts_with("latchkey: line 2: Firebase overwrites these claims"), "{errors}");
}

#[test]
fn a_line_is_answered_before_the_next_is_sent() {
    let mut command = create(&["--lines"]);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    for _ in 0..3 {
        stdin.write_all(b"{\"uid\":\"u\"}\n").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert!(answer.starts_with(r#"{"ok":true,"token":""#), "{answer}");
    }
    drop(stdin);
    assert!(process.wait().unwrap().success());
}

#[test]
fn a_line_without_end_is_not_held() {
    // One line of 256 MiB, within less than 200 MiB of memory.
    let tool = env!("CARGO_BIN_EXE_latchkey");
    let script = format!(
        "ulimit -v 200000; {{ head -c 268435456 /dev/zero; echo; echo '{{}}'; }} | {tool} token create --lines"
    );
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &script]).env("FIREBASE_SERVICE_ACCOUNT", service_account()).output().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let errors: Vec<&str> = answers.lines().map(|line| line.split(['"']).nth(3).unwrap()).collect();
    assert_eq!(errors, ["The line is longer than 64 KiB.", "`uid` is missing."], "{answers}");
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let mut process = create(&["--lines"]);
    let process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = process.spawn().unwrap();
    drop(process.stdout.take());
    // The process may end before all is written.
    let _ = process.stdin.take().unwrap().write_all(&b"{\"uid\":\"u\"}\n".repeat(100));
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// A text in UTF-16 with a byte order mark, as Windows writes it.
fn utf_16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn text_in_utf_16_is_read_from_a_key_file_a_variable_and_standard_input() {
    let (told, errors) = answers(&utf_16("{\"uid\":\"u\"}\r\n{\"uid\":\"é\"}"));
    assert!(told.iter().all(|answer| answer.get("ok") == Some(&json!(true))) && told.len() == 2, "{told:?}{errors}");

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("account.json");
    fs::write(&file, utf_16(service_account())).unwrap();
    minted(&keyless(&["--uid", "u", "--key", file.to_str().unwrap()]).output().unwrap());
    let pasted = format!("\u{feff}\u{200b}{}\u{2060}\n", service_account());
    minted(&keyless(&["--uid", "u"]).env("FIREBASE_SERVICE_ACCOUNT", pasted).output().unwrap());

    for (bytes, part) in [(&b"\x1f\x8b\x08\x00"[..], "gzip"), (b"PK\x03\x04", "ZIP"), (b"\xff\xfea\0b", "damaged")] {
        fs::write(&file, bytes).unwrap();
        let errors = refused(2, &keyless(&["--uid", "u", "--key", file.to_str().unwrap()]).output().unwrap());
        assert!(errors.contains("account.json cannot be read") && errors.contains(part), "{errors}");
    }
}

#[test]
fn a_byte_order_mark_line_ends_and_empty_lines_are_passed_over() {
    let mut lines = Lines::new(&b"\xef\xbb\xbf\r\n{}\r\n \t\n\n[]"[..]);
    assert_eq!(lines.read_filled().unwrap(), Some(Ok(&b"{}"[..])));
    assert_eq!(lines.number(), 2);
    assert_eq!(lines.read_filled().unwrap(), Some(Ok(&b"[]"[..])));
    assert_eq!((lines.number(), lines.read_filled().unwrap()), (5, None));
    let mut lines = Lines::new(&b"\xef\xbb\xbfpassword\n"[..]);
    assert_eq!(lines.read().unwrap(), Some(Ok(&b"password"[..])));
}
