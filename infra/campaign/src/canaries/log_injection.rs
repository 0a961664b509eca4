//! Log injection: sends line breaks, quotes and escapes in every part of a request.
//!
//! Every log line must stay one JSON object, without a forged field and without raw control
//! characters. The rows count answers, lines, broken lines and forged fields.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    process::{Process, log},
    report::Report,
};

/// Line breaks, ends of JSON strings, terminal escapes and characters that change the display.
const TEXTS: [&str; 9] = [
    "\n{\"level\":\"ERROR\",\"forged\":true}\n",
    "\r\n{\"forged\":true}",
    "\",\"forged\":true,\"a\":\"",
    "\"}{\"forged\":true}",
    "\u{1b}[2J\u{1b}[31mforged",
    "\u{9b}31mforged\u{7f}\u{8}",
    "\u{2028}{\"forged\":true}\u{2029}",
    "\u{202e}forged\u{2066}",
    "\0forged\u{85}",
];

/// Far longer than an answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends each text in every place, and reads the log of this form.
pub fn log_injection(form: &str, report: &mut Report) {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let process = Process::start(
        &data,
        &[("LOG_FORMAT", form), ("LOG_LEVEL", "trace"), ("RATE_LIMITS", "off"), ("TOKEN_PROFILE", "access")],
    );
    let requests: Vec<Vec<u8>> = TEXTS.into_iter().flat_map(requests).collect();
    let answered = requests.iter().filter(|request| send(&process.server.address, request)).count();
    process.kill();
    let text = String::from_utf8(fs::read(log(&data)).expect("a log")).expect("UTF-8");
    // Only a line feed ends a line for a log reader.
    let lines: Vec<&str> = text.split_terminator('\n').collect();
    let (broken, forged) = if form == "json" { judge_json(&lines) } else { judge_text(&lines) };
    report.row(
        format!(
            "{} requests with line breaks, quotes and escapes in path, request id, headers and fields: log as {form}",
            requests.len()
        ),
        "each request answered; each line in the form of the log, none forged",
        format!("{answered} answered, {} lines, {broken} broken, {forged} forged", lines.len()),
        // Many requests are not valid HTTP and end in the parser.
        broken + forged == 0 && answered == requests.len() && lines.len() > requests.len() / 2,
    );
    let raw: BTreeSet<String> = lines
        .iter()
        .flat_map(|line| line.chars())
        .filter(acts_on_terminal)
        .map(|c| c.escape_unicode().to_string())
        .collect();
    report.row(
        format!("the same, log as {form}: characters that act on a terminal"),
        "no control character, no change of direction, no other line separator",
        if raw.is_empty() { "none".to_owned() } else { format!("{raw:?}") },
        raw.is_empty(),
    );
}

/// The lines that are no JSON object, and those with a field of a request.
fn judge_json(lines: &[&str]) -> (usize, usize) {
    let objects: Vec<Option<Value>> = lines.iter().map(|line| serde_json::from_str(line).ok()).collect();
    let broken = objects.iter().filter(|value| !value.as_ref().is_some_and(Value::is_object)).count();
    (broken, objects.iter().flatten().filter(|value| value.get("forged").is_some()).count())
}

/// The lines that do not begin with a time of day, and those that begin with a text of a request.
fn judge_text(lines: &[&str]) -> (usize, usize) {
    let begins_with_time = |line: &&&str| {
        let time = line.split(' ').next().unwrap_or_default();
        time.len() == 8 && time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
    };
    let broken = lines.iter().filter(|line| !begins_with_time(line)).count();
    (broken, lines.iter().filter(|line| line.starts_with('{') || line.starts_with("forged")).count())
}

fn acts_on_terminal(c: &char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Requests with this text in each place, raw and escaped.
fn requests(text: &str) -> Vec<Vec<u8>> {
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    // A header cannot contain its own terminator.
    let header: String = text.chars().filter(|c| !"\r\n\0".contains(*c)).collect();
    let folded = text.replace('\n', "\n ");
    let mut requests = vec![head("GET", &format!("/{escaped}"), ""), head("GET", &format!("/{header}"), "")];
    for value in [&header, &folded, &escaped] {
        for name in ["X-Request-Id", "Authorization", "X-Api-Key", "User-Agent", "Idempotency-Key", "Origin", "Host"] {
            requests.push(head("GET", "/me", &format!("{name}: {value}\r\n")));
        }
    }
    requests.push(head(&header, "/me", ""));
    for field in ["email", "username", "name", "password", "refresh_token", "token", text] {
        for path in ["/create-account", "/login", "/refresh", "/verify"] {
            // `json!` keeps the last of equal keys.
            let body = json!({"email": "a@b.de", "password": "correct horse battery", field: text}).to_string();
            let mut request = head("POST", path, &format!("Content-Length: {}\r\n", body.len()));
            request.extend(body.into_bytes());
            requests.push(request);
        }
    }
    requests
}

fn head(method: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

/// Sends a raw request, and returns whether any answer came.
fn send(address: &str, request: &[u8]) -> bool {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    !answer.is_empty()
}
