//! The table in which `latchkey serve` keeps accounts and sessions.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Read},
    path::Path,
};

use shared::{
    App,
    config::Config,
    error::Error,
    keys::file_fault,
    store::{Store, embedded::Embedded},
};
use tokio::net::TcpListener;

use crate::{aws::Aws, deployment, files};

/// The first bytes of every database of SQLite (<https://sqlite.org/fileformat.html>).
const SQLITE_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// A table in the data folder or elsewhere.
pub struct Table {
    /// The store of the functions.
    pub store: Store,
    /// The embedded database, with the lock of its data folder.
    embedded: Option<(Embedded, File)>,
}

impl Table {
    /// Opens the table in the data folder that `lock` locks. The first start creates the table.
    pub async fn embedded(config: &Config, lock: File) -> Result<Self, String> {
        let database = config.serve.data_dir.join(deployment::DATABASE);
        // A dangling link, to a volume that is not mounted, does not count as a missing file.
        if fs::symlink_metadata(&database).map_or(true, |file| file.is_file() && file.len() == 0) {
            make(&database, &config.table_name).await?;
        }
        refuse_damaged(&database)?;
        let cause = |error: Error| cause(&database, &error);
        let embedded = Embedded::file(&database).map_err(cause)?;
        embedded.prepare_table(&config.table_name).await.map_err(cause)?;
        Ok(Self { store: embedded.store(&config.table_name), embedded: Some((embedded, lock)) })
    }

    /// Opens the table in the DynamoDB that AWS's own variables name. Checks the table now, because
    /// otherwise the first login would fail.
    pub async fn external(aws: &Aws, config: &Config) -> Result<Self, String> {
        let store = deployment::external_table(aws, config).await?;
        let examined = deployment::examine(&store, &config.table_name).await;
        examined.map_err(|why| format!("The table cannot be used: {why}."))?;
        Ok(Self { store, embedded: None })
    }

    /// Whether the table is in the data folder.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Deletes the expired records of the embedded table now and from time to time, for ever. A
    /// table elsewhere has DynamoDB's own TTL.
    pub fn sweeps(&self, app: App) -> impl Future<Output = ()> + Send + 'static {
        let embedded = self.embedded.as_ref().map(|(embedded, _)| embedded.clone());
        async move {
            if let Some(embedded) = embedded {
                embedded.sweep_regularly(app.config().table_name.clone(), || app.now()).await;
            }
        }
    }

    /// Serves the embedded table to other programs until `stop`.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), String> {
        match &self.embedded {
            Some((embedded, _)) => dynoxide::server::serve_with_shutdown(listener, embedded.database(), stop).await,
            None => Ok(()),
        }
    }
}

/// Makes the database under another name and renames it once it is complete. The table, its index
/// and its TTL are made one after the other, and a first start may be killed in between.
async fn make(database: &Path, table: &str) -> Result<(), String> {
    let beside = |extension: &str| database.with_extension(extension);
    let aside = beside("new");
    for left_over in [aside.clone(), beside("new-wal"), beside("new-shm")] {
        match fs::remove_file(&left_over) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(format!("{} cannot be removed: {}.", left_over.display(), file_fault(&error)));
            }
            _ => {}
        }
    }
    // The database will hold password hashes, and others may be able to read the folder. SQLite
    // gives the files beside the database the same permissions.
    files::make_private(&aside)?;
    let embedded = Embedded::file(&aside).map_err(|error| cause(&aside, &error))?;
    embedded.prepare_table(table).await.map_err(|error| cause(&aside, &error))?;
    embedded.store(table).mark_listed().await.map_err(|error| cause(&aside, &error))?;
    // The last connection removes SQLite's files beside the database.
    drop(embedded);
    if beside("new-wal").exists() {
        return Err(format!("{} is still in use.", aside.display()));
    }
    fs::rename(&aside, database)
        .map_err(|error| format!("{} cannot be written: {}.", database.display(), file_fault(&error)))
}

/// Refuses a file that SQLite cannot have written.
fn refuse_damaged(database: &Path) -> Result<(), String> {
    let mut header = [0; SQLITE_HEADER.len()];
    let read = File::open(database).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) if header == *SQLITE_HEADER => Ok(()),
        Err(error) if !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::IsADirectory) => {
            Err(format!("{} cannot be read: {}.", database.display(), file_fault(&error)))
        }
        Ok(()) | Err(_) => Err(format!(
            "{} is no database, or it is damaged. Put back a copy of it. If no account in it counts, move it away: the next \
             start makes an empty one.",
            database.display()
        )),
    }
}

fn cause(path: &Path, error: &Error) -> String {
    format!("{} cannot be used: {}", path.display(), error.cause())
}

/// Locks the data folder for this process.
///
/// # Errors
///
/// A sentence for people: another process serves or restores it.
pub fn lock(folder: &Path) -> Result<File, String> {
    let unusable = |error: io::Error| files::unusable_folder(folder, &error);
    let file = File::options().create(true).append(true).open(folder.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "The data folder {} is in use by another latchkey serve. Stop that one, or choose another folder with --data-dir.",
            folder.display()
        )),
        Err(TryLockError::Error(error)) => Err(unusable(error)),
    }
}
