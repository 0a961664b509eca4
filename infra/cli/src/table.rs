//! `latchkey table`: brings a table of an earlier release up to date.

use std::io::{self, IsTerminal, Write};

use clap::{Args, Subcommand};

use crate::{
    Failure, log, tell,
    users::{AccountTable, failure, thousands},
    written,
};

/// The records between two lines about the progress.
const TOLD_EVERY: u64 = 50_000;

/// `latchkey table`. The table is on AWS if SIGNING_KEYS_SECRET_ID is set. Otherwise it is in the
/// embedded database of the data folder.
#[derive(Args)]
pub struct Table {
    #[command(flatten)]
    table: AccountTable,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put the accounts of an earlier release into the index of accounts, so that `/admin/users`
    /// lists all of them. An upgrade that was interrupted goes on where it ended.
    #[command(after_help = "\
Examples:
  latchkey table upgrade
  TABLE_NAME=latchkey latchkey table upgrade --external-dynamodb")]
    Upgrade,
}

impl Table {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.table.config()?;
        log::start(&config);
        let app = self.table.open(config).await?;
        let Command::Upgrade = self.command;
        let mut told = 0;
        let progress = |progress: shared::store::Upgraded| {
            if progress.records >= told + TOLD_EVERY && io::stderr().is_terminal() {
                told = progress.records;
                tell(&format!("{} records so far", thousands(told)));
            }
        };
        let upgraded = app.store().upgrade(progress).await.map_err(failure)?;
        if upgraded.damaged > 0 {
            tell(&format!("{} records are damaged, and are in no list", thousands(upgraded.damaged)));
        }
        let count = thousands(upgraded.records);
        written(writeln!(io::stdout(), "{count} records put into the index; every account is in it now"))
    }
}
