//! The tool `latchkey`. Prints results on standard output and everything else on standard error.
//! The exit code is 1 for a "no" and 2 for wrong use.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use latchkey::{Failure, doctor, keys, serve, smoke, tell, token, users};

/// A login backend that mints Firebase custom tokens.
#[derive(Parser)]
#[command(version)]
struct Latchkey {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every endpoint behind one port, with an embedded DynamoDB. The first start makes the
    /// keys.
    Serve(serve::Serve),
    /// List, generate, rotate and revoke the signing keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Create, decode and inspect tokens.
    #[command(subcommand)]
    Token(token::Token),
    /// Disable, enable, show, change, delete and import accounts.
    Users(users::Users),
    /// Check that a deployment can work: configuration, keys, table, clock, certificate endpoint,
    /// CORS.
    Doctor(doctor::Doctor),
    /// Walk one account through a deployed API, and delete the account again.
    Smoke(smoke::Smoke),
}

fn wait_for(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let done = runtime.block_on(command);
    // Does not wait for name look-ups that are still running.
    runtime.shutdown_background();
    done
}

fn main() -> ExitCode {
    let done = match Latchkey::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Keys(keys) => wait_for(keys.run()),
        Command::Token(token) => wait_for(token.run()),
        Command::Users(users) => wait_for(users.run()),
        Command::Doctor(doctor) => wait_for(doctor.run()),
        Command::Smoke(smoke) => wait_for(smoke.run()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, text }) => {
            tell(&text);
            ExitCode::from(code)
        }
    }
}
