//! The tool `latchkey`. Prints results on standard output and everything else on standard error.
//! The exit code is 1 for a "no" and 2 for wrong use.

use std::process::ExitCode;

use clap::Parser;
use latchkey::{Failure, command_line::Latchkey, tell};

fn main() -> ExitCode {
    match Latchkey::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, text }) => {
            tell(&text);
            ExitCode::from(code)
        }
    }
}
