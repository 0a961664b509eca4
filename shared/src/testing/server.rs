//! Starts `latchkey serve` as a process, for the tests that need one.

use std::{
    env,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// A running server. Dropping it kills the process.
pub struct Server {
    /// The process. The command decides about its standard error.
    pub process: Child,
    /// The first line of its standard output.
    pub line: String,
    /// The address and the port that it listens on.
    pub address: String,
}

impl Server {
    /// Starts a server, and waits until it listens.
    pub fn spawn(command: &mut Command) -> Self {
        Self::of(command.stdout(Stdio::piped()).spawn().expect("the program is there"))
    }

    /// Waits until the process prints its address.
    pub fn of(mut process: Child) -> Self {
        let mut line = String::new();
        let output = process.stdout.as_mut().expect("standard output is piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect(&line).to_owned();
        Self { process, line, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command that serves this data folder on any free port. It has no variables, except for those
/// that a test adds.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command.args(["serve", "--port", "0", "--data-dir"]).arg(folder).env_clear().stderr(Stdio::piped());
    command
}

/// A port on which nobody listens at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// The variables by which a program finds the DynamoDB that a server opens on this port.
pub fn dynamodb_at(port: u16) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://127.0.0.1:{port}")),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "any".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
    ]
}
