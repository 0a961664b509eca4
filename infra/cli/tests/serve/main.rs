//! Runs `latchkey serve` as a process, as a person does who starts it, stops it and starts it
//! again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod addresses;
mod audit;
mod backups;
mod connections;
mod external;
mod federation;
mod growth;
mod mails;
mod mistakes;
mod outbox;
mod terminal;
mod webhooks;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use rustix::process::Signal;
use serde_json::{Value, json};
use shared::testing::server::{Server, command};
use tempfile::TempDir;

fn credentials() -> Value {
    json!({"email": "a@b.de", "password": "correct horse"})
}

/// The text on standard error. Fails if the exit code is another.
fn refused(code: i32, output: &Output) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_first_line_says_where_it_listens_and_its_curl_works_when_pasted() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let (says, curl) = server.line.trim().split_once(" — try: ").unwrap();
    assert_eq!(says, format!("Latchkey listens on http://{}", server.address));
    let output = Command::new("sh").args(["-c", curl]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).expect("the answer of curl");
    assert_eq!(answer["token_type"], "Bearer", "{answer}");
}

#[test]
fn accounts_sessions_and_keys_outlive_a_stop_and_even_a_kill() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("new/folder");
    let server = Server::start(&data);
    let (status, created) = server.post("/create-account", &credentials());
    assert_eq!(status, 201, "{created}");
    server.signal(Signal::TERM);
    server.ends_well();

    let server = Server::start(&data);
    let (status, login) = server.post("/login", &credentials());
    assert_eq!((status, &login["uid"]), (200, &created["uid"]));
    server.signal(Signal::KILL);
    drop(server);

    let server = Server::start(&data);
    assert_eq!(server.post("/refresh", &json!({"refresh_token": created["refresh_token"]})).0, 200);
    assert_eq!(server.post("/refresh", &json!({"refresh_token": login["refresh_token"]})).0, 200);
    server.signal(Signal::INT);
    server.ends_well();
}

#[test]
fn everything_secret_is_readable_by_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let _server = Server::start(&data);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for name in ["signing-keys.json", "firebase-service-account.json", "proof-key", "latchkey.db", "latchkey.db-wal"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
}

#[test]
fn a_second_start_on_the_same_folder_is_refused_with_a_sentence() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let sentence = refused(1, &command(folder.path()).output().unwrap());
    assert!(sentence.contains("is in use by another latchkey serve"), "{sentence}");
    assert_eq!(server.post("/create-account", &credentials()).0, 201);
}

#[test]
fn a_port_in_use_and_a_wrong_configuration_are_refused_with_a_sentence() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut with_port = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    with_port.args(["serve", "--data-dir"]).arg(folder.path()).env_clear().env("PORT", &port);
    let sentence = refused(1, &with_port.output().unwrap());
    assert!(sentence.contains(&format!("Port {port} is in use")), "{sentence}");

    let mut misconfigured = command(folder.path());
    misconfigured.env("ACCESS_TOKEN_TTL_SECONDS", "1d").env("LOG_LEVEL", "loud");
    let sentence = refused(2, &misconfigured.output().unwrap());
    assert!(
        sentence.contains("ACCESS_TOKEN_TTL_SECONDS must be") && sentence.contains("LOG_LEVEL must be"),
        "{sentence}"
    );
}

#[test]
fn a_key_file_that_cannot_be_used_is_refused_by_name_and_left_as_it_is() {
    for (name, words) in
        [("signing-keys.json", "not a key set"), ("firebase-service-account.json", "`type` is not `service_account`")]
    {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, "{}").unwrap();
        let sentence = refused(1, &command(folder.path()).output().unwrap());
        assert!(sentence.contains(words), "{sentence}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
    }
}

#[test]
fn a_request_under_way_is_answered_before_the_stop() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let mut slow = TcpStream::connect(&server.address).unwrap();
    let body = credentials().to_string();
    let head = format!(
        "POST /create-account HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(&body.as_bytes()[..5]).unwrap();
    // This answer shows that the connection before it was accepted.
    assert_eq!(server.post("/login", &credentials()).0, 401);
    server.signal(Signal::TERM);
    slow.write_all(&body.as_bytes()[5..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    server.ends_well();
}

#[test]
fn logs_are_one_json_object_a_line_and_hold_no_secret() {
    let folder = TempDir::new().unwrap();
    let mut server =
        Server::spawn(command(folder.path()).env("LOG_LEVEL", "trace").env("REFRESH_REUSE_INTERVAL_SECONDS", "0"));
    let (_, created) = server.post("/create-account", &credentials());
    server.post("/login", &json!({"email": "a@b.de", "password": "a wrong horse"}));
    let mut newest = created.clone();
    for _ in 0..2 {
        newest = server.post("/refresh", &json!({"refresh_token": newest["refresh_token"]})).1;
    }
    let (_, reused) = server.post("/refresh", &json!({"refresh_token": created["refresh_token"]}));
    assert_eq!(reused["code"], "refresh_token_reused");
    server.signal(Signal::TERM);
    let mut logs = String::new();
    server.process.stderr.take().unwrap().read_to_string(&mut logs).unwrap();
    let paths: Vec<String> = logs
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect(line))
        .filter_map(|line| line["path"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(paths, ["/create-account", "/login", "/refresh", "/refresh", "/refresh"]);
    assert!(logs.contains("refresh_token_reused"));
    let secrets = ["correct horse", "wrong horse", "$argon2", "PRIVATE KEY", "eyJ"].map(str::to_owned);
    let tokens =
        ["refresh_token", "access_token", "jwt_token"].map(|key| created[key].as_str().unwrap()[..12].to_owned());
    for secret in secrets.iter().chain(&tokens) {
        assert!(!logs.contains(secret.as_str()), "{secret}");
    }
}

#[test]
fn generated_keys_are_private_and_no_file_is_ever_overwritten() {
    let folder = TempDir::new().unwrap();
    let generate = |name: &str| {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        tool.args(["keys", "generate", name]).current_dir(folder.path()).output().unwrap()
    };
    let files = || fs::read_dir(folder.path()).unwrap().count();
    assert!(generate("keys.json").status.success());
    let path = folder.path().join("keys.json");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    shared::keys::KeyRing::parse(&text).unwrap();

    let sentence = refused(1, &generate("keys.json"));
    assert!(sentence.contains("There is a key set in keys.json already"), "{sentence}");
    assert_eq!((fs::read_to_string(&path).unwrap(), files()), (text, 1));
    refused(1, &generate("missing/keys.json"));
}

#[test]
fn the_address_it_listens_on_is_the_one_it_names() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(command(folder.path()).args(["--host", "127.0.0.2"]));
    assert!(server.address.starts_with("127.0.0.2:"), "{}", server.line);
    let (_, discovery) =
        server.send("GET /.well-known/openid-configuration HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(discovery["issuer"], format!("http://{}", server.address));
}

#[test]
fn without_a_need_for_it_no_demo_account_is_made() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(command(folder.path()).env("TOKEN_PROFILE", "access"));
    let (_, created) = server.post("/create-account", &credentials());
    assert_eq!(created["jwt_token"], created["access_token"]);
    assert!(!folder.path().join("firebase-service-account.json").exists());
}

#[test]
fn emulator_mode_does_not_start_where_it_would_let_anybody_in() {
    let folder = TempDir::new().unwrap();
    let emulator = ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099");
    for variable in ["AWS_LAMBDA_FUNCTION_NAME", "K_SERVICE"] {
        let mut deployed = command(folder.path());
        deployed.envs([emulator, (variable, "login"), ("SIGNING_KEYS_SECRET_ID", "keys")]);
        let sentence = refused(2, &deployed.output().unwrap());
        assert!(sentence.contains(&format!("FIREBASE_AUTH_EMULATOR_HOST is set, and so is {variable}")), "{sentence}");
        assert!(sentence.contains("anybody could sign in as anybody"), "{sentence}");
    }
    let mut server = Server::spawn(command(folder.path()).envs([emulator]));
    server.signal(Signal::TERM);
    let mut logs = String::new();
    server.process.stderr.take().unwrap().read_to_string(&mut logs).unwrap();
    assert!(logs.contains("emulator mode: only unsigned ID tokens"), "{logs}");
}

#[test]
fn what_is_for_a_laptop_alone_does_not_start_where_other_machines_reach_it() {
    let folder = TempDir::new().unwrap();
    for (variable, value) in [("RATE_LIMITS", "off"), ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")] {
        for host in ["0.0.0.0", "::", "192.0.2.1"] {
            let mut open = command(folder.path());
            open.args(["--host", host]).env(variable, value);
            let sentence = refused(2, &open.output().unwrap());
            assert!(sentence.contains(variable) && sentence.contains(&format!("the address {host}")), "{sentence}");
            assert!(sentence.contains("Unset that variable, or listen on 127.0.0.1"), "{sentence}");
        }
        for host in ["127.0.0.1", "127.0.0.9"] {
            let mut local = command(folder.path());
            let server = Server::spawn(local.args(["--host", host]).env(variable, value).stderr(Stdio::null()));
            assert!(server.address.starts_with(host), "{}", server.address);
        }
    }
}

#[test]
fn a_service_account_of_another_project_is_refused_at_start_by_both_names() {
    let folder = TempDir::new().unwrap();
    let mut mismatched = command(folder.path());
    mismatched
        .envs([("FIREBASE_SERVICE_ACCOUNT", shared::testing::service_account()), ("FIREBASE_PROJECT_ID", "other")]);
    let sentence = refused(1, &mismatched.output().unwrap());
    assert!(sentence.contains("FIREBASE_PROJECT_ID is other") && sentence.contains("demo-latchkey"), "{sentence}");
    // Nobody chose the demo account, so its project is no contradiction.
    Server::spawn(command(folder.path()).env("FIREBASE_PROJECT_ID", "other")).signal(Signal::TERM);
}

#[test]
fn a_mangled_private_key_is_repaired_and_the_log_says_what_was_but_not_the_key() {
    let folder = TempDir::new().unwrap();
    let mangled = shared::testing::service_account().replace("\\n", "\\\\n");
    let mut server = Server::spawn(command(folder.path()).env("FIREBASE_SERVICE_ACCOUNT", mangled));
    let (status, created) = server.post("/create-account", &credentials());
    assert_eq!(status, 201);
    assert_ne!(created["jwt_token"], created["access_token"]);
    server.signal(Signal::TERM);
    let mut logs = String::new();
    server.process.stderr.take().unwrap().read_to_string(&mut logs).unwrap();
    let line = logs.lines().find(|line| line.contains("was repaired")).expect(&logs);
    let line: Value = serde_json::from_str(line).unwrap();
    assert!(line["repairs"].as_str().unwrap().contains("newlines"), "{line}");
    assert!(!logs.contains("PRIVATE KEY") && !logs.contains("MII"), "{logs}");
}

#[test]
fn a_key_in_the_wrong_variable_is_refused_and_never_repeated() {
    let account = shared::testing::service_account();
    let folder = TempDir::new().unwrap();
    let lines: Vec<&str> = account.split("\\n").collect();
    let (whole, line) = (account.replace('\n', " "), lines[5]);
    for name in [
        "FIREBASE_PROJECT_ID",
        "GOOGLE_CLOUD_PROJECT",
        "FIREBASE_CLIENT_EMAIL",
        "FIREBASE_TENANT_ID",
        "FIREBASE_SERVICE_ACCOUNT_SECRET_ID",
        "SIGNING_KEYS_SECRET_ID",
        "SHARED_SECRET_ID",
        "API_KEY_SECRET_ID",
        "KEYS_TTL_SECONDS",
        "FIREBASE_CERTS_URL",
        "FIREBASE_AUTH_EMULATOR_HOST",
        "TOKEN_PROFILE",
        "ISSUER",
        "LOG_LEVEL",
        "PORT",
    ] {
        let sentence = refused(2, &command(folder.path()).env(name, &whole).output().unwrap());
        assert!(sentence.contains(name) && !sentence.contains(line), "{name}: {sentence}");
    }
    // A part of a key is no path, and is not printed either.
    let sentence = refused(1, &command(folder.path()).env("FIREBASE_SERVICE_ACCOUNT", line).output().unwrap());
    assert!(sentence.contains("FIREBASE_SERVICE_ACCOUNT: ") && !sentence.contains(line), "{sentence}");
    for variable in ["GOOGLE_APPLICATION_CREDENTIALS", "FIREBASE_SERVICE_ACCOUNT"] {
        for value in [line, "GOCSPX-abcdef", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"] {
            let mut tool = Command::new(env!("CARGO_BIN_EXE_latchkey"));
            let output =
                tool.args(["token", "create", "--uid", "u"]).env_clear().env(variable, value).output().unwrap();
            let sentence = refused(2, &output);
            assert!(sentence.contains(variable) && !sentence.contains(value), "{sentence}");
        }
    }
}

#[test]
fn the_project_that_was_chosen_comes_before_that_of_the_demo_account() {
    let emulator = ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099");
    for (variables, project) in [
        (&[][..], "demo-latchkey"),
        (&[("GOOGLE_CLOUD_PROJECT", "my-app")], "my-app"),
        (&[("GOOGLE_CLOUD_PROJECT", "other"), ("FIREBASE_PROJECT_ID", "my-app")], "my-app"),
    ] {
        let folder = TempDir::new().unwrap();
        let server = Server::spawn(command(folder.path()).envs([emulator]).envs(variables.iter().copied()));
        let mut claims = shared::testing::id_token_claims("u", latchkey::deployment::now());
        claims["aud"] = json!(project);
        claims["iss"] = json!(format!("https://securetoken.google.com/{project}"));
        let token = shared::testing::unsigned(&json!({"alg": "none", "typ": "JWT"}), &claims);
        let (status, body) = server.post("/verify", &json!({"token": token}));
        assert_eq!((status, &body["kind"]), (200, &json!("firebase_id_token")), "{project}: {body}");
    }
}
