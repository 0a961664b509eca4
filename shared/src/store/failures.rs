//! Series of failures: under which keys they stand, and as what.

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

/// A series of failures under one key, as far as it is known.
#[derive(Debug)]
pub(super) struct FailureCounter {
    pub key: String,
    pub seen: Option<Failures>,
}

impl FailureCounter {
    /// That of somebody who is logged in as `user`: of the session, or if there is none, as with Firebase, of the account.
    pub(super) fn for_owner(user: &User, session: Option<SessionId>) -> Self {
        let key = session.map_or_else(|| limit_key("owner", &user.id), Self::device_key);
        Self { key, seen: None }
    }

    /// All keys of the series of strangers: one for each of the account's identifiers, so that each of them tells the same; the
    /// one that was given comes first.
    pub(super) fn account_keys(given: &Identifier, user: Option<&User>) -> Vec<String> {
        let others = user.into_iter().flat_map(User::identifiers).filter(|other| *other != given.key());
        [given.key()].into_iter().chain(others).map(Self::account_key).collect()
    }

    pub(super) fn account_key(identifier: &str) -> String {
        limit_key("account", identifier)
    }

    pub(super) fn device_key(session: SessionId) -> String {
        limit_key("device", &session.to_string())
    }

    /// The condition that it is still as it was read, and the values in it.
    pub(super) fn unchanged_condition(&self) -> (Option<String>, Option<HashMap<String, AttributeValue>>) {
        match self.seen {
            None => (Some("attribute_not_exists(pk)".to_owned()), None),
            Some(Failures { failures, last_at }) => {
                let values = [(":failures", number(failures)), (":last_at", time_value(last_at))];
                let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                (Some("failures = :failures AND last_at = :last_at".to_owned()), Some(values))
            }
        }
    }

    /// The record of these failures under its key.
    pub(super) fn item(&self, failures: Failures) -> Result<Item, Error> {
        let mut item = item(self.key.clone(), failures)?;
        item.insert(TTL.to_owned(), number((failures.last_at + FORGOTTEN_AFTER).seconds()));
        Ok(item)
    }
}

/// By hash: what people type into the field for their address may be anything.
pub(super) fn limit_key(kind: &str, whom: &str) -> String {
    format!("LIMIT#{kind}#{}", hash(&[whom]))
}
