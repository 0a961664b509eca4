//! `latchkey serve` as a process, for the tests that need one.

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

/// A running server; it is killed when dropped.
pub struct Server {
    /// The process. Its standard error is what its command was told.
    pub process: Child,
    /// The first that it said.
    pub line: String,
    /// Where it listens: address and port.
    pub address: String,
}

impl Server {
    /// Starts one, and waits until it listens.
    pub fn spawn(command: &mut Command) -> Self {
        Self::of(command.stdout(Stdio::piped()).spawn().expect("the program is there"))
    }

    /// Waits until it says where it listens.
    pub fn of(mut process: Child) -> Self {
        let mut line = String::new();
        let output = process.stdout.as_mut().expect("its output is taken");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next()).expect(&line).to_owned();
        Self { process, line, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command that serves this data folder on any port, with no variables but those that are added.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command.args(["serve", "--port", "0", "--data-dir"]).arg(folder).env_clear().stderr(Stdio::piped());
    command
}

/// The program `latchkey` as cargo built it into the target folder of the running test.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = env::current_exe().expect("the test is a file");
        let program = test.ancestors().nth(2).expect("cargo puts tests into a folder").join("latchkey");
        assert!(program.is_file(), "{} is missing: build it with `cargo test --workspace --no-run`", program.display());
        program
    })
}

/// A port that nobody listens on at this moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// The variables by which a program finds the table that a server lets others at on this port.
pub fn dynamodb_at(port: u16) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://127.0.0.1:{port}")),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "any".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
    ]
}
