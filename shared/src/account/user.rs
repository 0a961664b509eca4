//! Accounts: the one record there is of a person, and what others may see of it.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::{
    account::email::{Email, Username},
    error::Error,
    password::StoredHash,
    time::Timestamp,
};

/// The role of every new account. What roles mean is the app's own business.
pub const ROLE_ID_NEW: u32 = 1;
/// The longest display name, in code points.
const NAME_CODE_POINTS_MAX: usize = 128;

/// An account, as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// UUIDv7 text, 36 characters; of an imported account perhaps the one that it had elsewhere, 1 to 128 bytes without control
    /// characters. Also the Firebase uid.
    pub id: String,
    /// As typed.
    pub email: String,
    /// The form two spellings share; the key of a login record.
    pub email_key: String,
    /// In lower case; the key of another login record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For display; empty if never given.
    pub name: String,
    /// What the app makes of it; 1 for a new account.
    pub role_id: u32,
    /// Whether the address was shown to be its owner's.
    pub email_verified: bool,
    /// Refused everywhere, once the right password was given.
    pub disabled: bool,
    /// None for an account that has no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<StoredHash>,
    /// Raised to end every session at once: a session of another epoch is over.
    pub epoch: u64,
    /// When that last happened; a Firebase token whose `auth_time` is before it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_ended_at: Option<Timestamp>,
    /// Raised by every change, each of which is conditional on the version it read.
    pub version: u64,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl User {
    /// A new account, of the ordinary role and not yet verified.
    pub fn new(
        id: String,
        email: &Email,
        username: Option<&Username>,
        name: String,
        hash: StoredHash,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            email: email.typed().to_owned(),
            email_key: email.key().to_owned(),
            username: username.map(|username| username.as_str().to_owned()),
            name,
            role_id: ROLE_ID_NEW,
            email_verified: false,
            disabled: false,
            password_hash: Some(hash),
            epoch: 0,
            sessions_ended_at: None,
            version: 0,
            created_at: now,
        }
    }

    /// Refuses a disabled account to whoever has shown that it is theirs.
    ///
    /// # Errors
    ///
    /// 403 `account_disabled`.
    pub fn refuse_if_disabled(&self) -> Result<(), Error> {
        if self.disabled { Err(Error::Disabled) } else { Ok(()) }
    }

    /// Ends all sessions of this account, when it is stored.
    pub fn end_sessions(&mut self, now: Timestamp) {
        self.epoch = self.epoch.saturating_add(1);
        self.sessions_ended_at = Some(now);
    }

    /// What its owner logs in with, in the form that is compared: the address, and the username if there is one.
    pub fn identifiers(&self) -> impl Iterator<Item = &str> {
        [self.email_key.as_str()].into_iter().chain(self.username.as_deref())
    }

    /// The `user` of every answer.
    pub fn profile(&self) -> Profile {
        Profile {
            id: self.id.clone(),
            role_id: self.role_id,
            name: self.name.clone(),
            email: self.email.clone(),
            email_verified: self.email_verified,
        }
    }
}

/// What an account's owner sees of it.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// As in [`User`].
    pub id: String,
    /// As in [`User`].
    pub role_id: u32,
    /// As in [`User`].
    pub name: String,
    /// As typed.
    pub email: String,
    /// As in [`User`].
    pub email_verified: bool,
}

/// Reads a display name: trimmed, NFC, without control characters. It may be empty.
///
/// # Errors
///
/// A sentence for the caller.
pub fn name(text: &str) -> Result<String, &'static str> {
    let name: String = text.trim().nfc().collect();
    if name.chars().any(char::is_control) {
        Err("A name has no control characters.")
    } else if name.chars().count() > NAME_CODE_POINTS_MAX {
        Err("A name has at most 128 characters.")
    } else {
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name("  Jos\u{65}\u{301} 🦀 ").unwrap(), "José 🦀");
        assert_eq!(name("").unwrap(), "");
        assert!(name(&"é".repeat(128)).is_ok());
        assert!(name(&"é".repeat(129)).is_err());
        assert!(name("a\u{1b}[2J").is_err());
    }
}
