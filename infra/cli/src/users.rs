//! `latchkey users`: accounts by hand, in the embedded table and on AWS alike.

mod change;
mod import;
mod show;
mod table;

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};
use shared::{
    App,
    account::{email::Identifier, user::User},
    config::Config,
    error::Error,
    token::custom::is_uid,
};

use crate::{Failure, escape::shown};

/// `latchkey users`. WHO is an e-mail address, a username or a user's id. The accounts are where the service has them: on AWS where
/// SIGNING_KEYS_SECRET_ID is set, else in the embedded database of the data folder, also while `latchkey serve` runs.
#[derive(Args)]
pub struct Users {
    #[command(flatten)]
    place: table::AccountTable,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Refuse an account everywhere, and end all its sessions.
    Disable(Who),
    /// Let a disabled account in again; its old sessions stay ended.
    Enable(Who),
    /// Show an account, where it is logged in (of the first 200 sessions), and by what the log knows it; never its password.
    Show(Show),
    /// Change the role of an account.
    SetRole(SetRole),
    /// Say whether the e-mail address was shown to be its owner's.
    SetVerified(SetVerified),
    /// Delete an account, its identifiers and its sessions.
    Delete(Delete),
    /// Take accounts over from elsewhere: JSON objects {"email","password_hash"?,"username"?,"name"?,"email_verified"?,"role_id"?,
    /// "disabled"?,"id"?}, one a line. Each is answered with a line: {"ok":true,"id":…} or {"ok":false,"error":…}.
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
    /// A whole number from 1; what it means is the app's own business.
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
}

#[derive(Args)]
struct Delete {
    #[command(flatten)]
    who: Who,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
struct Import {
    /// The file with the lines; - is standard input.
    file: PathBuf,
}

impl Users {
    /// Does it.
    ///
    /// # Errors
    ///
    /// What a person is told.
    pub async fn run(self) -> Result<(), Failure> {
        let config = Config::from_env().map_err(|wrong| Failure::wrong_use(wrong.to_string()))?;
        if let Command::Delete(Delete { yes: false, .. }) = &self.command {
            change::refuse_unless_asked()?;
        }
        let app = self.place.open(config).await?;
        match self.command {
            Command::Disable(Who { who }) => change::disable(&app, find(&app, &who).await?).await,
            Command::Enable(Who { who }) => change::enable(&app, find(&app, &who).await?).await,
            Command::Show(Show { who, json }) => show::show(&app, &find(&app, &who.who).await?, json).await,
            Command::SetRole(SetRole { who, role_id }) => {
                change::set_role(&app, find(&app, &who.who).await?, role_id).await
            }
            Command::SetVerified(SetVerified { who, verified }) => {
                change::set_verified(&app, find(&app, &who.who).await?, verified).await
            }
            Command::Delete(Delete { who, yes }) => change::delete(&app, find(&app, &who.who).await?, yes).await,
            Command::Import(Import { file }) => import::run(&app, &file).await,
        }
    }
}

/// The one account that is meant.
async fn find(app: &App, who: &str) -> Result<User, Failure> {
    let by_id = if is_uid(who) { app.store().user(who).await.map_err(told)? } else { None };
    let by_name = match Identifier::parse(who) {
        Ok(identifier) => app.store().user_by(&identifier).await.map_err(told)?,
        Err(_) => None,
    };
    match (by_id, by_name) {
        // Whoever chose the username must not stand in for somebody whose id it is.
        (Some(one), Some(other)) if one.id != other.id => Err(format!(
            "{} is the id of one account and the username of another: name it by its e-mail address, {} or {}.",
            shown(who),
            shown(&one.email),
            shown(&other.email)
        )
        .into()),
        (Some(user), _) | (None, Some(user)) => Ok(user),
        (None, None) => Err(format!("There is no account {}.", shown(who)).into()),
    }
}

/// `james@yopmail.com (0195…)`.
fn name(user: &User) -> String {
    shown(&format!("{} ({})", user.email, user.id))
}

fn told(error: Error) -> Failure {
    error.cause().into()
}
