//! `latchkey token`: tokens by hand.

mod account;
mod create;
mod inspect;

use clap::Subcommand;

use crate::Failure;

/// What can be done with tokens.
#[derive(Subcommand)]
pub enum Token {
    /// Make a custom token, for signInWithCustomToken() of a Firebase SDK. It is good for an hour.
    Create(create::Create),
    /// Say what a token on standard input says, without verifying it.
    Decode(inspect::Decode),
    /// Say of a token on standard input what it is, and whether this deployment would take it; exit code 1 if not.
    Inspect(inspect::Inspect),
}

impl Token {
    /// Does it.
    ///
    /// # Errors
    ///
    /// What a person is told.
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(),
            Self::Decode(decode) => decode.run().await,
            Self::Inspect(inspect) => inspect.run().await,
        }
    }
}
