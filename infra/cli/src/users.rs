//! `latchkey users`: shows and changes accounts, in the embedded table or on AWS.

mod change;
mod create;
mod import;
mod password;
mod show;
mod table;

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};
use shared::{
    App,
    account::{email::Identifier, user::User},
    config::Config,
    error::Error,
    telemetry::audit,
    token::custom::is_uid,
};
use tracing::Instrument;

use crate::{
    Failure,
    escape::{address, shown},
    log, tell,
};

/// `latchkey users`. The argument `WHO` is an e-mail address, a username or a user's id. The
/// accounts are on AWS if SIGNING_KEYS_SECRET_ID is set. Otherwise they are in the embedded
/// database of the data folder, also while `latchkey serve` runs.
#[derive(Args)]
pub struct Users {
    #[command(flatten)]
    table: table::AccountTable,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create an account, whatever SIGN_UP says. The password is a line of standard input; at a
    /// terminal it is asked for.
    Create(create::Create),
    /// Set the password of an account, read as by create, and end all its sessions.
    SetPassword(Who),
    /// Refuse an account everywhere, and end all its sessions.
    Disable(Who),
    /// Let a disabled account log in again. Its old sessions stay ended.
    Enable(Who),
    /// Show an account, its live sessions (among the first 200) and its names in the log. The
    /// password is never shown.
    Show(Show),
    /// Change the role of an account.
    SetRole(SetRole),
    /// Set whether the e-mail address counts as verified. Verifying an address removes the password
    /// and ends the sessions from before: whoever made the account need not be the owner of the
    /// address. Give the owner a password with set-password.
    SetVerified(SetVerified),
    /// Delete an account, its identifiers and its sessions.
    Delete(Delete),
    /// Import accounts from elsewhere: JSON objects
    /// {"email","password_hash"?,"username"?,"name"?,"email_verified"?,"role_id"?,
    /// "disabled"?,"id"?}, one a line. The answer to each is a line: {"ok":true,"id":…} or
    /// {"ok":false,"error":…}.
    Import(Import),
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
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct SetRole {
    #[command(flatten)]
    who: Who,
    /// A whole number from 1. The app decides what it means.
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
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
struct Import {
    /// The file with the lines. The name - is standard input.
    file: PathBuf,
}

impl Users {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub async fn run(self) -> Result<(), Failure> {
        let config = Config::from_env().map_err(|wrong| Failure::wrong_use(wrong.to_string()))?;
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
            Command::Show(Show { who, json }) => show::show(app, &find(app, &who.who).await?, json).await,
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
            Command::SetPassword(Who { who }) => create::set_password(app, find(app, &who).await?).await,
            Command::Delete(Delete { who, yes }) => change::delete(app, find(app, &who.who).await?, yes).await,
            Command::Import(Import { file }) => import::run(app, &file).await,
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

fn failure(error: Error) -> Failure {
    error.cause().into()
}
