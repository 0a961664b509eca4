//! `latchkey token`: creates, decodes and inspects tokens.

mod account;
mod create;
mod inspect;

use clap::Subcommand;

use crate::Failure;

/// Commands for tokens.
#[derive(Subcommand)]
pub enum Token {
    /// Make a custom token for signInWithCustomToken() of a Firebase SDK. It lives one hour.
    Create(create::Create),
    /// Show the contents of a token, without verifying it.
    Decode(inspect::Decode),
    /// Judge a token: its kind, whether this deployment would accept it, and the rule that fails.
    /// The exit code is 1 if it would not.
    Inspect(inspect::Inspect),
}

impl Token {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::Decode(decode) => decode.run().await,
            Self::Inspect(inspect) => inspect.run().await,
        }
    }
}
