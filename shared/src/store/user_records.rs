//! The records of an account: their keys, their two shapes, and the change from one version to the
//! next.
//!
//! `USER#<id>` has everything that admits, except the password hash. `LOGIN#<identifier>` and
//! `IDENTITY#<provider>#<hash>` have the hash too. Release 0.1.0 wrote the hash into both. Such
//! records are read as they are, and the next login or change of the account rewrites them.

use aws_sdk_dynamodb::types::{
    AttributeValue,
    builders::{DeleteBuilder, UpdateBuilder},
};

use super::{
    IDENTITY_PREFIX, Item, Store,
    account_list::list_values,
    identity_key, login_key, number, record,
    transaction::{Condition, Transaction},
    user_key,
};
use crate::{
    account::user::{Origin, User},
    error::Error,
};

/// The attribute that every change raises.
const REVISION: &str = "revision";
/// The attribute that every change raised in release 0.1.0.
///
/// A process of that release writes an account only if this number is the same in all its records.
/// Such a process may still run during a deployment. It would take the missing hash of `USER#<id>`
/// for the hash of the account, and write it back. Two numbers that always differ prevent every
/// such write.
const VERSION: &str = "version";
const USER_VERSION: u64 = 0;
const LOGIN_VERSION: u64 = 1;
const HASH: &str = "password_hash";
const NAME: &str = "name";

/// The condition of a new record.
pub(super) const NEW: &str = "attribute_not_exists(pk)";

/// The keys of an account's record, each with the condition that fails if the key is taken. The
/// username comes after the e-mail address, so that a person who signs up twice hears of the
/// address.
pub(super) fn record_keys(user: &User) -> impl Iterator<Item = (Condition, String)> {
    let address = Some(&user.email_key).filter(|key| !key.is_empty()).map(|key| (Condition::Email, login_key(key)));
    let username = user.username.as_deref().map(|username| (Condition::Username, login_key(username)));
    let identities = user.identities.iter().map(|identity| (Condition::Identity, identity_key(identity)));
    [(Condition::Version, user_key(&user.id))].into_iter().chain(address).chain(username).chain(identities)
}

/// The key of a record with the hash of this account. An account has at least one way in, and so at
/// least one such record.
pub(super) fn login_record_key(user: &User) -> String {
    let with_hash = record_keys(user).find(|(condition, _)| *condition != Condition::Version);
    with_hash.map_or_else(|| user_key(&user.id), |(_, key)| key)
}

/// Reads an account from its `USER#` record, without the hash that an outdated record still has.
pub(super) fn read_user(mut found: Item) -> Result<User, Error> {
    found.remove(HASH);
    read(found, true)
}

/// Reads an account from a `LOGIN#` or an `IDENTITY#` record.
pub(super) fn read_login(found: Item) -> Result<User, Error> {
    read(found, false)
}

fn read(mut found: Item, is_without_hash: bool) -> Result<User, Error> {
    let revision = found.remove(REVISION);
    let is_outdated = revision.is_none();
    found.extend(revision.map(|revision| (VERSION.to_owned(), revision)));
    Ok(User { origin: Origin { is_without_hash, is_outdated }, ..record(found)? })
}

/// The attributes that all records of an account have. The name is empty where the profile has it.
fn common(user: &User) -> Result<Item, Error> {
    let mut common: Item = serde_dynamo::to_item(user).map_err(Error::internal)?;
    common.remove(HASH);
    common.remove(VERSION);
    if user.has_profile {
        common.insert(NAME.to_owned(), AttributeValue::S(String::new()));
    }
    Ok(common)
}

/// The whole record of an account under this key.
pub(super) fn user_record(key: String, user: &User) -> Result<Item, Error> {
    let is_login = key != user_key(&user.id);
    let mut whole = common(user)?;
    if !key.starts_with(IDENTITY_PREFIX) {
        whole.extend(list_values(&key, user));
    }
    whole.insert("pk".to_owned(), AttributeValue::S(key));
    if is_login {
        // Otherwise the account would have no password under this identifier.
        if user.origin.is_without_hash {
            return Err(Error::internal("an identifier was added to an account whose hash was not read"));
        }
        whole.extend(hash_of(user));
    }
    whole.extend(versions(is_login, user.version));
    Ok(whole)
}

fn hash_of(user: &User) -> Option<(String, AttributeValue)> {
    let hash = user.password_hash.as_ref()?;
    Some((HASH.to_owned(), AttributeValue::S(hash.as_str().to_owned())))
}

fn versions(is_login: bool, revision: u64) -> [(String, AttributeValue); 2] {
    let version = if is_login { LOGIN_VERSION } else { USER_VERSION };
    [(REVISION.to_owned(), number(revision)), (VERSION.to_owned(), number(version))]
}

/// The condition that a record is as it was read with this account, and the value in it.
fn unchanged(user: &User) -> (&'static str, AttributeValue) {
    let condition = match user.origin.is_outdated {
        true => "version = :read AND attribute_not_exists(revision)",
        false => "revision = :read",
    };
    (condition, number(user.version))
}

/// The attributes of one record that a change sets and removes.
#[derive(Default)]
struct Difference {
    set: Item,
    removed: Vec<String>,
}

impl Difference {
    fn between(before: &User, after: &User, is_login: bool) -> Result<Self, Error> {
        let (old, mut set) = (common(before)?, common(after)?);
        let mut removed: Vec<String> = old.keys().filter(|name| !set.contains_key(*name)).cloned().collect();
        set.retain(|name, value| old.get(name) != Some(value));
        if !is_login {
            if before.origin.is_outdated {
                removed.push(HASH.to_owned());
            }
        } else if hash_of(before) != hash_of(after) {
            match hash_of(after) {
                Some(hash) => set.extend([hash]),
                None => removed.push(HASH.to_owned()),
            }
        }
        set.extend(versions(is_login, after.version));
        Ok(Self { set, removed })
    }

    fn apply_to(&self, mut update: UpdateBuilder) -> UpdateBuilder {
        let (mut sets, mut removals) = (Vec::new(), Vec::new());
        // Names such as `name` are words of the expression language, hence the placeholders.
        for (index, (name, value)) in self.set.iter().enumerate() {
            sets.push(format!("#s{index} = :s{index}"));
            update = update.expression_attribute_names(format!("#s{index}"), name);
            update = update.expression_attribute_values(format!(":s{index}"), value.clone());
        }
        for (index, name) in self.removed.iter().enumerate() {
            removals.push(format!("#r{index}"));
            update = update.expression_attribute_names(format!("#r{index}"), name);
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removals.is_empty() {
            expression = format!("{expression} REMOVE {}", removals.join(", "));
        }
        update.update_expression(expression)
    }
}

impl Store {
    /// Adds the change of an account, under all keys that the account had or will have. Only the
    /// attributes that differ are written, so that a function may change an account whose hash it
    /// cannot read.
    pub(super) fn replace(&self, writes: &mut Transaction, before: &User, after: &User) -> Result<(), Error> {
        let after = User { version: before.version.saturating_add(1), ..after.clone() };
        let (old, new): (Vec<_>, Vec<_>) = (record_keys(before).collect(), record_keys(&after).collect());
        for (condition, key) in &new {
            if old.contains(&(*condition, key.clone())) {
                let difference = Difference::between(before, &after, *condition != Condition::Version)?;
                let (expression, read) = unchanged(before);
                let update = difference.apply_to(self.update(key)).condition_expression(expression);
                let update = update.expression_attribute_values(":read", read);
                writes.change(Condition::Version, update, key, difference.set)?;
            } else {
                let put = self.put(user_record(key.clone(), &after)?);
                writes.put(*condition, put.condition_expression(NEW))?;
            }
        }
        for (_, key) in old.iter().filter(|old| !new.contains(old)) {
            writes.delete(Condition::Version, self.delete_unchanged(key, before))?;
        }
        self.note_events(writes, before, &after)?;
        self.note_change(writes, before, &after)
    }

    /// The deletion of a record, if the record is as it was read with this account.
    pub(super) fn delete_unchanged(&self, key: &str, user: &User) -> DeleteBuilder {
        let (expression, read) = unchanged(user);
        self.delete(key).condition_expression(expression).expression_attribute_values(":read", read)
    }
}
