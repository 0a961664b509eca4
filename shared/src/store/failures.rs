//! Failure counters: their keys and their records.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Item, TTL, accounts::hash, item, number, time_value};
use crate::{
    account::{
        email::Identifier,
        rate_limit::{FORGOTTEN_AFTER, Failures},
        session::SessionId,
        user::User,
    },
    error::Error,
};

/// The failure counter under one key.
#[derive(Debug)]
pub(super) struct FailureCounter {
    pub key: String,
    /// The count that was read last. `None` if there is no record, or none was read yet.
    pub last_read: Option<Failures>,
}

impl FailureCounter {
    /// The counter of somebody who is logged in as `user`: the session's, or the account's if there
    /// is no session, as with Firebase.
    pub(super) fn for_owner(user: &User, session: Option<SessionId>) -> Self {
        let key = session.map_or_else(|| limit_key("owner", &user.id), Self::device_key);
        Self { key, last_read: None }
    }

    /// The keys of an account's counters for all strangers: one key for each identifier, so that
    /// the answers under each identifier are the same. The key of `identifier` comes first.
    pub(super) fn account_keys(identifier: &Identifier, user: Option<&User>) -> Vec<String> {
        let others = user.into_iter().flat_map(User::identifiers).filter(|other| *other != identifier.key());
        [identifier.key()].into_iter().chain(others).map(Self::account_key).collect()
    }

    pub(super) fn account_key(identifier: &str) -> String {
        limit_key("account", identifier)
    }

    pub(super) fn device_key(session: SessionId) -> String {
        limit_key("device", &session.to_string())
    }

    /// The condition that the record is still as it was read, and the values in the condition.
    pub(super) fn unchanged_condition(&self) -> (Option<String>, Option<HashMap<String, AttributeValue>>) {
        match self.last_read {
            None => (Some("attribute_not_exists(pk)".to_owned()), None),
            Some(Failures { failures, last_at }) => {
                let values = [(":failures", number(failures)), (":last_at", time_value(last_at))];
                let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                (Some("failures = :failures AND last_at = :last_at".to_owned()), Some(values))
            }
        }
    }

    /// The record of these failures under the counter's key.
    pub(super) fn item(&self, failures: Failures) -> Result<Item, Error> {
        let mut item = item(self.key.clone(), failures)?;
        item.insert(TTL.to_owned(), number((failures.last_at + FORGOTTEN_AFTER).seconds()));
        Ok(item)
    }
}

/// The key of a limit's record. `subject` is hashed, since people may type anything into the field
/// for their e-mail address.
pub(super) fn limit_key(kind: &str, subject: &str) -> String {
    format!("LIMIT#{kind}#{}", hash(&[subject]))
}
