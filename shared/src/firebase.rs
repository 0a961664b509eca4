//! Firebase: the service account, and the custom tokens it signs for `signInWithCustomToken`.

mod custom_token;
mod rules;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

pub use custom_token::{CustomToken, Refusal};

use crate::rsa::RsaKey;

/// A Google service account that signs custom tokens.
#[derive(Debug)]
pub struct ServiceAccount {
    /// `iss` and `sub` of its tokens.
    pub email: String,
    /// The Firebase project it belongs to.
    pub project_id: String,
    key: RsaKey,
}

impl ServiceAccount {
    /// Reads the file that Google gives out, or base64 of it.
    ///
    /// # Errors
    ///
    /// A sentence that names the mistake and never quotes the input.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // `base64` breaks its lines.
        let unbroken = || text.split_whitespace().collect::<String>();
        let decoded = if text.starts_with('{') { None } else { STANDARD.decode(unbroken()).ok() };
        let document: Map<String, Value> = serde_json::from_slice(decoded.as_deref().unwrap_or(text.as_bytes()))
            .map_err(|_| "The service account is not the JSON file that Google gives out, nor base64 of it.")?;
        let member = |name: &str| document.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
        if member("type") != Some("service_account") {
            return Err(
                "The service account is another kind of file: its `type` is not `service_account`. Take the one \
                        from Project settings, Service accounts, Generate new private key."
                    .to_owned(),
            );
        }
        let required = |name: &str| member(name).ok_or_else(|| format!("The service account has no `{name}`."));
        let key = RsaKey::from_pem(required("private_key")?)
            .map_err(|refusal| format!("The private key of the service account {refusal}."))?;
        Ok(Self { email: required("client_email")?.to_owned(), project_id: required("project_id")?.to_owned(), key })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_read_from_its_file_or_base64_of_it() {
        let file = ServiceAccount::generate_demo("p").unwrap();
        assert_eq!(ServiceAccount::parse(&file).unwrap().project_id, "p");
        let encoded = STANDARD.encode(&file);
        assert_eq!(ServiceAccount::parse(&encoded).unwrap().project_id, "p");
        assert_eq!(
            ServiceAccount::parse(&format!("{}\n{}\n", &encoded[..76], &encoded[76..])).unwrap().project_id,
            "p"
        );
    }

    #[test]
    fn another_file_than_a_service_account_is_refused_by_name() {
        let with = |name: &str, value: Value| {
            let mut document: Value = serde_json::from_str(&ServiceAccount::generate_demo("p").unwrap()).unwrap();
            document[name] = value;
            ServiceAccount::parse(&document.to_string()).unwrap_err()
        };
        assert!(ServiceAccount::parse("hello").unwrap_err().contains("is not the JSON file"));
        assert!(ServiceAccount::parse("{\"project_info\":{}}").unwrap_err().contains("another kind of file"));
        assert!(with("type", json!("authorized_user")).contains("another kind of file"));
        assert_eq!(with("client_email", json!("")), "The service account has no `client_email`.");
        assert_eq!(with("private_key", json!("x")), "The private key of the service account is not PEM text.");
    }
}
