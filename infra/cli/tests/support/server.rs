//! `latchkey serve` as a process.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// A running server; it is killed when dropped.
pub struct Server {
    /// The process. Its standard error is what its command was told.
    pub process: Child,
    /// What it said when it was ready.
    pub line: String,
    /// Where it listens: address and port.
    pub address: String,
}

impl Server {
    /// Starts one, and waits until it listens.
    pub fn spawn(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the program is there");
        let mut line = String::new();
        let output = process.stdout.as_mut().expect("its output is taken");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let address = address.expect("it says where it listens").to_owned();
        Self { process, line, address }
    }

    /// Sends it a signal, without the detour of another process.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("it is still there");
    }

    /// Waits for its end, which is to be a good one.
    pub fn ends_well(mut self) {
        assert!(self.process.wait().expect("it ends").success());
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.args(["serve", "--port", "0", "--data-dir"]).arg(folder).env_clear();
    command
}
