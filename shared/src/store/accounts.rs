//! Accounts in the table: made, changed and deleted whole, with uniqueness by transaction.

use aws_lc_rs::digest;
use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tokio::time;

use super::{Item, PAUSE, Store, TRIES_MAX, item, login_key, number, record, text, time_value, unavailable, user_key};
use crate::{clock::Timestamp, error::Error, session::Session, user::User};

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
fn hash(texts: &[&str]) -> String {
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

/// A condition of a transaction, by what it guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    Email,
    Username,
    Idempotency,
    Version,
}

/// How often an operator's change is tried again. Each time it meets those of others as an equal: 300 tries against fifty clients
/// that change the account without a pause all fail once in four hundred times.
const INSISTENT_TRIES_MAX: u32 = 300;

const NEW: &str = "attribute_not_exists(pk)";
const SAME_VERSION: &str = "version = :version";

impl Store {
    /// Stores a new account and its first session, whole or not at all. One round trip.
    ///
    /// # Errors
    ///
    /// 409 if an identifier or the idempotency key is taken, 503 if DynamoDB fails.
    pub async fn create_user(
        &self,
        user: &User,
        session: &Session,
        fingerprint: Option<&Fingerprint>,
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
            writes.put(Guard::Idempotency, put)?;
        }
        for (guard, key) in records(user) {
            writes.put(guard, self.put(item(key, user)?).condition_expression(NEW))?;
        }
        writes.put(Guard::Version, self.put(Self::session_item(session)?))?;
        match self.commit(writes).await? {
            None => Ok(Creation::Created),
            Some((Guard::Idempotency, Some(old))) => {
                let remembered: Idempotency = record(old)?;
                match fingerprint {
                    Some(fingerprint) if fingerprint.request == remembered.request => {
                        Ok(Creation::Repeated { user_id: remembered.user_id })
                    }
                    _ => Err(Error::IdempotencyKeyReused),
                }
            }
            Some((guard, _)) => Err(refusal(guard)),
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
            Some((Guard::Version, _)) => Err(Error::Taken("id")),
            Some((guard, _)) => Err(refusal(guard)),
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
    pub async fn insist_on(&self, user: &User, change: impl Fn(&mut User)) -> Result<User, Error> {
        self.update_user_in(INSISTENT_TRIES_MAX, user, change).await
    }

    async fn update_user_in(&self, tries: u32, user: &User, change: impl Fn(&mut User)) -> Result<User, Error> {
        let mut before = user.clone();
        for attempt in 1..=tries {
            let mut after = before.clone();
            change(&mut after);
            match self.replace_user(&before, &after, None).await? {
                None => return Ok(User { version: before.version + 1, ..after }),
                Some(Guard::Version) => {}
                Some(guard) => return Err(refusal(guard)),
            }
            time::sleep(PAUSE * attempt.min(TRIES_MAX)).await;
            before = self.user(&user.id).await?.ok_or_else(|| refusal(Guard::Version))?;
        }
        Err(refusal(Guard::Version))
    }

    /// Replaces an account as it was read by what it is to be, and stores a session with it if one is given. One round trip.
    ///
    /// # Errors
    ///
    /// 409 if the new username is taken; 503 if DynamoDB fails or the account was changed meanwhile.
    pub async fn change_user(&self, before: &User, after: &User, session: Option<&Session>) -> Result<(), Error> {
        self.replace_user(before, after, session).await?.map_or(Ok(()), |guard| Err(refusal(guard)))
    }

    /// None once written, else the condition that failed.
    async fn replace_user(
        &self,
        before: &User,
        after: &User,
        session: Option<&Session>,
    ) -> Result<Option<Guard>, Error> {
        let after = User { version: before.version + 1, ..after.clone() };
        let (old, new): (Vec<_>, Vec<_>) = (records(before).collect(), records(&after).collect());
        let mut writes = Transaction::default();
        for (guard, key) in &new {
            let put = self.put(item(key.clone(), &after)?);
            if old.contains(&(*guard, key.clone())) {
                writes.put(
                    Guard::Version,
                    put.condition_expression(SAME_VERSION)
                        .expression_attribute_values(":version", number(before.version)),
                )?;
            } else {
                writes.put(*guard, put.condition_expression(NEW))?;
            }
        }
        for (_, key) in old.iter().filter(|record| !new.contains(record)) {
            writes.delete(self.delete(key, before.version))?;
        }
        if let Some(session) = session {
            writes.put(Guard::Version, self.put(Self::session_item(session)?))?;
        }
        Ok(self.commit(writes).await?.map(|(guard, _)| guard))
    }

    /// Deletes an account and its identifiers. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails or the account was changed meanwhile.
    pub async fn delete_user(&self, user: &User) -> Result<(), Error> {
        let mut writes = Transaction::default();
        for (_, key) in records(user) {
            writes.delete(self.delete(&key, user.version))?;
        }
        self.commit(writes).await?.map_or(Ok(()), |(guard, _)| Err(refusal(guard)))
    }

    pub(super) fn put(&self, item: Item) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    fn delete(&self, key: &str, version: u64) -> aws_sdk_dynamodb::types::builders::DeleteBuilder {
        Delete::builder()
            .table_name(&self.table)
            .key("pk", text(key))
            .condition_expression(SAME_VERSION)
            .expression_attribute_values(":version", number(version))
    }

    /// Writes all or nothing: None once written, else the first condition that failed and the record that stood there.
    ///
    /// The SDK sends a `ClientRequestToken`, so that a transaction whose answer was lost is not refused by its own effect
    /// when the SDK sends it again.
    async fn commit(&self, writes: Transaction) -> Result<Option<(Guard, Option<Item>)>, Error> {
        let Transaction { guards, items } = writes;
        for attempt in 1..=TRIES_MAX {
            let sent = self.client.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let error = match sent {
                Ok(_) => return Ok(None),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(unavailable(error));
            };
            let reasons = cancelled.cancellation_reasons();
            if let Some((guard, reason)) = guards.iter().zip(reasons).find(|(_, reason)| failed_condition(reason)) {
                return Ok(Some((*guard, reason.item.clone())));
            }
            // Another transaction held a record: nothing is known yet of the conditions.
            let conflict = reasons.iter().any(|reason| reason.code() == Some("TransactionConflict"));
            if !conflict || attempt == TRIES_MAX {
                return Err(unavailable(error));
            }
            time::sleep(PAUSE * attempt).await;
        }
        Err(Error::unavailable("a transaction met others, several times"))
    }
}

#[derive(Default)]
struct Transaction {
    guards: Vec<Guard>,
    items: Vec<TransactWriteItem>,
}

impl Transaction {
    fn put(&mut self, guard: Guard, put: aws_sdk_dynamodb::types::builders::PutBuilder) -> Result<(), Error> {
        self.guards.push(guard);
        self.items.push(TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build());
        Ok(())
    }

    fn delete(&mut self, delete: aws_sdk_dynamodb::types::builders::DeleteBuilder) -> Result<(), Error> {
        self.guards.push(Guard::Version);
        self.items.push(TransactWriteItem::builder().delete(delete.build().map_err(Error::internal)?).build());
        Ok(())
    }
}

/// Every key an account's record stands under, and what a clash there means. A username's clash is looked at after the
/// address's, so that a person who signs up twice hears of the address.
fn records(user: &User) -> impl Iterator<Item = (Guard, String)> {
    let username = user.username.as_deref().map(|username| (Guard::Username, login_key(username)));
    [(Guard::Version, user_key(&user.id)), (Guard::Email, login_key(&user.email_key))].into_iter().chain(username)
}

fn idempotency_key(fingerprint: &Fingerprint) -> String {
    format!("IDEMPOTENCY#{}", fingerprint.key)
}

fn failed_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn refusal(guard: Guard) -> Error {
    match guard {
        Guard::Email => Error::Taken("email"),
        Guard::Username => Error::Taken("username"),
        Guard::Idempotency => Error::IdempotencyKeyReused,
        Guard::Version => Error::unavailable("the account was changed by another request meanwhile"),
    }
}
