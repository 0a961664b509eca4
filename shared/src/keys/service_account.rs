//! Firebase: the service account, and the custom tokens it signs for `signInWithCustomToken`.

mod repair;

use serde_json::json;

pub use repair::{is_client_email, is_project_id};

use crate::jose::rsa::RsaKey;

/// A Google service account that signs custom tokens.
#[derive(Debug)]
pub struct ServiceAccount {
    /// `iss` and `sub` of its tokens.
    pub email: String,
    /// The Firebase project it belongs to.
    pub project_id: String,
    /// `private_key_id` of the file, which names the key in Google's console. None if there is no
    /// file, or if the text cannot be an id.
    pub key_id: Option<String>,
    /// What had to be repaired before its text could be read, as phrases for the log; none in the file as Google gives it out.
    pub repairs: Vec<&'static str>,
    pub(crate) key: RsaKey,
}

impl ServiceAccount {
    /// Reads the file that Google gives out, also as variables, panels and pipelines mangle it: in base64, quoted, escaped, with
    /// its line breaks lost or doubled.
    ///
    /// # Errors
    ///
    /// Sentences that name the mistake and never quote the input.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_as(text, None, None)
    }

    /// The same, where a private key alone will do if the e-mail address and the project are given beside it. What a whole file
    /// says of itself counts more than these.
    ///
    /// # Errors
    ///
    /// As [`ServiceAccount::parse`].
    pub fn parse_as(text: &str, client_email: Option<&str>, project_id: Option<&str>) -> Result<Self, String> {
        repair::read(text, client_email, project_id)
    }

    /// Makes an account of a project that only the Auth emulator knows, as the file Google would give out.
    ///
    /// # Errors
    ///
    /// The random source failed.
    pub fn generate_demo(project_id: &str) -> Result<String, aws_lc_rs::error::Unspecified> {
        let private_key = RsaKey::generate()?;
        let account = json!({
            "type": "service_account",
            "project_id": project_id,
            "private_key_id": "demo",
            "private_key": private_key,
            "client_email": format!("latchkey@{project_id}.iam.gserviceaccount.com"),
            "client_id": "0",
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        Ok(format!("{account:#}\n"))
    }
}
