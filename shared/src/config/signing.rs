//! The service account that the environment names.

use std::path::{Path, PathBuf};

use super::Environment;
use crate::keys::Source;

/// What signs custom tokens at the command line.
#[derive(Clone, Debug)]
pub struct SigningAccount {
    /// `FIREBASE_SERVICE_ACCOUNT` (the JSON, base64 of it, its private key alone, or a path), else
    /// `GOOGLE_APPLICATION_CREDENTIALS` (a path, or what people put in its place), none; and which of them it is.
    pub source: Option<(Source, &'static str)>,
    /// `FIREBASE_CLIENT_EMAIL`, none: whose key it is, where that does not say so itself.
    pub client_email: Option<String>,
    /// `FIREBASE_PROJECT_ID`, none: its project, where it does not say so itself.
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
        let given = env.text(SERVICE_ACCOUNT).map(|text| (service_account(text), SERVICE_ACCOUNT));
        let default = || env.text(CREDENTIALS).map(|text| (service_account(text), CREDENTIALS));
        Self {
            source: given.or_else(default),
            client_email: env.text("FIREBASE_CLIENT_EMAIL"),
            project_id: env.text("FIREBASE_PROJECT_ID"),
        }
    }
}

const SERVICE_ACCOUNT: &str = "FIREBASE_SERVICE_ACCOUNT";
const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// A path to the account, or the account itself. A path that cannot be read is named in a message, so nothing may pass for one
/// that could be a secret: it must look like one, or be one.
pub fn service_account(text: String) -> Source {
    if looks_like_path(&text) || (may_be_path(&text) && Path::new(&text).exists()) {
        Source::File(PathBuf::from(text))
    } else {
        Source::Text(text)
    }
}

/// Whether this is like the name of a key file, and like nothing that is in one: it has the ending of one, or begins at a folder
/// and has what base64 has not.
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
