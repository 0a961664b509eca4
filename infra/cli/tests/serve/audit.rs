//! The audit events of a server, read from its log.

use std::{fs, io::Read};

use rustix::process::Signal;
use serde_json::{Value, json};
use shared::{
    keys::RefreshKeys,
    testing::server::{Server, command},
};
use tempfile::TempDir;

#[test]
fn each_part_of_a_profile_change_is_an_event_with_the_names_of_the_account() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::spawn(&mut command(folder.path()));
    let (_, created) = server.post("/create-account", &super::credentials());
    let token = created["access_token"].as_str().unwrap();
    for body in [
        json!({"name": "Jim"}),
        json!({"username": "jim"}),
        json!({"username": "jim"}),
        json!({"name": "James", "username": ""}),
        json!({}),
    ] {
        let body = body.to_string();
        let (status, answer) = server.send(&format!(
            "PATCH /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        ));
        assert_eq!(status, 200, "{answer}");
    }
    server.signal(Signal::TERM);
    let mut log = String::new();
    server.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&Value> = lines.iter().filter(|line| line["event"].is_string()).collect();
    let names: Vec<&str> = events.iter().map(|line| line["event"].as_str().unwrap()).collect();
    let changes = ["profile_changed", "username_changed", "profile_changed", "username_changed"];
    assert_eq!(names, [&["account_created"], &changes[..]].concat());
    let keys = fs::read_to_string(folder.path().join("signing-keys.json")).unwrap();
    let names = RefreshKeys::parse(&keys).unwrap().pseudonyms();
    for event in events {
        assert_eq!(event["identity"], names.of("a@b.de"), "{event}");
        assert_eq!(event["user"], names.of(created["uid"].as_str().unwrap()), "{event}");
    }
    assert!(!log.contains("Jim") && !log.contains("James"), "{log}");
}
