//! `latchkey firebase`: brings the users of the Firebase project in step with the accounts, and
//! makes keys known to it.

mod certificate;

use std::{
    collections::HashMap,
    io::{self, Write},
    time::Duration,
};

use certificate::CreateKey;
use clap::{Args, Subcommand};
use shared::{
    App,
    account::user::User,
    config::FirebaseSync,
    firebase::{FirebaseUser, Profile, Users},
};
use tokio::time;

use crate::{Failure, log, tell, users::AccountTable, written};

/// The accounts that are looked up at once, which is the most that the API accepts.
const PAGE: usize = 100;
/// The pause after each change. Google allows ten a second
/// (<https://firebase.google.com/docs/auth/limits>), and logins need some of them.
const PAUSE: Duration = Duration::from_millis(200);

/// `latchkey firebase`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey firebase sync --dry-run      how many accounts differ
  latchkey firebase sync                tell Firebase the profile of each one that differs
  latchkey firebase key create --kms KEY    let a key in AWS KMS sign custom tokens")]
pub struct Firebase {
    #[command(flatten)]
    table: AccountTable,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell Firebase the profile of every account: five a second. It may be stopped and run again.
    #[command(after_help = "\
Examples:
  latchkey firebase sync --dry-run
  latchkey firebase sync")]
    Sync {
        /// Change nothing, and count only what differs.
        #[arg(long)]
        dry_run: bool,
    },
    /// The key that signs custom tokens, if another service holds it.
    #[command(after_help = "\
Examples:
  latchkey firebase key create --kms KEY-ARN --email ACCOUNT")]
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Make the certificate of a key in AWS KMS, and print how Google learns of the key.
    Create(CreateKey),
}

/// The accounts, by what became of them.
#[derive(Default)]
struct Counts {
    unchanged: u64,
    created: u64,
    updated: u64,
    conflicts: u64,
    failed: u64,
}

impl Firebase {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub async fn run(self) -> Result<(), Failure> {
        let config = self.table.config()?;
        let dry_run = match self.command {
            Command::Key { command: KeyCommand::Create(create) } => return create.run(&config).await,
            Command::Sync { dry_run } => dry_run,
        };
        log::start(&config);
        let app = self.table.open(config).await?;
        sync(&app, dry_run).await
    }
}

async fn sync(app: &App, dry_run: bool) -> Result<(), Failure> {
    if app.config().firebase.sync() == FirebaseSync::Off {
        return Err(Failure::wrong_use(
            "Nothing is told to Firebase: set FIREBASE_SERVICE_ACCOUNT or FIREBASE_SIGNER, and unset FIREBASE_SYNC if it is off.",
        ));
    }
    let now = app.now();
    let account = app.keys().firebase(now).await.map_err(|error| error.cause())?;
    let account = account.ok_or("There is no service account.".to_owned())?;
    let project = app.config().firebase.project(Some(&account.project_id));
    let project = project.map_or(account.project_id.as_str(), |(id, _)| id);
    let mut counts = Counts::default();
    let mut after = None;
    loop {
        let page = app.store().users_page(None, after.as_deref(), PAGE).await.map_err(|error| error.cause())?;
        // The access token of the service account ends after an hour, and a run may last longer.
        let users = app.firebase().users(&account, project, app.now());
        let users = users.ok_or_else(|| format!("The project {project} exists in emulators alone."))?;
        of_page(&users, &page.users, dry_run, &mut counts).await?;
        counts.failed += u64::try_from(page.damaged.len()).unwrap_or_default();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    counts.print(dry_run)
}

async fn of_page(users: &Users<'_>, page: &[User], dry_run: bool, counts: &mut Counts) -> Result<(), Failure> {
    if page.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = page.iter().map(|user| user.id.as_str()).collect();
    let found = users.find(&ids).await.map_err(|error| format!("Firebase: {error}."))?;
    let found: HashMap<&str, &FirebaseUser> = found.iter().map(|user| (user.local_id.as_str(), user)).collect();
    for user in page {
        let (profile, known) = (Profile::of(user), found.get(user.id.as_str()));
        if known.is_some_and(|known| profile.is_of(known)) {
            counts.unchanged += 1;
            continue;
        }
        let count = if known.is_some() { &mut counts.updated } else { &mut counts.created };
        if dry_run {
            *count += 1;
            continue;
        }
        match profile.put(users, &user.id).await {
            Ok(false) => *count += 1,
            Ok(true) => {
                counts.conflicts += 1;
                tell(&format!("{}: another Firebase user has the address", user.id));
            }
            Err(error) => {
                counts.failed += 1;
                tell(&format!("{}: {error}", user.id));
            }
        }
        time::sleep(PAUSE).await;
    }
    Ok(())
}

impl Counts {
    fn print(&self, dry_run: bool) -> Result<(), Failure> {
        let Self { unchanged, created, updated, conflicts, failed } = self;
        let would = if dry_run { "would be " } else { "" };
        written(writeln!(
            io::stdout(),
            "{unchanged} unchanged, {created} {would}created, {updated} {would}updated, {conflicts} without their \
             address, {failed} failed"
        ))?;
        if *failed > 0 { Err(Failure::said()) } else { Ok(()) }
    }
}
