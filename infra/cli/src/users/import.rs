//! `latchkey users import`: accounts from elsewhere, out of a file of any usual form.

mod database;
mod document;
mod records;
mod report;
mod stored;

use std::{
    fmt::Display,
    fs::File,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Args;
use futures_util::{StreamExt, stream::FuturesOrdered};
use shared::{
    App,
    account::user::User,
    auth::import::{Draft, Fields, HashConfig, Missing, Refusal, RepeatedField, Rules, Seen},
    keys::{file_fault, read_file},
    store::{IMPORT_BATCH_MAX, Imported},
    telemetry::audit,
};
use tokio::{signal, task};
use zeroize::Zeroizing;

use self::{
    database::Database,
    records::{Record, Records},
    report::{Answer, Outcome, Report},
    stored::{Stored, outcome_of, store},
};
use crate::{
    Failure,
    files::as_utf8,
    flags::{Json, number},
    written,
};

/// The most transactions that are under way at once. On AWS each takes some milliseconds; eight
/// stay far below the thousand writes a second that a new table allows.
const BATCHES_MAX: usize = 8;

/// `latchkey users import`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Import {
    /// The file, or - for standard input. It has JSON lines, a JSON array, a document with the
    /// member users such as the export of Firebase, or CSV with a header. It may also be the SQLite
    /// file of better-auth or of PocketBase.
    file: PathBuf,
    /// Do everything but write: tell what would be created and what would be refused.
    #[arg(long)]
    dry_run: bool,
    /// Keep an account whose username, name, role, time or password hash is beyond the rules, and
    /// leave that one field out.
    #[arg(long)]
    lenient: bool,
    /// A file with the hash parameters of the Firebase project, as its console shows them. The
    /// signer key in it is used and not stored.
    #[arg(long, value_name = "FILE")]
    hash_config: Option<PathBuf>,
    /// Import no password hashes.
    #[arg(long, conflicts_with = "hash_config")]
    without_passwords: bool,
    /// Begin with this line of the file, where an import was stopped.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number::<u64>(1, u64::MAX))]
    from_line: u64,
    /// The table or collection of a SQLite file that has the accounts, if it is not the usual one.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    json: Json,
}

const EXAMPLES: &str = "Examples:
  latchkey users import users.csv --dry-run
  latchkey users import users.json --hash-config hash-config.txt
  latchkey users export --with-passwords | latchkey users import - --data-dir other

Each account is answered by a line of JSON, at a terminal only with --json: {\"ok\":true,\"id\":…,\"line\":…}
or {\"ok\":false,\"error\":…,\"line\":…}";

/// A record on its way: an answer, or an account to store.
struct Entry {
    line: u64,
    dropped: Vec<String>,
    account: Result<usize, Outcome>,
}

/// The line of a record, and its account or the sentence that refuses it.
type Drafted = (u64, Result<Draft, String>);

/// Records that are stored in one transaction.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    users: Vec<User>,
}

impl Import {
    /// Stores the accounts of the file, and answers each.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let hash_config = self.hash_config.as_deref().map(load_hash_config).transpose()?;
        let rules = Rules {
            lenient: self.lenient,
            without_passwords: self.without_passwords,
            hash_config,
            roles: app.config().accounts.roles.clone(),
            now: app.now(),
        };
        let unreadable = |error: io::Error| {
            Failure::from(format!("{} cannot be read: {}.", self.file.display(), file_fault(&error)))
        };
        let is_database = Database::is_at(&self.file);
        if self.table.is_some() && !is_database {
            return Err(Failure::wrong_use("--table is for SQLite files: the file is none."));
        }
        let (input, bytes) = self.open().map_err(unreadable)?;
        let mut report = Report::new(bytes.filter(|_| !is_database), self.dry_run, self.json.json);
        let nothing =
            |why: &dyn Display| format!("Nothing was imported. {} cannot be read: {why}.", self.file.display());
        let records = if is_database {
            Records::Database(Database::open(&self.file, self.table.as_deref()).map_err(|why| nothing(&why))?)
        } else {
            let input = as_utf8(report.bar().wrap_read(input)).map_err(unreadable)?;
            Records::of(input).map_err(|error| nothing(&error))?
        };
        let form = records.form();
        let mut work = Work { import: &self, app, rules, records, seen: Seen::default(), pending: None, ended: false };
        let done = work.run(&mut report).await;
        let stopped = done?;
        if stopped.is_none() || report.last_line > 0 {
            report.tell_summary(&self.file, &form);
        }
        if report.created() > 0 && !self.dry_run && is_for_people() {
            audit::many("accounts_imported", report.created());
        }
        if let Some(stopped) = stopped {
            return Err(stopped);
        }
        if self.from_line > 1 && report.last_line == 0 {
            let name = self.file.display();
            return Err(format!(
                "{name} has no account from line {} on, so that nothing was imported.",
                self.from_line
            )
            .into());
        }
        if report.has_refused() { Err(Failure::said()) } else { Ok(()) }
    }

    fn open(&self) -> io::Result<(Box<dyn Read>, Option<u64>)> {
        if self.file.as_os_str() == "-" {
            return Ok((Box::new(io::stdin()), None));
        }
        let file = File::open(&self.file)?;
        let bytes = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
        Ok((Box::new(file), bytes))
    }
}

/// Reads a file with the hash parameters of a Firebase project.
fn load_hash_config(path: &Path) -> Result<HashConfig, Failure> {
    let text =
        read_file(path).map_err(|error| format!("{} cannot be read: {}.", path.display(), file_fault(&error)))?;
    let text = Zeroizing::new(text);
    HashConfig::parse(&text).map_err(|why| Failure::wrong_use(format!("{}: {why}", path.display())))
}

fn sentence_about(missing: Missing) -> &'static str {
    match missing {
        Missing::HashConfig => {
            "The file is an export of Firebase with password hashes. Give the hash parameters of the project with \
             --hash-config FILE. The Firebase console shows them: Authentication, Users, the three dots, Password hash \
             parameters. To import the accounts without passwords, give --without-passwords."
        }
        Missing::Hashes => {
            "The file has the word REDACTED in place of password hashes. Whoever exported it lacked the permission \
             firebaseauth.configs.getHashConfig. Export it again as an owner of the project, or give --without-passwords."
        }
    }
}

/// Whether a person reads standard error. A line of the log for each account would bury the answers
/// there, and one line has the number.
fn is_for_people() -> bool {
    io::stderr().is_terminal()
}

/// An import under way.
struct Work<'a> {
    import: &'a Import,
    app: &'a App,
    rules: Rules,
    records: Records,
    seen: Seen,
    /// An account that repeats one under way, whose fate decides.
    pending: Option<(u64, Draft)>,
    ended: bool,
}

impl Work<'_> {
    /// Reads, stores and answers until the end, a fault or Ctrl-C. Every account that was begun is
    /// whole. Returns the reason for an early end.
    async fn run(&mut self, report: &mut Report) -> Result<Option<Failure>, Failure> {
        let stop = self.stop_at_ctrl_c();
        let mut stopped = None;
        let mut under_way = FuturesOrdered::new();
        loop {
            let must_answer = (self.records.may_wait() || self.pending.is_some()) && !under_way.is_empty();
            if (!self.ended || self.pending.is_some()) && under_way.len() < BATCHES_MAX && !must_answer {
                // Lets the signal in.
                task::yield_now().await;
                if stop.load(Ordering::Relaxed) {
                    (self.ended, self.pending) = (true, None);
                    stopped = stopped.or(Some("Ctrl-C".to_owned()));
                    stop.store(false, Ordering::Relaxed);
                    continue;
                }
                match self.next_batch(report) {
                    Ok(batch) => under_way.push_back(store(self.app, batch, self.import)),
                    Err(why) => {
                        (self.ended, self.pending) = (true, None);
                        stopped = stopped.or(Some(why));
                    }
                }
                continue;
            }
            let Some((batch, outcomes)) = under_way.next().await else { break };
            match outcomes {
                Ok(outcomes) => {
                    if let Err(error) = self.answer(batch, outcomes, report) {
                        return written(Err(error)).map(|()| None);
                    }
                }
                Err(error) => {
                    (self.ended, self.pending) = (true, None);
                    stopped = stopped.or(Some(error.cause()));
                }
            }
        }
        Ok(stopped.map(|why| Failure::from(self.way_on(&why, report.last_line))))
    }

    /// Whether Ctrl-C was pressed. Standard input may wait for a person, who must be able to leave.
    fn stop_at_ctrl_c(&self) -> Arc<AtomicBool> {
        let stop = Arc::new(AtomicBool::new(false));
        if self.import.file.as_os_str() != "-" {
            let pressed = Arc::clone(&stop);
            task::spawn(async move {
                if signal::ctrl_c().await.is_ok() {
                    pressed.store(true, Ordering::Relaxed);
                }
            });
        }
        stop
    }

    fn way_on(&self, why: &str, last: u64) -> String {
        let why = why.trim_end_matches('.');
        match last {
            0 => format!("Nothing was imported. {why}."),
            _ => format!(
                "Stopped: {why}. Everything up to line {last} is done, and every account is whole. To go on, give the same \
                 command with --from-line {}, or without it: an account that is there already is passed over.",
                last + 1
            ),
        }
    }

    /// Reads records until a transaction is full, until the next one would have to be waited for,
    /// or until one repeats an account under way.
    fn next_batch(&mut self, report: &mut Report) -> Result<Batch, String> {
        let mut batch = Batch::default();
        while batch.users.len() < IMPORT_BATCH_MAX && batch.entries.len() < 4 * IMPORT_BATCH_MAX {
            let Some((line, draft)) = self.next_draft(report)? else { break };
            match draft {
                Ok(draft) => {
                    if !self.add(line, draft, &mut batch, report.last_line)? {
                        break;
                    }
                }
                Err(why) => {
                    batch.entries.push(Entry { line, dropped: Vec::new(), account: Err(Outcome::Refused(why)) })
                }
            }
            if self.records.may_wait() {
                break;
            }
        }
        Ok(batch)
    }

    /// The account of the next record, or the sentence that refuses it. `None` at the end.
    fn next_draft(&mut self, report: &mut Report) -> Result<Option<Drafted>, String> {
        if let Some((line, draft)) = self.pending.take() {
            return Ok(Some((line, Ok(draft))));
        }
        let is_text = self.records.is_text();
        loop {
            let read = self.records.read();
            let read = read.map_err(|error| format!("{} cannot be read: {error}", self.import.file.display()))?;
            let Some(Record { line, values }) = read else {
                self.ended = true;
                return Ok(None);
            };
            if line < self.import.from_line {
                continue;
            }
            let draft = values
                .map_err(Refusal::Record)
                .and_then(|values| self.rules.draft(Fields::new(values, is_text), &mut report.unknown));
            return match draft {
                Ok(draft) => Ok(Some((line, Ok(draft)))),
                Err(Refusal::Record(why)) => Ok(Some((line, Err(why)))),
                Err(Refusal::File(missing)) => Err(sentence_about(missing).to_owned()),
            };
        }
    }

    /// Adds an account to a batch. Returns whether the batch goes on: an account that repeats one
    /// whose line is not answered yet has to wait.
    fn add(&mut self, line: u64, mut draft: Draft, batch: &mut Batch, answered: u64) -> Result<bool, String> {
        let account = match self.seen.repeated(&draft.user) {
            Some((_, earlier)) if earlier > answered => {
                self.pending = Some((line, draft));
                return Ok(false);
            }
            Some((RepeatedField::Account, _)) => Err(Outcome::Present(draft.user.id.clone())),
            Some((RepeatedField::Username, earlier)) if self.rules.lenient => {
                draft.dropped.push(format!("`username`: It is in line {earlier} already."));
                draft.user.username = None;
                Ok(batch.users.len())
            }
            Some((field, earlier)) => {
                Err(Outcome::Refused(format!("`{}`: It is in line {earlier} already.", field.name())))
            }
            None => Ok(batch.users.len()),
        };
        let Draft { mut user, dropped } = draft;
        if account.is_ok() {
            self.seen.note(&user, line);
            if user.id.is_empty() {
                user.id = self.app.uuid().map_err(|error| error.cause())?;
            }
            batch.users.push(user);
        }
        batch.entries.push(Entry { line, dropped, account });
        Ok(true)
    }

    fn answer(&mut self, batch: Batch, outcomes: Vec<Stored>, report: &mut Report) -> io::Result<()> {
        for Entry { line, mut dropped, account } in batch.entries {
            let outcome = match account {
                Err(outcome) => outcome,
                Ok(index) => {
                    let (Some(stored), Some(user)) = (outcomes.get(index), batch.users.get(index)) else { continue };
                    if stored.lost_username {
                        dropped.push("`username`: This username is taken.".to_owned());
                    }
                    if stored.outcome == Imported::Created && !self.import.dry_run && !is_for_people() {
                        super::audit(self.app, "account_imported", user);
                    }
                    if matches!(stored.outcome, Imported::Taken(_)) {
                        self.seen.forget(user);
                    }
                    outcome_of(&stored.outcome, user, self.import.dry_run)
                }
            };
            report.answer(&Answer { line, outcome, dropped })?;
        }
        Ok(())
    }
}
