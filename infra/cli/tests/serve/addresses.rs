//! Failures are counted by the connection's own address, or behind a proxy by the address that the
//! proxy names.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
};

use serde_json::Value;
use shared::testing::server::{Server, command, free_port};
use tempfile::TempDir;

/// The number of addresses that are counted after three failed logins from this machine. Their
/// headers name other addresses.
fn addresses_counted(arguments: &[&str]) -> usize {
    let (folder, port) = (TempDir::new().unwrap(), free_port());
    let mut command = command(folder.path());
    let server = Server::spawn(command.args(["--dynamodb-port", &port.to_string()]).args(arguments));
    for (number, forwarded) in ["192.0.2.1", "203.0.113.9, 192.0.2.2", "203.0.113.9, 192.0.2.2"].into_iter().enumerate()
    {
        let body = format!(r#"{{"email":"a{number}@b.de","password":"wrong horse"}}"#);
        let request = format!(
            "POST /login HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {forwarded}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(server.send(&request).0, 401);
    }
    scan(port).matches("LIMIT#failed-logins#").count()
}

/// The whole table, as JSON of DynamoDB.
fn scan(port: u16) -> String {
    let body = r#"{"TableName":"latchkey"}"#;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: DynamoDB_20120810.Scan\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-date: 20260101T000000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=any/20260101/any/dynamodb/aws4_request, \
         SignedHeaders=host, Signature=any\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The status and the code of a login with these headers.
fn login(server: &Server, headers: &str) -> (u16, String) {
    let body = r#"{"email":"a@b.de","password":"wrong horse"}"#;
    let (status, answer) = server.send(&format!(
        "POST /login HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ));
    (status, answer.get("code").and_then(Value::as_str).unwrap_or_default().to_owned())
}

#[test]
fn behind_a_proxy_a_request_that_names_no_caller_is_refused_and_a_probe_is_not() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(command(folder.path()).arg("--behind-proxy").stderr(Stdio::null()));
    assert_eq!(login(&server, ""), (400, "forwarded_address_missing".to_owned()));
    assert_eq!(login(&server, "x-forwarded-for: 192.0.2.1\r\n").0, 401);
    assert_eq!(server.send("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").0, 200);
}

#[test]
fn past_a_proxy_with_a_secret_nothing_is_answered() {
    let folder = TempDir::new().unwrap();
    let secret = "0123456789abcdef0123456789abcdef";
    let mut command = command(folder.path());
    let server = Server::spawn(command.arg("--behind-proxy").env("TRUSTED_PROXY_SECRET", secret).stderr(Stdio::null()));
    let forwarded = "x-forwarded-for: 192.0.2.1\r\n";
    assert_eq!(login(&server, forwarded), (403, "proxy_required".to_owned()));
    assert_eq!(login(&server, &format!("{forwarded}x-trusted-proxy-secret: {secret}\r\n")).0, 401);
}

#[test]
fn a_header_counts_only_where_a_proxy_is_said_to_write_it() {
    assert_eq!(addresses_counted(&[]), 1);
    assert_eq!(addresses_counted(&["--behind-proxy"]), 2);
}
