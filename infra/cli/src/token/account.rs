//! The service account that the tool signs with.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use shared::{config::SigningAccount, firebase::ServiceAccount, keys::Source};

use crate::{Failure, tell};

/// More than any key file has, so that a longer one is refused as what it is and not read to its end.
const FILE_BYTES_MAX: u64 = 128 * 1024;
const NO_KEY: &str = "There is no key to sign with. Give the service account's key file with --key FILE, or set \
                      FIREBASE_SERVICE_ACCOUNT (its text, or a path to it) or GOOGLE_APPLICATION_CREDENTIALS (a path).";

/// The account in `file`, else the one that the environment names. What had to be repaired in it is told.
pub fn load(file: Option<PathBuf>) -> Result<ServiceAccount, Failure> {
    let SigningAccount { source, client_email, project_id } = SigningAccount::from_env();
    let given = file.map(|path| (Source::File(path), "--key"));
    let (source, name) = given.or(source).ok_or_else(|| Failure::wrong_use(NO_KEY))?;
    let text = text(source, name).map_err(Failure::wrong_use)?;
    let account = ServiceAccount::parse_as(&text, client_email.as_deref(), project_id.as_deref())
        .map_err(|refusal| Failure::wrong_use(format!("{name}: {refusal}")))?;
    if !account.repairs.is_empty() {
        tell(&format!("The service account of {name} was repaired: {}.", account.repairs.join("; ")));
    }
    Ok(account)
}

fn text(source: Source, name: &str) -> Result<String, String> {
    let path = match source {
        Source::Text(text) => return Ok(text),
        Source::File(path) => path,
        Source::Secret(id) => return Err(format!("{name} is the secret {id}, which this command does not fetch.")),
    };
    // What is no text is no key either, and is refused as such where it is read.
    read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!(
            "{name}: there is no file {}. Correct the path, or take the file that the Firebase console gives out: Project \
             settings, Service accounts, Generate new private key.",
            path.display()
        ),
        _ => format!("{name}: {} cannot be read: {error}.", path.display()),
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
