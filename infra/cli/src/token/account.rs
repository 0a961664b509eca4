//! Loads the service account that the tool signs with.

use std::{io::ErrorKind, path::PathBuf};

use shared::{
    config::{SigningAccount, looks_like_path},
    keys::{Source, file_fault, read_file, service_account::ServiceAccount},
};

use crate::{Failure, tell};

const NO_KEY: &str = "There is no key to sign with. Give the service account's key file with --key FILE, or set \
                      FIREBASE_SERVICE_ACCOUNT (its text, or a path to it) or GOOGLE_APPLICATION_CREDENTIALS (a path).";

/// Loads the account in `file`, or else the account that the environment names. Reports each repair
/// on standard error.
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
    // Somebody may have given the key itself in place of a path. Its text is never printed.
    let shown = path.to_string_lossy();
    let shown = if looks_like_path(&shown) { shown } else { "of that name".into() };
    read_file(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!(
            "{name}: there is no file {shown}. Correct the path, or use the file that the Firebase console generates: \
             Project settings, Service accounts, Generate new private key."
        ),
        _ => format!("{name}: the file {shown} cannot be read: {}.", file_fault(&error)),
    })
}
