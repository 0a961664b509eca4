//! The service account of the tool, and the texts that may name one.

use std::path::{Path, PathBuf};

use super::{Environment, values::plain};
use crate::keys::Source;

/// The service account that `latchkey token` signs with.
#[derive(Clone, Debug)]
pub struct SigningAccount {
    /// The account and the variable that names it, as for
    /// [`Firebase::account`](super::Firebase::account).
    ///
    /// Names the service account if `FIREBASE_SERVICE_ACCOUNT` does not. Has no default. Accepts a
    /// path, or the account itself. Read from `GOOGLE_APPLICATION_CREDENTIALS` on a laptop.
    pub source: Option<(Source, &'static str)>,
    /// The account's e-mail address, as for
    /// [`Firebase::client_email`](super::Firebase::client_email).
    pub client_email: Option<String>,
    /// The account's project, for a private key without its JSON.
    pub project_id: Option<String>,
}

impl SigningAccount {
    /// Reads the process's environment.
    pub fn from_env() -> Self {
        Self::read(super::variable)
    }

    /// Reads variables through `get`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let env = Environment::new(&get);
        let given = env.quoted(SERVICE_ACCOUNT).map(|text| (service_account(text), SERVICE_ACCOUNT));
        let default = || env.quoted(CREDENTIALS).map(|text| (service_account(text), CREDENTIALS));
        Self {
            source: given.or_else(default),
            client_email: env.text("FIREBASE_CLIENT_EMAIL"),
            project_id: env.text("FIREBASE_PROJECT_ID"),
        }
    }
}

const SERVICE_ACCOUNT: &str = "FIREBASE_SERVICE_ACCOUNT";
const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// A path to the account, or the account itself. A message names a path that cannot be read. A text
/// that could be a secret is therefore no path, unless there is such a file.
pub fn service_account(text: String) -> Source {
    // Quotation marks around JSON are repaired later, and told.
    let path = plain(&text);
    if looks_like_path(path) || (may_be_path(path) && Path::new(path).exists()) {
        Source::File(PathBuf::from(path))
    } else {
        Source::Text(text)
    }
}

/// Whether a text looks like the path of a key file, and not like the file's content. A path has
/// the ending of a key file. Otherwise it begins at a folder, and has a character that base64
/// lacks.
pub fn looks_like_path(text: &str) -> bool {
    const ENDINGS: [&str; 4] = [".json", ".key", ".pem", ".txt"];
    let has_ending = ENDINGS.iter().any(|ending| text.to_ascii_lowercase().ends_with(ending));
    let begins_at_folder = ["/", "./", "../", "~/"].iter().any(|folder| text.starts_with(folder));
    let is_no_base64 = text.contains(['.', '-', '_']) || !text.contains(|letter: char| letter.is_ascii_uppercase());
    may_be_path(text) && (has_ending || (begins_at_folder && is_no_base64))
}

fn may_be_path(text: &str) -> bool {
    text.len() < 1024 && !text.contains(['{', '"', '\n']) && !text.contains("-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_told_from_a_path_to_one() {
        let firebase = |text: &str| service_account(text.to_owned());
        assert_eq!(firebase("{\"type\":1}"), Source::Text("{\"type\":1}".to_owned()));
        for path in ["keys/account.json", "/run/secrets/firebase-account", "../account.PEM", env!("CARGO_MANIFEST_DIR")]
        {
            assert_eq!(firebase(path), Source::File(path.into()));
            assert_eq!(firebase(&format!("'{path}'")), Source::File(path.into()));
        }
        for text in [
            "A".repeat(2000),
            "A".repeat(300),
            "'{\"type\":1}'".to_owned(),
            "-----BEGIN EC PRIVATE KEY-----".to_owned(),
            "AIzaSy".to_owned(),
            "0123456789abcdef0123456789abcdef01234567".to_owned(),
            "/MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8c".to_owned(),
            "GOCSPX-abcdefghijklmnop".to_owned(),
            "ya29.a0AfB".to_owned(),
            "eyJhbGciOiJSUzI1NiJ9.e30.c2ln".to_owned(),
        ] {
            assert_eq!(firebase(&text), Source::Text(text));
        }
        assert!(matches!(firebase(&format!("{}/account.json", "folder/".repeat(100))), Source::File(_)));
    }

    #[test]
    fn the_tools_account_is_the_one_given_for_firebase_or_else_googles_own() {
        let read = |variables: &[(&str, &str)]| {
            SigningAccount::read(|name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let google = ("GOOGLE_APPLICATION_CREDENTIALS", "google.json");
        let owner = [("FIREBASE_CLIENT_EMAIL", "a@b.de"), ("FIREBASE_PROJECT_ID", "p")];
        assert!(read(&owner).source.is_none());
        let account = read(&[google, owner[0], owner[1]]);
        assert_eq!(account.source, Some((Source::File("google.json".into()), google.0)));
        assert_eq!((account.client_email.as_deref(), account.project_id.as_deref()), (Some("a@b.de"), Some("p")));
        let account = read(&[google, ("FIREBASE_SERVICE_ACCOUNT", "{}")]);
        assert_eq!(account.source, Some((Source::Text("{}".to_owned()), SERVICE_ACCOUNT)));
    }
}
