//! The arguments of `latchkey deploy` and `latchkey stack`. The program `latchkey-deploy` beside
//! this one carries them out: the clients of CloudFormation and S3 would make every build of
//! `latchkey` longer.

use std::{env, io, path::PathBuf, process::Command};

use clap::{Args, Subcommand};

use crate::{Failure, flags::Quiet};

const PROGRAM: &str = "latchkey-deploy";

/// `--stack`.
#[derive(Args, Debug)]
pub struct Named {
    /// The name of the stack. A second Latchkey in the same region needs another name.
    #[arg(long = "stack", global = true, value_name = "NAME", default_value = "latchkey")]
    pub name: String,
}

/// `latchkey deploy`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  latchkey deploy --firebase my-app-1a2b3     a stack for a Firebase project
  latchkey deploy --no-firebase               a stack for Bubble, WeWeb and the like
  latchkey deploy --plan                      show what would change, and change nothing
  latchkey deploy --parameter AlarmEmail=me@example.com

The credentials and the region come from the environment, as in every tool of AWS. An idle stack
costs about two dollars a month. docs/launch.md explains every parameter.")]
pub struct Deploy {
    /// The release: its archive, or the folder that it was unpacked to. Without it the only archive
    /// latchkey-VERSION-aws-PROCESSOR.tar.gz of the present folder counts.
    #[arg(value_name = "RELEASE")]
    pub release: Option<PathBuf>,
    /// The stack.
    #[command(flatten)]
    pub named: Named,
    /// The ID of the Firebase project: Firebase's console, Project settings, General.
    #[arg(long, value_name = "PROJECT", conflicts_with = "no_firebase")]
    pub firebase: Option<String>,
    /// Sign tokens without Firebase.
    #[arg(long)]
    pub no_firebase: bool,
    /// A parameter of the template. A parameter that is not given keeps its value.
    #[arg(long = "parameter", short, value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// The bucket of S3 for the files of the release. Without it latchkey-ACCOUNT-REGION is made.
    #[arg(long, value_name = "BUCKET")]
    pub bucket: Option<String>,
    /// Show what would change, and change nothing.
    #[arg(long, conflicts_with = "yes")]
    pub plan: bool,
    /// Ask nothing.
    #[arg(long)]
    pub yes: bool,
    /// Allow that the functions use another table, which has other accounts.
    #[arg(long)]
    pub another_table: bool,
}

/// `latchkey stack`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  latchkey stack status                 its state, its last failure, and the URLs to paste
  latchkey stack destroy                delete it, after a question; the accounts stay")]
pub struct Stack {
    /// The stack.
    #[command(flatten)]
    pub named: Named,
    /// The command.
    #[command(subcommand)]
    pub command: StackCommand,
}

/// The commands of `latchkey stack`.
#[derive(Debug, Subcommand)]
pub enum StackCommand {
    /// Show the state of the stack, and the URLs to paste.
    #[command(after_help = "\
Examples:
  latchkey stack status
  latchkey stack status --stack latchkey-test")]
    Status,
    /// Delete the stack after a question. The table, the keys and the logs stay.
    #[command(after_help = "\
Examples:
  latchkey stack destroy
  latchkey stack destroy --confirm latchkey      without a question")]
    Destroy(Destroy),
}

/// `latchkey stack destroy`.
#[derive(Args, Debug)]
pub struct Destroy {
    /// The name of the stack, instead of a question.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// Reads `Name=value`.
fn pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has the form NAME=VALUE"),
    }
}

/// The two commands, as `latchkey-deploy` reads them.
#[derive(clap::Parser, Debug)]
#[command(name = "latchkey", version)]
pub struct Program {
    /// Advice.
    #[command(flatten)]
    pub quiet: Quiet,
    /// The command.
    #[command(subcommand)]
    pub command: ProgramCommand,
}

/// `deploy` or `stack`.
#[derive(Debug, Subcommand)]
pub enum ProgramCommand {
    /// Make or change a stack on AWS of a release's archive.
    Deploy(Box<Deploy>),
    /// Show or delete a stack.
    Stack(Stack),
}

/// Runs `latchkey-deploy` with the arguments of this program.
///
/// # Errors
///
/// A sentence: there is no such program. Otherwise the program's own exit code.
pub fn run() -> Result<(), Failure> {
    let program = env::current_exe().map_err(|error| format!("The folder of this program is unknown: {error}."))?;
    let program = program.with_file_name(PROGRAM);
    let done = Command::new(&program).args(env::args_os().skip(1)).status().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!(
            "There is no {}. A release has it beside latchkey. In the repository, cargo build --package deploy builds it.",
            program.display()
        ),
        _ => format!("{} cannot be started: {error}.", program.display()),
    })?;
    match done.code() {
        Some(0) => Ok(()),
        code => Err(Failure { code: code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1), text: String::new() }),
    }
}
