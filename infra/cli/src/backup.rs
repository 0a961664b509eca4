//! `latchkey backup` and `latchkey restore`: the data folder of `latchkey serve` as one archive,
//! made while the server runs.

mod archive;
mod newest;
mod restore;

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufWriter, ErrorKind, IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use shared::{
    config::Config,
    keys::{Source, file_fault},
};

use self::{
    archive::{Content, FILES, Manifest},
    newest::{delete_older, name_at},
};
use crate::{
    Failure, deployment,
    files::{self, PrivateFile},
    flags::{DataDir, advise, number},
    written,
};

pub use restore::{Restore, refuse_unfinished};

/// The folder within the data folder in which the copy of the database is made.
const ASIDE: &str = ".backup";

/// `latchkey backup`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey backup latchkey.tar                     the accounts and keys of .latchkey
  latchkey backup /var/backups/latchkey --keep 14  a new archive in a folder, and 14 at most
  latchkey backup - > latchkey.tar                 to another program, such as one that encrypts

The server may run meanwhile. latchkey restore makes a data folder of an archive.")]
pub struct Backup {
    /// The archive to write, which must not exist. In a folder the archive gets a name by its time.
    /// With - it goes to standard output. Only you will be able to read it: it holds every account
    /// and every private key.
    to: PathBuf,
    /// Keep this many archives in the folder, the newest, and delete the others.
    #[arg(long, value_parser = number::<usize>(1, 10_000))]
    keep: Option<usize>,
    #[command(flatten)]
    data_dir: DataDir,
}

impl Backup {
    /// Writes the archive.
    ///
    /// # Errors
    ///
    /// A sentence for people: there is nothing to back up, or the archive cannot be written.
    pub fn run(self) -> Result<(), Failure> {
        self.refuse_wrong_use()?;
        let config = self.config()?;
        let now = deployment::now();
        let contents = contents(&config)?;
        let manifest = Manifest::of(&contents, &config.table_name, now);
        if self.is_stream() {
            let mut out = BufWriter::new(io::stdout().lock());
            written(archive::write(&mut out, &manifest, contents, now).and_then(|()| out.flush()))?;
        } else {
            let path = if self.to.is_dir() { self.to.join(name_at(now)) } else { self.to.clone() };
            let mut file = PrivateFile::create(&path)?;
            let unwritable =
                |error: io::Error| format!("{} cannot be written: {}.", path.display(), file_fault(&error));
            archive::write(&mut file, &manifest, contents, now).map_err(unwritable)?;
            file.finish()?;
            written(writeln!(io::stdout(), "{}", path.display()))?;
        }
        if let Some(keep) = self.keep {
            delete_older(&self.to, keep)?;
        }
        advise_of_others(&config);
        Ok(())
    }

    fn is_stream(&self) -> bool {
        self.to.as_os_str() == "-"
    }

    fn refuse_wrong_use(&self) -> Result<(), Failure> {
        if self.keep.is_some() && !self.to.is_dir() {
            let text = format!("--keep needs a folder of archives, and {} is none.", self.to.display());
            return Err(Failure::wrong_use(text));
        }
        if self.is_stream() && io::stdout().is_terminal() {
            return Err(Failure::wrong_use("The archive would be written to the screen. Send it to a file: > FILE"));
        }
        Ok(())
    }

    /// The environment. Refuses one whose accounts are in DynamoDB, unless a folder is named.
    fn config(&self) -> Result<Config, Failure> {
        let config = self.data_dir.clone().config()?;
        if self.data_dir.data_dir.is_none() && deployment::is_on_aws(&config) {
            return Err(Failure::wrong_use(
                "SIGNING_KEYS_SECRET_ID is set, so the accounts are in DynamoDB, which has backups of its own \
                 (docs/operating.md). --data-dir names a data folder instead.",
            ));
        }
        Ok(config)
    }
}

/// The files of the data folder. The keys are opened after the database was copied, and under the
/// lock of a rotation. Each session of the copy therefore has its key in the archive.
fn contents(config: &Config) -> Result<Vec<Content>, Failure> {
    let folder = &config.serve.data_dir;
    let mut contents =
        vec![Content::of(deployment::DATABASE, copy(config)?).map_err(|error| unreadable(folder, &error))?];
    let keys = folder.join(deployment::SIGNING_KEYS);
    let _lock = if keys.exists() { Some(files::lock_folder_of(&keys)?) } else { None };
    for name in FILES.into_iter().filter(|name| *name != deployment::DATABASE) {
        let path = folder.join(name);
        match File::open(&path).and_then(|file| Content::of(name, file)) {
            Ok(content) => contents.push(content),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error).into()),
        }
    }
    Ok(contents)
}

/// A copy of the database as of one moment. Its file has no name any more, so that nothing is left
/// of it when it is closed.
fn copy(config: &Config) -> Result<File, Failure> {
    let database = deployment::embedded(config)?;
    if !database.has_table(&config.table_name).map_err(|error| error.cause())? {
        return Err(
            format!("The database has no table {}. Set TABLE_NAME as the server has it.", config.table_name).into()
        );
    }
    let aside = config.serve.data_dir.join(ASIDE);
    files::make_folder(&aside)?;
    let _lock = lock(&aside)?;
    let path = aside.join(deployment::DATABASE);
    // A backup that was killed may have left a part of a copy.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(unreadable(&path, &error).into()),
        _ => {}
    }
    let copied = database
        .copy_to(&path)
        .map_err(|error| format!("The database cannot be copied to {}: {}", path.display(), error.cause()))
        .and_then(|()| File::open(&path).map_err(|error| unreadable(&path, &error)));
    // After a failure there may be no file.
    let _ = fs::remove_file(&path);
    Ok(copied?)
}

fn lock(aside: &Path) -> Result<File, String> {
    let folder = File::open(aside).map_err(|error| unreadable(aside, &error))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => {
            Err("Another latchkey backup of this data folder is at work. Wait for its end.".to_owned())
        }
        Err(TryLockError::Error(error)) => Err(unreadable(aside, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {}.", path.display(), file_fault(error))
}

/// Names the keys that the environment keeps outside the data folder, and so outside the archive.
fn advise_of_others(config: &Config) {
    let keys = &config.keys;
    let others: Vec<&str> = [
        ("the signing keys", keys.signing_keys.as_ref()),
        ("the Firebase service account", config.firebase.account.as_ref()),
        ("the shared secret", keys.shared_secret.as_ref()),
        ("the API keys", keys.api_key.as_ref()),
        ("the admin key", keys.admin_key.as_ref()),
        ("the key of mailed codes", keys.proof_key.as_ref()),
        ("the password of the mail server", config.mail.smtp.as_ref()),
        ("the secret of the webhook", config.mail.webhook_secret.as_ref()),
    ]
    .into_iter()
    .filter(|(_, source)| source.is_some_and(|source| is_outside(source, config)))
    .map(|(name, _)| name)
    .collect();
    if !others.is_empty() {
        advise(&format!("Not in the archive, since a variable names another place: {}.", others.join(", ")));
    }
}

fn is_outside(source: &Source, config: &Config) -> bool {
    match source {
        Source::File(path) => !FILES.iter().any(|name| *path == config.serve.data_dir.join(name)),
        Source::Secret(_) | Source::Text(_) => true,
    }
}
