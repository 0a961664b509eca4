//! `latchkey serve` as a process, with its log in a file and its DynamoDB on a port.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use rustix::process::Signal;
use serde_json::Value;
use shared::testing::server::{self, Server};

use crate::client::Client;

/// A running server, killed when dropped.
pub struct Process {
    /// The process.
    pub server: Server,
    /// The port of the embedded DynamoDB.
    dynamodb_port: u16,
}

impl Process {
    /// Starts a server with this data folder and these environment variables.
    pub fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let dynamodb_port = server::free_port();
        let mut command = command(folder, variables);
        command.args(["--dynamodb-port", &dynamodb_port.to_string()]);
        Self { server: Server::spawn(&mut command), dynamodb_port }
    }

    /// The environment variables that point another server to this table.
    pub fn external(&self) -> [(&'static str, String); 4] {
        server::dynamodb_at(self.dynamodb_port)
    }

    /// A client with connections of its own.
    pub fn client(&self) -> Client {
        Client::new(&self.server.address)
    }

    /// A DynamoDB client for the table of the server.
    pub fn table(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
            .endpoint_url(format!("http://127.0.0.1:{}", self.dynamodb_port));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Stops the server by SIGTERM. The exit code must be 0.
    pub fn stop(self) {
        self.server.signal(Signal::TERM);
        self.server.ends_well();
    }

    /// Kills the server by SIGKILL.
    pub fn kill(mut self) {
        self.server.signal(Signal::KILL);
        self.server.process.wait().expect("it ends");
    }

    /// The peak of the resident memory so far, in KiB.
    pub fn memory_max_kib(&self) -> u64 {
        self.status("VmHWM").trim_end_matches(" kB").parse().expect("a number")
    }

    /// The resident memory now, in KiB.
    pub fn memory_kib(&self) -> u64 {
        self.status("VmRSS").trim_end_matches(" kB").parse().expect("a number")
    }

    /// The number of sockets that the process has open.
    pub fn open_sockets(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.server.process.id())).expect("it runs");
        let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
    }

    /// Whether SIGSTOP has stopped the process.
    pub fn is_stopped(&self) -> bool {
        self.status("State").starts_with('T')
    }

    /// A field of `/proc/<pid>/status`.
    fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.process.id())).expect("it runs");
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.expect("the field exists").trim().to_owned()
    }
}

/// The command that serves this data folder. The server appends its log to [`log`].
pub fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let log = File::options().create(true).append(true).open(log(folder)).expect("a log");
    let mut command = server::command(folder);
    command.envs(variables.iter().copied()).stderr(log);
    command
}

/// The log file of all servers of this data folder.
pub fn log(folder: &Path) -> PathBuf {
    folder.with_extension("log")
}

/// The number of lines in the log, and the first line that is not a JSON object.
pub fn log_lines(folder: &Path) -> (usize, Option<String>) {
    let text = String::from_utf8_lossy(&fs::read(log(folder)).expect("a log")).into_owned();
    let is_object = |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object());
    (text.lines().count(), text.lines().find(|line| !is_object(line)).map(str::to_owned))
}
