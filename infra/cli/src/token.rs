//! `latchkey token`: tokens by hand.

mod account;
mod create;
mod lines;

use clap::Subcommand;

use crate::Failure;

/// What can be done with tokens.
#[derive(Subcommand)]
pub enum Token {
    /// Make a custom token, for signInWithCustomToken() of a Firebase SDK. It is good for an hour.
    Create(create::Create),
}

impl Token {
    /// Does it.
    ///
    /// # Errors
    ///
    /// What a person is told.
    pub fn run(self) -> Result<(), Failure> {
        let Self::Create(create) = self;
        create.run()
    }
}
