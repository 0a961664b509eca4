//! Signals to a server.

use rustix::process::{Pid, Signal, kill_process};

use super::Server;

impl Server {
    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("the process runs");
    }

    /// Waits for the end of the process, and fails unless the exit code is 0.
    pub fn ends_well(mut self) {
        assert!(self.process.wait().expect("it ends").success());
    }
}
