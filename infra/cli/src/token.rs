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
    #[command(after_help = "\
Examples:
  latchkey token create --uid U --key account.json
  latchkey token create --lines --key account.json < uids.jsonl")]
    Create(create::Create),
    /// Show the contents of a token, without verifying it.
    #[command(after_help = "\
Examples:
  pbpaste | latchkey token decode
  latchkey token decode --json < token.txt")]
    Decode(inspect::Decode),
    /// Judge a token: its kind, whether this deployment would accept it, and the rule that fails.
    /// The exit code is 1 if it would not.
    #[command(after_help = "\
Examples:
  pbpaste | latchkey token inspect
  latchkey token inspect --data-dir /tmp/try < token.txt")]
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
