//! Mistakes of whoever starts the server or calls it, and the sentences about them.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use rustix::process::Signal;
use shared::testing::server::{Server, command};
use tempfile::TempDir;

use super::refused;

#[test]
fn a_client_that_speaks_https_to_it_is_told_of_in_the_log() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::spawn(&mut command(folder.path()));
    let mut client = TcpStream::connect(&server.address).unwrap();
    // The beginning of a ClientHello, RFC 8446 section 4.1.2.
    client.write_all(&[22, 3, 1, 0, 5, 1, 0, 0, 1, 0, 13, 10, 13, 10]).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    server.signal(Signal::TERM);
    let mut logs = String::new();
    server.process.stderr.take().unwrap().read_to_string(&mut logs).unwrap();
    assert_eq!(logs.matches("the URL must begin with http://").count(), 1, "{logs}");
}

#[test]
fn a_service_account_that_cannot_be_read_is_named_by_its_variable_and_its_path() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("google-services.json"), "{\"project_info\": {}, \"client\": []}").unwrap();
    let google = folder.path().join("google-services.json").display().to_string();
    for (path, parts) in [
        (
            "missing.json",
            &["FIREBASE_SERVICE_ACCOUNT: missing.json cannot be read: there is nothing of that name."][..],
        ),
        ("~/account.json", &["FIREBASE_SERVICE_ACCOUNT: ~/account.json cannot be read", "write the whole path"]),
        (&google, &["FIREBASE_SERVICE_ACCOUNT: ", "google-services.json, which belongs to an Android app"]),
    ] {
        let mut server = command(&folder.path().join("data"));
        let sentence = refused(1, &server.env("FIREBASE_SERVICE_ACCOUNT", path).output().unwrap());
        assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
    }
}
