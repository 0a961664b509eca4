//! The Firebase service account, which signs the custom tokens for `signInWithCustomToken`.

mod repair;

use serde_json::json;

pub use repair::{is_client_email, is_project_id};

use super::{
    RemoteAccount,
    signer::{GoogleServers, Signer},
};
use crate::{AwsCaller, jose::rsa::RsaKey};

/// A Google service account that signs custom tokens.
#[derive(Debug)]
pub struct ServiceAccount {
    /// The account's e-mail address, which is `iss` and `sub` of its tokens.
    pub email: String,
    /// The Firebase project of the account.
    pub project_id: String,
    /// `private_key_id` of the file, which names the key in Google's console. `None` if there is no
    /// file, or if the text cannot be an id.
    pub key_id: Option<String>,
    /// The repairs that made the text readable, as phrases for the log. Empty for the unchanged
    /// file from Google.
    pub repairs: Vec<&'static str>,
    pub(crate) signer: Signer,
}

impl ServiceAccount {
    /// An account whose private key another service holds. Nothing is called yet. `aws` is the
    /// identity of this process at AWS.
    pub fn remote(account: &RemoteAccount, aws: Option<AwsCaller>, google: &GoogleServers) -> Self {
        Self {
            email: account.email.clone(),
            project_id: account.project_id.clone(),
            key_id: None,
            repairs: Vec::new(),
            signer: Signer::remote(&account.signer, &account.email, aws, google),
        }
    }

    /// Reads the key file from Google. Variables, panels and pipelines often change the text: it
    /// may be in base64, quoted or escaped, or its line breaks may be lost or doubled.
    ///
    /// # Errors
    ///
    /// Sentences that name the mistake and never quote `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_as(text, None, None)
    }

    /// Reads a key file as [`ServiceAccount::parse`] does, or a private key alone if `client_email`
    /// and `project_id` are given. The values in a key file count more than the two arguments.
    ///
    /// # Errors
    ///
    /// As [`ServiceAccount::parse`].
    pub fn parse_as(text: &str, client_email: Option<&str>, project_id: Option<&str>) -> Result<Self, String> {
        repair::read(text, client_email, project_id)
    }

    /// Makes a key file, in Google's format, for a project that only the Auth emulator knows.
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
