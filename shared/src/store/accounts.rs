//! Accounts in the table: made, changed and deleted whole, with uniqueness by transaction.

use std::time::Duration;

use aws_lc_rs::digest;
use aws_sdk_dynamodb::types::builders::DeleteBuilder;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tokio::time;

use super::{
    Attempt, PAUSE, QuotaWindow, Store, TRIES_MAX, item, login_key, number, record, text, time_value,
    transaction::{Condition, FailedCondition, Transaction},
    user_key,
};
use crate::{
    account::{session::Session, user::User},
    error::Error,
    time::Timestamp,
};

/// What an idempotency key stands for: the request that came with it, but for the password, which is compared by the hash of
/// the account it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    key: String,
    request: String,
    expires_at: Timestamp,
}

impl Fingerprint {
    /// Of this key with these fields, remembered until `expires_at`.
    pub fn new(key: &str, fields: &[&str], expires_at: Timestamp) -> Self {
        Self { key: hash(&[key]), request: hash(fields), expires_at }
    }
}

/// SHA-256 of texts, each with its length before it, so that no two lists are one.
pub(super) fn hash(texts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in texts {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

#[derive(Debug, Serialize, Deserialize)]
struct Idempotency {
    request: String,
    user_id: String,
    expires_at: Timestamp,
    ttl: i64,
}

/// How a create went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Account and session are stored.
    Created,
    /// The idempotency key made this account before, by the same fields; nothing was stored.
    Repeated {
        /// The account's id.
        user_id: String,
    },
}

/// How often an operator's change is tried again. Each time it meets those of others as an equal: 300 tries against fifty clients
/// that change the account without a pause all fail once in four hundred times.
const INSISTENT_TRIES_MAX: u32 = 300;

const NEW: &str = "attribute_not_exists(pk)";
const SAME_VERSION: &str = "version = :version";

impl Store {
    /// Stores a new account and its first session, whole or not at all, as one more of what `window` allows. One round trip.
    ///
    /// # Errors
    ///
    /// 409 if an identifier or the idempotency key is taken, 429 if the address made too many, 503 if DynamoDB fails.
    pub async fn create_user(
        &self,
        user: &User,
        session: &Session,
        fingerprint: Option<&Fingerprint>,
        window: Option<&QuotaWindow>,
        now: Timestamp,
    ) -> Result<Creation, Error> {
        let mut writes = Transaction::default();
        // First, since a repeat fails on the identifiers too.
        if let Some(fingerprint) = fingerprint {
            let remembered = Idempotency {
                request: fingerprint.request.clone(),
                user_id: user.id.clone(),
                expires_at: fingerprint.expires_at,
                ttl: fingerprint.expires_at.seconds(),
            };
            let put = self
                .put(item(idempotency_key(fingerprint), remembered)?)
                // TTL deletes late, so the time is checked here.
                .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
                .expression_attribute_values(":now", time_value(now));
            writes.put(Condition::Idempotency, put)?;
        }
        for (guard, key) in records(user) {
            writes.put(guard, self.put(item(key, user)?).condition_expression(NEW))?;
        }
        writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        if let Some(window) = window {
            writes.update(Condition::Quota, self.use_up(window))?;
        }
        match self.commit(writes).await? {
            None => Ok(Creation::Created),
            Some(FailedCondition { guard: Condition::Idempotency, found: Some(old) }) => {
                let remembered: Idempotency = record(old)?;
                match fingerprint {
                    Some(fingerprint) if fingerprint.request == remembered.request => {
                        Ok(Creation::Repeated { user_id: remembered.user_id })
                    }
                    _ => Err(Error::IdempotencyKeyReused),
                }
            }
            // What stands there is this very account: the write was sent twice, and the first time nobody heard of it.
            Some(FailedCondition { found: Some(found), .. }) if found.get("id") == Some(&text(&user.id)) => {
                Ok(Creation::Created)
            }
            Some(FailedCondition { guard: Condition::Quota, .. }) => {
                Err(Error::TooManyAttempts(window.map_or(Duration::ZERO, |window| window.left(now))))
            }
            Some(FailedCondition { guard, .. }) => Err(refusal(guard)),
        }
    }

    /// Stores an account that was made elsewhere, whole or not at all; nobody is logged in by it. One round trip.
    ///
    /// # Errors
    ///
    /// 409 if its id or an identifier is taken, 503 if DynamoDB fails.
    pub async fn import_user(&self, user: &User) -> Result<(), Error> {
        let mut writes = Transaction::default();
        for (guard, key) in records(user) {
            writes.put(guard, self.put(item(key, user)?).condition_expression(NEW))?;
        }
        match self.commit(writes).await? {
            None => Ok(()),
            Some(FailedCondition { guard: Condition::Version, .. }) => Err(Error::Taken("id")),
            Some(FailedCondition { guard, .. }) => Err(refusal(guard)),
        }
    }

    /// Changes an account, whatever else changes it meanwhile: `change` is applied again to what the other change left. One
    /// round trip, and two more for each change that was faster.
    ///
    /// # Errors
    ///
    /// 409 if the new username is taken; 503 if DynamoDB fails, or others were faster several times.
    pub async fn update_user(&self, user: &User, change: impl Fn(&mut User)) -> Result<User, Error> {
        self.update_user_in(TRIES_MAX, user, change).await
    }

    /// The same for an operator, whom nobody may keep from it by changing the account all the time.
    ///
    /// # Errors
    ///
    /// As [`Store::update_user`], after half a minute.
    pub async fn update_with_retries(&self, user: &User, change: impl Fn(&mut User)) -> Result<User, Error> {
        self.update_user_in(INSISTENT_TRIES_MAX, user, change).await
    }

    async fn update_user_in(&self, tries: u32, user: &User, change: impl Fn(&mut User)) -> Result<User, Error> {
        let mut before = user.clone();
        for attempt in 1..=tries {
            let mut after = before.clone();
            change(&mut after);
            let mut writes = Transaction::default();
            self.replace(&mut writes, &before, &after)?;
            match self.commit(writes).await? {
                None => return Ok(User { version: before.version.saturating_add(1), ..after }),
                Some(FailedCondition { guard: Condition::Version, .. }) => {}
                Some(FailedCondition { guard, .. }) => return Err(refusal(guard)),
            }
            time::sleep(PAUSE * attempt.min(TRIES_MAX)).await;
            before = self.user(&user.id).await?.ok_or_else(|| refusal(Condition::Version))?;
        }
        Err(refusal(Condition::Version))
    }

    /// Replaces an account as it was read by what it is to be, stores a session with it if one is given, and ends the failures of
    /// the attempt that allowed it. One round trip.
    ///
    /// # Errors
    ///
    /// 409 if the new username is taken; 503 if DynamoDB fails or the account was changed meanwhile.
    pub async fn change_user(
        &self,
        before: &User,
        after: &User,
        session: Option<&Session>,
        attempt: Option<&Attempt>,
    ) -> Result<(), Error> {
        let mut writes = Transaction::default();
        self.replace(&mut writes, before, after)?;
        if let Some(session) = session {
            writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        }
        if let Some(attempt) = attempt {
            self.reset_counters(&mut writes, attempt)?;
        }
        self.commit(writes).await?.map_or(Ok(()), |FailedCondition { guard, .. }| Err(refusal(guard)))
    }

    /// Adds the replacement of an account, under all the keys that it had or is to have.
    pub(super) fn replace(&self, writes: &mut Transaction, before: &User, after: &User) -> Result<(), Error> {
        let after = User { version: before.version.saturating_add(1), ..after.clone() };
        let (old, new): (Vec<_>, Vec<_>) = (records(before).collect(), records(&after).collect());
        for (guard, key) in &new {
            let put = self.put(item(key.clone(), &after)?);
            if old.contains(&(*guard, key.clone())) {
                let put = put.condition_expression(SAME_VERSION);
                writes.put(Condition::Version, put.expression_attribute_values(":version", number(before.version)))?;
            } else {
                writes.put(*guard, put.condition_expression(NEW))?;
            }
        }
        for (_, key) in old.iter().filter(|record| !new.contains(record)) {
            writes.delete(Condition::Version, self.delete_version(key, before.version))?;
        }
        Ok(())
    }

    /// Deletes an account and its identifiers, and ends the failures of the attempt that allowed it. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails or the account was changed meanwhile.
    pub async fn delete_user(&self, user: &User, attempt: Option<&Attempt>) -> Result<(), Error> {
        let mut writes = Transaction::default();
        for (_, key) in records(user) {
            writes.delete(Condition::Version, self.delete_version(&key, user.version))?;
        }
        if let Some(attempt) = attempt {
            self.reset_counters(&mut writes, attempt)?;
        }
        self.commit(writes).await?.map_or(Ok(()), |FailedCondition { guard, .. }| Err(refusal(guard)))
    }

    fn delete_version(&self, key: &str, version: u64) -> DeleteBuilder {
        self.delete(key).condition_expression(SAME_VERSION).expression_attribute_values(":version", number(version))
    }
}

/// Every key an account's record stands under, and what a clash there means. A username's clash is looked at after the
/// address's, so that a person who signs up twice hears of the address.
fn records(user: &User) -> impl Iterator<Item = (Condition, String)> {
    let username = user.username.as_deref().map(|username| (Condition::Username, login_key(username)));
    [(Condition::Version, user_key(&user.id)), (Condition::Email, login_key(&user.email_key))]
        .into_iter()
        .chain(username)
}

fn idempotency_key(fingerprint: &Fingerprint) -> String {
    format!("IDEMPOTENCY#{}", fingerprint.key)
}

fn refusal(guard: Condition) -> Error {
    match guard {
        Condition::Email => Error::Taken("email"),
        Condition::Username => Error::Taken("username"),
        Condition::Idempotency => Error::IdempotencyKeyReused,
        Condition::Version | Condition::Failures(_) | Condition::Quota => {
            Error::unavailable("the account was changed by another request meanwhile")
        }
    }
}
