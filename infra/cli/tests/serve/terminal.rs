//! `latchkey serve` at a terminal, which the program `script` of util-linux is here.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use shared::testing::server::{Server, command, free_port};
use tempfile::TempDir;

use super::{credentials, refused};

/// The longest wait for a line.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `work` against a server at a terminal of 80 columns, and waits for `last` on it. Returns
/// all that was on it.
fn on_terminal(variables: &[(&str, &str)], last: &str, work: impl FnOnce(&Server)) -> String {
    let folder = TempDir::new().unwrap();
    let (port, typescript) = (free_port(), folder.path().join("typescript"));
    let command = format!(
        "stty cols 80; exec {} serve --port {port} --data-dir {}",
        env!("CARGO_BIN_EXE_latchkey"),
        folder.path().join("data").display()
    );
    let mut script = Command::new("script");
    script.args(["-qefc", &command]).arg(&typescript).env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    script.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null());
    let process = script.spawn().unwrap();
    let shown = || String::from_utf8_lossy(&fs::read(&typescript).unwrap_or_default()).into_owned();
    wait_until(|| shown().contains("correct horse battery") || shown().contains("users create"));
    let server = Server { process, line: String::new(), address: format!("127.0.0.1:{port}") };
    work(&server);
    wait_until(|| shown().contains(last));
    let pid = i32::try_from(server.process.id()).unwrap();
    // The signal ends `script`, whose terminal hangs up the server.
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    drop(server);
    shown().replace('\r', "")
}

#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn wait_until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn get(server: &Server, path: &str) -> u16 {
    server.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).0
}

#[test]
fn a_person_sees_a_screen_and_one_short_line_a_request_without_anything_secret() {
    let token = "dlIOa3xQmZ0t5yKc2Vb7Xw1Rn9Ls4Uj8Pf6GhTeYqBk";
    let mut created = json!(null);
    let shown = on_terminal(&[("NO_COLOR", "1")], "GET /%1b", |server| {
        created = server.post("/create-account", &credentials()).1;
        server.post("/login", &json!({"email": "a@b.de", "password": "a wrong horse"}));
        assert_eq!(get(server, "/log-in?password=hunter2"), 404);
        assert_eq!(get(server, &format!("/verify/{token}")), 404);
        assert_eq!(get(server, "/%1b[2Jx"), 404);
    });
    for words in [
        "Latchkey 0.1.0 listens on http://127.0.0.1:",
        "accounts   /",
        "keys       /",
        "jwt_token  ",
        "pages      open the address in a browser",
        "mail       files in /",
        "Ctrl-C",
        "Try it",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for request in [
        r"\d\d:\d\d:\d\d POST /create-account 201 \d+ ms",
        r"\d\d:\d\d:\d\d POST /login 401 \d+ ms invalid_credentials",
        r"\d\d:\d\d:\d\d GET /log-in 404 \d+ ms not_found",
        r"\d\d:\d\d:\d\d GET /verify/… 404 \d+ ms not_found",
        r"\d\d:\d\d:\d\d GET /%1b\[2Jx 404 \d+ ms not_found",
    ] {
        let line = regex_lite::Regex::new(&format!("(?m)^{request}$")).unwrap();
        assert_eq!(line.find_iter(&shown).count(), 1, "{request}: {shown}");
    }
    assert!(!shown.contains('\u{1b}') && !shown.contains("audit") && !shown.contains('{') || shown.contains("-d '{"));
    for line in shown.lines().filter(|line| !line.contains("http") && !line.contains('/')) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let keys = ["refresh_token", "access_token", "jwt_token", "uid"]
        .map(|key| created[key].as_str().unwrap()[..12].to_owned());
    for secret in
        ["correct horse\"", "wrong horse", "hunter2", "a@b.de", token].iter().map(|text| (*text).to_owned()).chain(keys)
    {
        assert!(!shown.contains(&secret), "{secret}: {shown}");
    }
}

#[test]
fn the_example_on_the_screen_works_when_pasted_and_colours_are_for_terminals() {
    let shown = on_terminal(&[], "GET /health", |server| {
        assert_eq!(get(server, "/health"), 200);
    });
    assert!(shown.contains("\u{1b}[1m") && shown.contains("\u{1b}[32m200"), "{shown}");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("typescript");
    let mut pasted = String::new();
    let shown = on_terminal(&[("NO_COLOR", "1")], "POST /create-account", |server| {
        let typescript = on_screen(server);
        let curl = typescript.split("  curl ").nth(1).unwrap().split("'\n").next().unwrap().to_owned();
        pasted = format!("curl {curl}'");
        fs::write(&file, &pasted).unwrap();
        let output = Command::new("sh").arg(&file).output().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["token_type"], "Bearer", "{pasted}: {answer}");
    });
    assert!(shown.contains("POST /create-account 201"), "{shown}");
}

/// The screen of this server, which is in the file that `script` writes.
fn on_screen(server: &Server) -> String {
    let arguments = fs::read(format!("/proc/{}/cmdline", server.process.id())).unwrap();
    let file = arguments.split(|byte| *byte == 0).rfind(|argument| !argument.is_empty()).unwrap().to_vec();
    fs::read_to_string(String::from_utf8(file).unwrap()).unwrap().replace('\r', "")
}

#[test]
fn the_form_of_the_log_can_be_chosen() {
    let shown =
        on_terminal(&[("LOG_FORMAT", "json")], "\"status\":404", |server| assert_eq!(get(server, "/nope"), 404));
    let line = shown.lines().find(|line| line.contains("\"request\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["status"], &line["path"]), (&json!(404), &json!("")));
    assert!(line.get("unknown_path").is_none(), "{line}");

    let folder = TempDir::new().unwrap();
    let mut server = Server::spawn(command(folder.path()).env("LOG_FORMAT", "text"));
    assert_eq!(get(&server, "/nope"), 404);
    let log = log_of(&mut server);
    assert!(log.lines().any(|line| line.contains(" GET /nope 404 ")) && !log.contains('{'), "{log}");
}

fn log_of(server: &mut Server) -> String {
    server.signal(Signal::TERM);
    let mut log = String::new();
    std::io::Read::read_to_string(&mut server.process.stderr.take().unwrap(), &mut log).unwrap();
    log
}

#[test]
fn a_second_signal_ends_at_once_and_the_first_waits_for_open_requests() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::spawn(&mut command(folder.path()));
    let mut slow = TcpStream::connect(&server.address).unwrap();
    slow.write_all(b"POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{").unwrap();
    // This answer shows that the connection before it was accepted.
    assert_eq!(get(&server, "/health"), 200);
    server.signal(Signal::INT);
    let mut log = BufReader::new(server.process.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("a second signal ends at once")));
    assert!(server.process.try_wait().unwrap().is_none(), "a request is open");
    server.signal(Signal::INT);
    assert_eq!(server.process.wait().unwrap().code(), Some(1));
}

#[test]
fn an_address_may_be_a_name_or_in_brackets() {
    for (host, shown) in [
        ("localhost", "127.0.0.1:"),
        ("0.0.0.0", "127.0.0.1:"),
        ("::1", "[::1]:"),
        ("[::1]", "[::1]:"),
        ("127.0.0.1", "127.0.0.1:"),
    ] {
        let folder = TempDir::new().unwrap();
        let server = Server::spawn(command(folder.path()).args(["--host", host]).stderr(Stdio::null()));
        assert!(server.address.starts_with(shown), "{host}: {}", server.address);
    }
    let folder = TempDir::new().unwrap();
    let sentence = refused(1, &command(folder.path()).args(["--host", "192.0.2.1"]).output().unwrap());
    assert!(sentence.contains("192.0.2.1 is no address of this machine"), "{sentence}");
}

#[test]
fn a_port_in_use_is_told_with_the_way_out() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    serve.args(["serve", "--data-dir"]).arg(folder.path()).env_clear().env("PORT", port.to_string());
    let sentence = refused(1, &serve.output().unwrap());
    assert!(sentence.contains(&format!("PORT={} latchkey serve", u32::from(port) + 1)), "{sentence}");
}

#[test]
fn a_damaged_file_is_named_once_by_its_path_in_our_words() {
    for (name, text, words) in [
        ("signing-keys.json", "{\"hunter2\": 1}", "not a key set in Latchkey's format"),
        ("signing-keys.json", "", "not a key set in Latchkey's format"),
        ("firebase-service-account.json", "{\"hunter2\": 1}", "`type` is not `service_account`"),
        ("latchkey.db", "hunter2 is no database at all", "is no database, or it is damaged"),
    ] {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        let told = refused(1, &command(folder.path()).output().unwrap());
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains(file.to_str().unwrap()) && told.contains(words) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_wrong_service_account_is_told_once() {
    for (account, words) in [
        ("hunter2", "FIREBASE_SERVICE_ACCOUNT: "),
        ("{\"type\": \"authorized_user\"}", "`type` is `authorized_user`"),
        ("/nowhere/account.json", "/nowhere/account.json cannot be read: there is nothing of that name"),
    ] {
        let folder = TempDir::new().unwrap();
        let told = refused(1, &command(folder.path()).env("FIREBASE_SERVICE_ACCOUNT", account).output().unwrap());
        assert!(told.lines().count() == 1 && told.contains(words) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_data_folder_that_cannot_be_used_is_told_with_the_way_out() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let told = |folder: &Path| refused(1, &command(folder).output().unwrap());
    for (folder, words) in [
        (file.clone(), "a part of its path is a file"),
        (file.join("below"), "a part of its path is a file"),
        (Path::new("/proc/latchkey").to_owned(), ""),
    ] {
        let told = told(&folder);
        assert!(told.lines().count() == 1 && told.contains(words), "{told}");
        assert!(told.contains(folder.to_str().unwrap()) && told.contains("--data-dir or DATA_DIR"), "{told}");
    }
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    // The administrator may write everywhere.
    if fs::write(locked.join("probe"), "").is_err() {
        assert!(told(&locked).contains("this user lacks the permission"));
    }
}

#[test]
fn a_setting_without_effect_and_a_mistyped_name_are_told_at_the_start() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::spawn(
        command(folder.path()).envs([("CORS_ALLOWED_ORIGIN", "https://a.example"), ("FIREBASE_PROJECT_ID", "my-app")]),
    );
    let log = log_of(&mut server);
    assert!(log.contains("CORS_ALLOWED_ORIGIN is no setting"), "{log}");
    assert!(log.contains("signInWithCustomToken() of your project refuses it"), "{log}");
}
