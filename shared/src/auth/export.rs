//! The line of an account in an export, which an import reads again without loss.

use serde::Serialize;

use crate::{
    account::{
        claims::{OwnClaims, as_object},
        metadata::Metadata,
        user::User,
    },
    sample::{Meaning, Sample},
};

/// An account under the keys of an import. Every member is always there, except the hash.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    id: String,
    imported_uid: bool,
    email: String,
    username: String,
    name: String,
    role_id: u32,
    email_verified: bool,
    disabled: bool,
    created_at: String,
    #[serde(serialize_with = "as_object")]
    claims: OwnClaims,
    metadata: Metadata,
    private_metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
}

impl Line {
    /// The line of an account, with the password hash if the account was read with it.
    pub fn with_hash(user: &User) -> Self {
        let password_hash = user.password_hash.as_ref().map(|hash| hash.as_str().to_owned());
        Self { password_hash, ..Self::without_hash(user) }
    }

    /// The line of an account, which never has the password hash.
    pub fn without_hash(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            imported_uid: user.imported_uid,
            email: user.email.clone(),
            username: user.username.clone().unwrap_or_default(),
            name: user.name.clone(),
            role_id: user.role_id,
            email_verified: user.email_verified,
            disabled: user.disabled,
            created_at: user.created_at.rfc3339_exact(),
            claims: user.claims.clone(),
            metadata: user.metadata.clone(),
            private_metadata: user.private_metadata.clone(),
            password_hash: None,
        }
    }
}

impl Sample for Line {
    const NAME: &'static str = "ExportedAccount";
    const MEMBERS: &'static [Meaning] = &[
        ("id", "The user's id, and the uid at Firebase."),
        ("imported_uid", "Whether the id is one of another system."),
        ("email", "The address as it was typed."),
        ("username", "In lower case; empty if there is none."),
        ("name", "Empty if none was given."),
        ("role_id", "Its meaning is the app's business."),
        ("email_verified", "Whether the address is known to belong to the person."),
        ("disabled", "Whether the account is refused everywhere."),
        ("created_at", "The time when the account was made, with milliseconds."),
        ("claims", "The claims that stand in the tokens of this account."),
        ("metadata", "The person's own JSON object."),
        ("private_metadata", "A JSON object of yours, which the person never sees."),
    ];

    fn sample() -> Self {
        Self {
            id: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e".to_owned(),
            imported_uid: false,
            email: "james@example.com".to_owned(),
            username: "james".to_owned(),
            name: "James".to_owned(),
            role_id: 1,
            email_verified: true,
            disabled: false,
            created_at: "2026-05-01T09:00:00.123Z".to_owned(),
            claims: OwnClaims::default(),
            metadata: Metadata::default(),
            private_metadata: Metadata::default(),
            password_hash: None,
        }
    }
}
