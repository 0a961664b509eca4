//! Sends signals to a server, without another process.

use rustix::process::{Pid, Signal, kill_process};

use super::Server;

impl Server {
    /// Sends a signal to the server.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("the process runs");
    }

    /// Waits for the end of the process. Fails unless the exit code is 0.
    pub fn ends_well(mut self) {
        assert!(self.process.wait().expect("it ends").success());
    }
}
