//! An account as the tool shows it: without its secrets.

use serde::Serialize;
use shared::account::{metadata::Metadata, user::User};

/// An account as JSON. As in the HTTP contract, every key is always there, and always of the same
/// type.
#[derive(Serialize)]
pub struct UserView<'a> {
    id: &'a str,
    email: &'a str,
    username: &'a str,
    name: &'a str,
    role_id: u32,
    email_verified: bool,
    disabled: bool,
    created_at: String,
    metadata: &'a Metadata,
}

impl<'a> From<&'a User> for UserView<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: &user.id,
            email: &user.email,
            username: user.username.as_deref().unwrap_or_default(),
            name: &user.name,
            role_id: user.role_id,
            email_verified: user.email_verified,
            disabled: user.disabled,
            created_at: user.created_at.rfc3339(),
            metadata: &user.metadata,
        }
    }
}

/// The state of an account in one word.
pub fn state(user: &User) -> &'static str {
    match (user.disabled, user.email_verified) {
        (true, _) => "disabled",
        (false, true) => "verified",
        (false, false) => "unverified",
    }
}
