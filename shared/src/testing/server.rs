//! `latchkey serve` as a process.

mod requests;
mod signals;

use std::{
    env,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

/// A running server, killed when dropped.
pub struct Server {
    /// The process. Its command decides about standard error.
    pub process: Child,
    /// The first line of standard output.
    pub line: String,
    /// The address and port of the server.
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
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command that serves this data folder on a free port, with an empty environment.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command.args(["serve", "--port", "0", "--data-dir"]).arg(folder).env_clear().stderr(Stdio::piped());
    command
}

/// The program `latchkey` in the target folder of the running test.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = env::current_exe().expect("the test is a file");
        let program = test.ancestors().nth(2).expect("cargo puts tests into a folder").join("latchkey");
        assert!(program.is_file(), "{} is missing: build it with `cargo test --workspace --no-run`", program.display());
        program
    })
}

/// A port without a listener at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// The environment variables that point a program to a DynamoDB on this port.
pub fn dynamodb_at(port: u16) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://127.0.0.1:{port}")),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "any".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
    ]
}
