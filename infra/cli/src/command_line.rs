//! The command line of `latchkey`: its commands, and the completions of shells.

use std::io;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::{Shell, generate};

use crate::{
    Failure,
    backup::{Backup, Restore},
    deploy, doctor, firebase,
    flags::Quiet,
    health::Health,
    keys, mail, serve, smoke, table, token, users,
    version::Version,
    webhook, written,
};

/// A login backend that mints Firebase custom tokens.
#[derive(Parser)]
#[command(
    name = "latchkey",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  latchkey serve                        everything on http://127.0.0.1:8080
  latchkey doctor                       what is missing, and what to do
  latchkey users create a@b.example     an account, with a password that is asked for
  latchkey keys list                    the signing keys and their future
  latchkey backup latchkey.tar          all accounts and keys, also while the server runs
  latchkey help users                   more about one command

The exit code is 0, 1 for a \"no\", and 2 for wrong use. Variables: docs/configuration.md"
)]
pub struct Latchkey {
    #[command(flatten)]
    quiet: Quiet,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every endpoint behind one port, with an embedded DynamoDB. The first start makes the
    /// keys.
    Serve(serve::Serve),
    /// Write the accounts and keys of a data folder to an archive, also while a server runs.
    Backup(Backup),
    /// Make a data folder from an archive.
    Restore(Restore),
    /// List, generate, rotate and revoke the signing keys.
    Keys(keys::Keys),
    /// Create, decode and inspect tokens.
    #[command(
        subcommand,
        after_help = "\
Examples:
  pbpaste | latchkey token inspect      is it good here, and if not, why
  pbpaste | latchkey token decode       what is in it
  latchkey token create --uid U --key account.json"
    )]
    Token(token::Token),
    /// List, show, create, change, delete, import and export accounts.
    #[command(after_help = "\
Examples:
  latchkey users create a@b.example     the password is asked for
  latchkey users show a@b.example
  latchkey users disable a@b.example
  latchkey users import users.jsonl")]
    Users(users::Users),
    /// Bring a table of an earlier release up to date.
    #[command(after_help = "\
Examples:
  latchkey table upgrade")]
    Table(table::Table),
    /// Try the way of mails that MAIL chooses.
    Mail(mail::Mail),
    /// Try the webhook for events of accounts.
    Webhook(webhook::Webhook),
    /// Bring the users of the Firebase project in step with the accounts.
    Firebase(firebase::Firebase),
    /// Make or change a stack on AWS, of a release's archive.
    Deploy(Box<deploy::Deploy>),
    /// Show or delete a stack on AWS.
    Stack(deploy::Stack),
    /// Check that a deployment can work: configuration, keys, table, clock, certificate endpoint,
    /// CORS.
    Doctor(doctor::Doctor),
    /// Walk one account through a deployed API, and delete the account again.
    Smoke(smoke::Smoke),
    /// Say whether the server on this machine answers: for containers and supervisors.
    Health(Health),
    /// Print the version, the commit and the date of this program.
    Version(Version),
    /// Print the completions of a shell: commands, options and their values.
    Completions(Completions),
}

/// `latchkey completions`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey completions bash > ~/.local/share/bash-completion/completions/latchkey
  latchkey completions zsh > ~/.zfunc/_latchkey      with ~/.zfunc in fpath
  latchkey completions fish > ~/.config/fish/completions/latchkey.fish")]
struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    fn run(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut Latchkey::command(), "latchkey", &mut script);
        written(io::Write::write_all(&mut io::stdout(), &script))
    }
}

impl Latchkey {
    /// Runs the command to its end.
    ///
    /// # Errors
    ///
    /// A sentence for people, and the exit code.
    pub fn run(self) -> Result<(), Failure> {
        self.quiet.apply();
        match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Backup(backup) => backup.run(),
            Command::Restore(restore) => restore.run(),
            Command::Keys(keys) => wait_for(keys.run()),
            Command::Token(token) => wait_for(token.run()),
            Command::Users(users) => wait_for(users.run()),
            Command::Table(table) => wait_for(table.run()),
            Command::Mail(mail) => wait_for(mail.run()),
            Command::Webhook(webhook) => wait_for(webhook.run()),
            Command::Firebase(firebase) => wait_for(firebase.run()),
            Command::Deploy(_) | Command::Stack(_) => deploy::run(),
            Command::Doctor(doctor) => wait_for(doctor.run()),
            Command::Smoke(smoke) => wait_for(smoke.run()),
            Command::Health(health) => wait_for(health.run()),
            Command::Version(version) => version.run(),
            Command::Completions(completions) => completions.run(),
        }
    }
}

fn wait_for(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let done = runtime.block_on(command);
    // Does not wait for name look-ups that are still running.
    runtime.shutdown_background();
    done
}
