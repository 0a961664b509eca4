//! `latchkey users`: shows and changes accounts, in the embedded table or on AWS.

mod change;
mod create;
mod export;
mod import;
mod invite;
mod list;
mod password;
mod show;
mod table;
mod test_code;
mod view;

use std::io;

use clap::{ArgAction, Args, Subcommand};
use shared::{
    App,
    account::{
        email::{Email, Identifier},
        user::User,
    },
    error::Error,
    telemetry::audit,
    token::custom::is_uid,
};
pub use table::AccountTable;
use tracing::Instrument;

use crate::{
    Failure, columns,
    escape::{address, shown},
    flags::{Json, number},
    log, tell,
};

/// The columns of the tool's name, which [`tell`] writes before each line.
const TELL_COLUMNS: usize = "latchkey: ".len();

/// `latchkey users`. The argument `WHO` is an e-mail address, a username or a user's id. The
/// accounts are on AWS if SIGNING_KEYS_SECRET_ID is set. Otherwise they are in the embedded
/// database of the data folder, also while `latchkey serve` runs.
#[derive(Args)]
pub struct Users {
    #[command(flatten)]
    table: AccountTable,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the accounts, in no order. Reads the whole table where no limit ends the list.
    #[command(after_help = "\
Examples:
  latchkey users list
  latchkey users list --json            one document: {\"users\":[…],\"next_page_token\":\"\"}")]
    List(list::List),
    /// List the accounts whose e-mail address, username, name or id has a text. Reads the whole
    /// table; show finds one account at once.
    #[command(after_help = "\
Examples:
  latchkey users search james")]
    Search(list::SearchFor),
    /// Count the accounts, in all and by state. Reads the whole table.
    #[command(after_help = "\
Examples:
  latchkey users count")]
    Count(list::Count),
    /// Create an account, whatever SIGN_UP says. The password is a line of standard input; at a
    /// terminal it is asked for.
    #[command(after_help = "\
Examples:
  latchkey users create a@b.example
  head -1 password.txt | latchkey users create a@b.example --name James")]
    Create(create::Create),
    /// Mail somebody a link to a first password, whatever SIGN_UP says. Makes the account if there
    /// is none. The link is good for 72 hours.
    #[command(after_help = "\
Examples:
  latchkey users invite a@b.example
  latchkey users invite a@b.example --name James --locale de
  latchkey users invite a@b.example --link     to hand the link over, without a mail")]
    Invite(invite::Invite),
    /// Set the password of an account, read as by create, and end all its sessions.
    #[command(after_help = "\
Examples:
  latchkey users set-password a@b.example")]
    SetPassword(Who),
    /// Refuse an account everywhere, and end all its sessions.
    #[command(after_help = "\
Examples:
  latchkey users disable a@b.example")]
    Disable(Who),
    /// Let a disabled account log in again. Its old sessions stay ended.
    #[command(after_help = "\
Examples:
  latchkey users enable a@b.example")]
    Enable(Who),
    /// Show an account, its live sessions (among the first 200) and its names in the log. The
    /// password is never shown.
    #[command(after_help = "\
Examples:
  latchkey users show a@b.example
  latchkey users show james --json")]
    Show(Show),
    /// Change the role of an account.
    #[command(after_help = "\
Examples:
  latchkey users set-role a@b.example 2")]
    SetRole(SetRole),
    /// Set whether the e-mail address counts as verified. Verifying an address removes the password
    /// and ends the sessions from before: whoever made the account need not be the owner of the
    /// address. Give the owner a password with set-password.
    #[command(after_help = "\
Examples:
  latchkey users set-verified a@b.example true
  latchkey users set-verified a@b.example true --keep-password")]
    SetVerified(SetVerified),
    /// Change the e-mail address of an account, and end all its sessions. The new address is not
    /// verified unless --verified says so.
    #[command(after_help = "\
Examples:
  latchkey users set-email a@b.example new@b.example")]
    SetEmail(SetEmail),
    /// Give an account a fixed code for logins by e-mail, for whoever reviews the app and has no
    /// mailbox. It is good for this account alone, until its end.
    #[command(after_help = "\
Examples:
  latchkey users set-test-code review@herbs.example
  latchkey users set-test-code review@herbs.example --days 30 --code 135790")]
    SetTestCode(test_code::SetTestCode),
    /// Take the fixed code of an account away. The sessions that it began stay.
    #[command(after_help = "\
Examples:
  latchkey users remove-test-code review@herbs.example")]
    RemoveTestCode(Who),
    /// End all sessions of an account. Its password stays.
    #[command(after_help = "\
Examples:
  latchkey users sign-out a@b.example")]
    SignOut(Who),
    /// Delete an account, its identifiers and its sessions.
    #[command(after_help = "\
Examples:
  latchkey users delete a@b.example
  latchkey users delete a@b.example --yes")]
    Delete(Delete),
    /// Export the accounts as JSON lines that import reads again without loss.
    #[command(after_help = "\
Examples:
  latchkey users export > users.jsonl")]
    Export(export::Export),
    /// Import accounts with their passwords from another system, or from an export.
    Import(import::Import),
}

#[derive(Args)]
struct Who {
    /// An e-mail address, a username or a user's id.
    // An id from elsewhere may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    who: String,
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    json: Json,
}

#[derive(Args)]
struct SetRole {
    #[command(flatten)]
    who: Who,
    /// A whole number from 1. The app decides what it means.
    #[arg(value_parser = number::<u32>(1, u32::MAX.into()))]
    role_id: u32,
}

#[derive(Args)]
struct SetVerified {
    #[command(flatten)]
    who: Who,
    /// true or false.
    #[arg(action = ArgAction::Set)]
    verified: bool,
    /// Keep the password and the sessions. This trusts that the owner of the address made the
    /// account.
    #[arg(long)]
    keep_password: bool,
}

#[derive(Args)]
struct Delete {
    #[command(flatten)]
    who: Who,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
struct SetEmail {
    #[command(flatten)]
    who: Who,
    /// The new e-mail address.
    email: String,
    /// Count the new address as verified: you know that it belongs to the person. An account whose
    /// old address was not verified loses its password.
    #[arg(long)]
    verified: bool,
    /// With --verified, keep the password of an account that was not verified. This trusts that the
    /// owner of the address made the account.
    #[arg(long, requires = "verified")]
    keep_password: bool,
}

impl Users {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.table.config()?;
        if let Command::Delete(Delete { yes: false, .. }) = &self.command {
            change::refuse_without_terminal()?;
        }
        // The audit lines go where the service's log goes: to standard error.
        log::start(&config);
        let app = self.table.open(config).await?;
        load_names(&app).await;
        self.command.run(&app).instrument(tracing::info_span!("tool", actor = "tool")).await
    }
}

impl Command {
    async fn run(self, app: &App) -> Result<(), Failure> {
        match self {
            Command::Disable(Who { who }) => change::disable(app, find(app, &who).await?).await,
            Command::Enable(Who { who }) => change::enable(app, find(app, &who).await?).await,
            Command::Show(Show { who, json }) => show::show(app, &find(app, &who.who).await?, json.json).await,
            Command::SetRole(SetRole { who, role_id }) => {
                change::set_role(app, find(app, &who.who).await?, role_id).await
            }
            Command::SetVerified(SetVerified { who, verified, keep_password }) => {
                let user = find(app, &who.who).await?;
                match (verified, keep_password) {
                    (true, false) => change::verify(app, user).await,
                    (true, true) => change::verify_and_keep_password(app, user).await,
                    (false, _) => change::unverify(app, user).await,
                }
            }
            Command::Create(create) => create.run(app).await,
            Command::Invite(invite) => invite.run(app).await,
            Command::SetPassword(Who { who }) => create::set_password(app, find(app, &who).await?).await,
            Command::Delete(Delete { who, yes }) => change::delete(app, find(app, &who.who).await?, yes).await,
            Command::SetEmail(SetEmail { who, email, verified, keep_password }) => {
                let email = Email::parse(&email).map_err(Failure::wrong_use)?;
                change::set_email(app, find(app, &who.who).await?, &email, verified, keep_password).await
            }
            Command::SetTestCode(set) => {
                let user = find(app, &set.who.who).await?;
                set.run(app, user).await
            }
            Command::RemoveTestCode(Who { who }) => test_code::remove(app, find(app, &who).await?).await,
            Command::SignOut(Who { who }) => change::sign_out(app, find(app, &who).await?).await,
            Command::List(list) => list.run(app).await,
            Command::Search(search) => search.run(app).await,
            Command::Count(count) => count.run(app).await,
            Command::Export(export) => export.run(app).await,
            Command::Import(import) => import.run(app).await,
        }
    }
}

/// Finds the one account with this id, e-mail address or username.
async fn find(app: &App, who: &str) -> Result<User, Failure> {
    let by_id = if is_uid(who) { app.store().user(who).await.map_err(failure)? } else { None };
    let by_name = match Identifier::parse(who) {
        Ok(identifier) => app.store().user_by(&identifier).await.map_err(failure)?,
        Err(_) => None,
    };
    match (by_id, by_name) {
        // Anybody may choose another user's id as a username, so such a match is no answer.
        (Some(one), Some(other)) if one.id != other.id => Err(format!(
            "{} is the id of one account and the username of another: name it by its e-mail address, {} or {}.",
            shown(who),
            address(&one.email),
            address(&other.email)
        )
        .into()),
        (Some(user), _) | (None, Some(user)) => Ok(user),
        (None, None) => Err(format!("There is no account {}.", address(who)).into()),
    }
}

/// `james@yopmail.com (0195…)`. The domain is in ASCII.
fn name(user: &User) -> String {
    format!("{} ({})", address(&user.email), shown(&user.id))
}

/// Loads the key of the log's pseudonyms, once for a command.
async fn load_names(app: &App) {
    if let Err(error) = app.keys().refresh_if(app.now(), |_| true).await {
        tell(&format!("the log's names of people are unknown: {}", error.cause()));
    }
}

/// Records a change of this account by the tool. Without keys the line has no names.
fn audit(app: &App, event: &'static str, user: &User) {
    audit::record(event, &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
}

pub(crate) fn failure(error: Error) -> Failure {
    error.cause().into()
}

/// A text for [`tell`], whose lines end before the columns of the terminal do.
fn broken(text: &str) -> String {
    let unindented = text.trim_start();
    let indent = text.len() - unindented.len();
    let columns = columns::of(io::stderr()).map(|columns| columns.saturating_sub(TELL_COLUMNS));
    format!("{}{}", " ".repeat(indent), columns::wrapped(unindented, indent, columns))
}

/// `1 account`, `1,200 accounts`.
fn accounts(count: u64) -> String {
    format!("{} {}", thousands(count), if count == 1 { "account" } else { "accounts" })
}

/// A number with commas between its thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
