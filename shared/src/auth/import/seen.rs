//! The accounts that an import had so far, so that none is stored twice.

use std::collections::HashMap;

use crate::account::user::User;

/// The ids and identifiers of the accounts that the file had so far, each with its line. Refused
/// accounts do not count.
#[derive(Default)]
pub struct Seen {
    ids: HashMap<String, (u64, String)>,
    emails: HashMap<String, u64>,
    usernames: HashMap<String, u64>,
}

/// The part of an account that an earlier one had.
#[derive(Clone, Copy)]
pub enum Field {
    /// The id and the e-mail address: the account itself.
    Account,
    /// The id, with another address.
    Id,
    /// The e-mail address.
    Email,
    /// The username.
    Username,
}

impl Field {
    /// The name of the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account | Self::Id => "id",
            Self::Email => "email",
            Self::Username => "username",
        }
    }
}

impl Seen {
    /// The part of this account that an earlier one had, and the line of that one.
    pub fn repeated(&self, user: &User) -> Option<(Field, u64)> {
        if let Some((earlier, email)) = self.ids.get(&user.id) {
            return Some((if *email == user.email_key { Field::Account } else { Field::Id }, *earlier));
        }
        if let Some(earlier) = self.emails.get(&user.email_key) {
            return Some((Field::Email, *earlier));
        }
        let earlier = self.usernames.get(user.username.as_ref()?)?;
        Some((Field::Username, *earlier))
    }

    /// Remembers an account.
    pub fn note(&mut self, user: &User, line: u64) {
        if !user.id.is_empty() {
            self.ids.insert(user.id.clone(), (line, user.email_key.clone()));
        }
        self.emails.insert(user.email_key.clone(), line);
        self.usernames.extend(user.username.clone().map(|username| (username, line)));
    }

    /// Forgets an account that was refused.
    pub fn forget(&mut self, user: &User) {
        self.ids.remove(&user.id);
        self.emails.remove(&user.email_key);
        if let Some(username) = &user.username {
            self.usernames.remove(username);
        }
    }
}
