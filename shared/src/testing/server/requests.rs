//! Requests to a server, each with a connection of its own.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Stdio,
};

use serde_json::Value;

use super::{Server, command};

impl Server {
    /// Starts a server without its log. A full pipe would stop the server.
    pub fn start(folder: &Path) -> Self {
        Self::spawn(command(folder).stderr(Stdio::null()))
    }

    /// Posts JSON.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ))
    }

    /// Sends a raw request.
    pub fn send(&self, request: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        // A 204 has no body.
        let body = if status == 204 { "{}" } else { body };
        (status, serde_json::from_str(body).expect("JSON"))
    }
}
