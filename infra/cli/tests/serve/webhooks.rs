//! The webhook of a server that is killed and started again, and the command that tries it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::{Value, json};
use shared::testing::{
    PATIENCE,
    server::{Server, command},
};
use tempfile::TempDir;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Accepts every call, and returns the bodies.
fn accept(listener: TcpListener) -> Receiver<Value> {
    let (sender, bodies) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim().to_ascii_lowercase();
                length = line.strip_prefix("content-length:").map_or(length, |text| text.trim().parse().unwrap());
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    bodies
}

fn variables(url: &str) -> [(&'static str, String); 2] {
    [("EVENT_WEBHOOK_URL", url.to_owned()), ("EVENT_WEBHOOK_SECRET", SECRET.to_owned())]
}

#[test]
fn an_event_outlives_the_kill_of_its_server_and_a_change_by_the_tool_is_told_by_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (folder, url) = (TempDir::new().unwrap(), format!("http://{}/", listener.local_addr().unwrap()));
    // Connections wait in the queue of the listener, so that no call is answered yet.
    let server = Server::spawn(command(folder.path()).envs(variables(&url)));
    let credentials = json!({"email": "a@b.example", "password": "correct horse battery"});
    assert_eq!(server.post("/create-account", &credentials).0, 201);
    server.signal(Signal::KILL);
    drop(server);

    let bodies = accept(listener);
    let server = Server::spawn(command(folder.path()).envs(variables(&url)));
    // The first attempt may have begun before the kill, and the second is five seconds later.
    let body = bodies.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&body["type"], &body["data"]["user"]["email"]), (&json!("user.created"), &json!("a@b.example")));

    let mut tool = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    let tool = tool.args(["users", "disable", "a@b.example"]).env_clear().env("DATA_DIR", folder.path());
    assert!(tool.envs(variables(&url)).stdin(Stdio::null()).output().unwrap().status.success());
    let mut types: Vec<_> = (0..2).map(|_| bodies.recv_timeout(PATIENCE).unwrap()["type"].clone()).collect();
    types.sort_by_key(Value::to_string);
    assert_eq!(types, ["user.disabled", "user.updated"]);
    server.signal(Signal::TERM);
    server.ends_well();
    assert!(bodies.recv_timeout(Duration::from_millis(10)).is_err(), "nothing is told twice");
}

#[test]
fn the_command_says_what_came_of_its_message() {
    let folder = TempDir::new().unwrap();
    let run = |variables: &[(&str, String)]| {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        let tool = tool.args(["webhook", "test"]).env_clear().env("DATA_DIR", folder.path());
        tool.envs(variables.iter().cloned()).output().unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let bodies = accept(listener);
    let output = run(&variables(&url));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.starts_with("204 in "), "{output:?}");
    assert_eq!(bodies.recv_timeout(PATIENCE).unwrap()["type"], "webhook.test");

    let output = run(&variables("http://127.0.0.1:9/"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text.starts_with("no answer in ") && text.contains("cannot be reached"), "{text}");

    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("set EVENT_WEBHOOK_URL"), "{output:?}");
}
