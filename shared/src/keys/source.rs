//! The source of a secret document: Secrets Manager, a file or a variable.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use aws_sdk_secretsmanager::Client;
use tokio::task;
use zeroize::Zeroizing;

use super::ManagedSecret;
use crate::text::{self, Encoding};

/// A limit above the size of any key file. A longer file is refused as such, and not read to its
/// end.
const FILE_BYTES_MAX: u64 = 128 * 1024;

/// Advice about a path that a shell has not filled in.
const HOME_IS_NOT_READ: &str = " A shell replaces ~ only outside of quotation marks: write the whole path.";

/// The source of a secret document.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// In Secrets Manager, by name or ARN.
    Secret(String),
    /// In a file.
    File(PathBuf),
    /// In a variable.
    Text(String),
}

impl Source {
    /// Reads the document. `secrets` is needed only for a secret in Secrets Manager.
    ///
    /// # Errors
    ///
    /// A sentence for the log, which quotes nothing of the document.
    pub(super) async fn read(&self, secrets: Option<&Client>) -> Result<Zeroizing<String>, String> {
        match self {
            Self::Text(text) => Ok(Zeroizing::new(text::bare(text).to_owned())),
            Self::File(path) => {
                // A file may be a pipe to which nobody writes.
                let (path, shown) = (path.clone(), path.display().to_string());
                let read = task::spawn_blocking(move || read_file(&path)).await.map_err(|error| error.to_string())?;
                read.map(Zeroizing::new).map_err(|error| {
                    let home = if shown.starts_with('~') { HOME_IS_NOT_READ } else { "" };
                    format!("{shown} cannot be read: {}.{home}", file_fault(&error))
                })
            }
            Self::Secret(id) => {
                let secrets = secrets.ok_or("a secret is configured, but no client for Secrets Manager")?;
                let current = ManagedSecret::new(secrets.clone(), id).current().await;
                match current.map_err(|error| error.cause())? {
                    Some(version) => Ok(Zeroizing::new(text::bare(&version.text).to_owned())),
                    None => Err(format!("the secret {id} has no value yet")),
                }
            }
        }
    }
}

/// The text of a key file, in UTF-8 or UTF-16, without a byte order mark. Other bytes are no key
/// either; the parser of the key refuses them.
///
/// # Errors
///
/// As the operating system reports them; `InvalidData` with a phrase if the file is packed or
/// damaged.
pub fn read_file(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    match text::decode(&bytes) {
        Err(_) if Encoding::of(&bytes) == Ok(Encoding::Utf8) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        text => text.map_err(|why| io::Error::new(ErrorKind::InvalidData, why)),
    }
}

/// Why a file or a folder cannot be used: a clause in plain words.
pub fn file_fault(error: &io::Error) -> String {
    let words = match error.kind() {
        ErrorKind::NotFound => "there is nothing of that name",
        ErrorKind::PermissionDenied => "this user lacks the permission",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "a part of its path is a file, and no folder",
        ErrorKind::ReadOnlyFilesystem => "it is on a disk that cannot be written",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full",
        ErrorKind::ExecutableFileBusy => "it is a program that runs",
        ErrorKind::AlreadyExists => "there is something of that name already",
        _ => return error.to_string(),
    };
    words.to_owned()
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(id) => write!(formatter, "the secret {id}"),
            Self::File(path) => write!(formatter, "the file {}", path.display()),
            Self::Text(_) => formatter.write_str("a variable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_that_is_too_long_is_not_read_to_its_end() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[b'k'; 1_000_000]).unwrap();
        assert_eq!(read_file(file.path()).unwrap().len() as u64, FILE_BYTES_MAX);
        assert_eq!(read_file(Path::new("nowhere")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
