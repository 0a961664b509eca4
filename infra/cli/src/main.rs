//! The tool `latchkey`. Results on standard output, all else on standard error; exit code 1 for a "no", 2 for wrong use.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use latchkey::{Failure, keys, serve, tell, token};

/// A login backend that mints Firebase custom tokens.
#[derive(Parser)]
#[command(version)]
struct Latchkey {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every endpoint behind one port, with an embedded DynamoDB. Keys are made at the first start.
    Serve(serve::Serve),
    /// Signing keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Tokens by hand.
    #[command(subcommand)]
    Token(token::Token),
}

fn main() -> ExitCode {
    let done = match Latchkey::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Keys(keys) => keys.run(),
        Command::Token(token) => token.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, text }) => {
            tell(&text);
            ExitCode::from(code)
        }
    }
}
