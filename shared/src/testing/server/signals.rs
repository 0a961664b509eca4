//! Signals to a server, without the detour of another process.

use rustix::process::{Pid, Signal, kill_process};

use super::Server;

impl Server {
    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("it is still there");
    }

    /// Waits for its end, which is to be a good one.
    pub fn ends_well(mut self) {
        assert!(self.process.wait().expect("it ends").success());
    }
}
