//! A server of its own process, with its log in a file and its table within reach.

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

/// A running server; it is killed when dropped.
pub struct Process {
    /// The process itself.
    pub server: Server,
    /// Where the table is.
    dynamodb_port: u16,
}

impl Process {
    /// Starts a server on this data folder with these variables.
    pub fn start(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let dynamodb_port = server::free_port();
        let mut command = command(folder, variables);
        command.args(["--dynamodb-port", &dynamodb_port.to_string()]);
        Self { server: Server::spawn(&mut command), dynamodb_port }
    }

    /// The variables by which another server finds its table.
    pub fn external(&self) -> [(&'static str, String); 4] {
        server::dynamodb_at(self.dynamodb_port)
    }

    /// A client of its own connections.
    pub fn client(&self) -> Client {
        Client::new(&self.server.address)
    }

    /// The table behind it.
    pub fn table(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
            .endpoint_url(format!("http://127.0.0.1:{}", self.dynamodb_port));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Asks it to stop, which is to end well.
    pub fn stop(self) {
        self.server.signal(Signal::TERM);
        self.server.ends_well();
    }

    /// Ends it at once, wherever it is.
    pub fn kill(mut self) {
        self.server.signal(Signal::KILL);
        self.server.process.wait().expect("it ends");
    }

    /// The most memory that it has had so far, in KiB.
    pub fn memory_max_kib(&self) -> u64 {
        self.status("VmHWM").trim_end_matches(" kB").parse().expect("a number")
    }

    /// Whether a signal has stopped it.
    pub fn is_stopped(&self) -> bool {
        self.status("State").starts_with('T')
    }

    /// What Linux says of it.
    fn status(&self, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.process.id())).expect("it runs");
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.expect("Linux tells it").trim().to_owned()
    }
}

/// The command that serves this folder with these variables; its log is added to [`log`].
pub fn command(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let log = File::options().create(true).append(true).open(log(folder)).expect("a log");
    let mut command = server::command(folder);
    command.envs(variables.iter().copied()).stderr(log);
    command
}

/// The log of every server of this data folder.
pub fn log(folder: &Path) -> PathBuf {
    folder.with_extension("log")
}

/// How many lines the log has, and the first of them that is no JSON object.
pub fn log_lines(folder: &Path) -> (usize, Option<String>) {
    let text = String::from_utf8_lossy(&fs::read(log(folder)).expect("a log")).into_owned();
    let is_object = |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object());
    (text.lines().count(), text.lines().find(|line| !is_object(line)).map(str::to_owned))
}
