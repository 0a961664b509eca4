//! Walks through the built programs from the outside, as `make e2e` and `make rotation` run them.
//!
//! They need the pinned tools of .tools/venv, which `cargo test` does not: cargo-lambda, moto and
//! SAM.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a trial that cannot go on fails, and people read the report"
)]

mod artefacts;
mod clock;
mod deployment;
mod emulator;
mod gateway;
mod http;
mod lambda;
mod latchkey;
mod log;
mod mails;
mod process;
mod rotation;
mod secrets;
mod session;
mod tokens;
mod trials;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use libtest_mimic::Arguments;

use trials::Trials;

/// Walks through the built programs from the outside.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    walk: Walk,
}

#[derive(Subcommand)]
enum Walk {
    /// The artefacts on AWS's emulation of the Lambda runtime, route by route.
    Artefacts {
        #[command(flatten)]
        arguments: Arguments,
    },
    /// Every function on the Lambda runtime, beside `latchkey serve`.
    Lambda {
        #[command(flatten)]
        arguments: Arguments,
    },
    /// The log lines and metrics of the artefacts, beside golden files.
    Log {
        /// Writes the golden files anew.
        #[arg(long)]
        update: bool,
        #[command(flatten)]
        arguments: Arguments,
    },
    /// The mail function on the Lambda runtime, with the events of AWS and moto's SES.
    Mails {
        #[command(flatten)]
        arguments: Arguments,
    },
    /// Signing keys that are rotated and revoked under live tokens.
    Rotation {
        /// With 10,000 live tokens, for nine minutes.
        #[arg(long)]
        long: bool,
        #[command(flatten)]
        arguments: Arguments,
    },
}

impl Walk {
    /// Adds its trials; gives the arguments that choose among them.
    fn add_to(self, trials: &mut Trials) -> Arguments {
        match self {
            Self::Artefacts { arguments } => {
                artefacts::add(trials);
                arguments
            }
            Self::Lambda { arguments } => {
                lambda::add(trials);
                arguments
            }
            Self::Log { update, arguments } => {
                log::add(trials, update);
                arguments
            }
            Self::Mails { arguments } => {
                mails::add(trials);
                arguments
            }
            Self::Rotation { long, arguments } => {
                rotation::add(trials, long);
                arguments
            }
        }
    }
}

fn main() -> ExitCode {
    let mut trials = Trials::new();
    let arguments = Options::parse().walk.add_to(&mut trials);
    trials.run(arguments)
}
