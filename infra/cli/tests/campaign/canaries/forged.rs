//! Texts that would be lines of the log of their own, in every place that may get into it.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    process::{Process, log},
    table::Table,
};

/// New lines, ends of a JSON text, escapes of a terminal, and characters that change what is seen.
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

/// Sends each of them everywhere, and reads the log.
pub fn forged(table: &mut Table) {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let process = Process::start(&data, &[("LOG_LEVEL", "trace"), ("RATE_LIMITS", "off"), ("TOKEN_PROFILE", "access")]);
    let mut sent = 0;
    for text in TEXTS {
        for request in requests(text) {
            send(&process.server.address, &request);
            sent += 1;
        }
    }
    process.kill();
    let text = String::from_utf8(fs::read(log(&data)).expect("a log")).expect("UTF-8");
    // By the line feed alone: it ends a line for whatever reads logs.
    let lines: Vec<&str> = text.split_terminator('\n').collect();
    let objects: Vec<Option<Value>> = lines.iter().map(|line| serde_json::from_str(line).ok()).collect();
    let broken = objects.iter().filter(|value| !value.as_ref().is_some_and(Value::is_object)).count();
    let forged = objects.iter().flatten().filter(|value| value.get("forged").is_some()).count();
    table.row(
        format!("{sent} requests with lines, quotes and escapes in path, request id, headers and fields: the log"),
        "each line one JSON object, none forged",
        format!("{} lines, {broken} broken, {forged} forged", lines.len()),
        broken + forged == 0 && !lines.is_empty(),
    );
    let raw: Vec<&&str> = lines.iter().filter(|line| line.contains(acts_on_a_screen)).collect();
    table.row(
        "the same: what acts on a terminal that shows the log",
        "no control character, no change of direction, no other end of line",
        format!(
            "{} lines {}",
            raw.len(),
            raw.first().map_or_else(String::new, |line| line.escape_unicode().to_string())
        ),
        raw.is_empty(),
    );
}

fn acts_on_a_screen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Requests with this text in each place, as it is and in the writing that the place asks for.
fn requests(text: &str) -> Vec<Vec<u8>> {
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    // What ends a header cannot be in one.
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
            let mut body = json!({"email": "a@b.de", "password": "correct horse battery"});
            body[field] = json!(text);
            let body = body.to_string();
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

/// Sends it, and waits for the end of the answer, if there is one.
fn send(address: &str, request: &[u8]) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
    // A server that has read enough may hang up at any time.
    let _ = stream.write_all(request).and_then(|()| stream.shutdown(Shutdown::Write));
    let _ = stream.read_to_end(&mut Vec::new());
}
