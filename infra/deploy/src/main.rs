//! The program `latchkey-deploy`, which `latchkey deploy` and `latchkey stack` start. The exit code
//! is 1 for a "no" and 2 for wrong use.

use std::process::ExitCode;

use clap::Parser;
use latchkey::{
    deploy::{Program, ProgramCommand},
    tell,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let program = Program::parse();
    program.quiet.apply();
    let done = match program.command {
        ProgramCommand::Deploy(asked) => deploy::deploy(*asked).await,
        ProgramCommand::Stack(asked) => deploy::stack(asked).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            tell(&text);
            ExitCode::FAILURE
        }
    }
}
