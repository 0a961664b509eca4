//! The tool `latchkey`. Results on standard output, all else on standard error; exit code 1 for a "no", 2 for wrong use.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use latchkey::{Failure, keys, serve};

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
}

fn main() -> ExitCode {
    let done = match Latchkey::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Keys(keys) => keys.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, text }) => {
            for line in text.lines() {
                // Nowhere is left to say that this failed.
                let _ = writeln!(io::stderr(), "latchkey: {line}");
            }
            ExitCode::from(code)
        }
    }
}
