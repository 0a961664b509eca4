//! Transactions: all records are written, or none. A failed condition says why none was.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
        Update,
        builders::{DeleteBuilder, PutBuilder, UpdateBuilder},
    },
};
use tokio::time;

use super::{Item, PAUSE, Store, jittered, text, unavailable};
use crate::{
    error::{Error, chain},
    telemetry::log,
};

/// The most tries of a transaction that meets others. They often meet on a record that many
/// requests change, such as the count of an IP address.
pub(super) const CONFLICTS_MAX: u32 = 8;

/// A condition of a transaction, named by its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// The e-mail address is free.
    Email,
    /// The username is free.
    Username,
    /// No account has the identity.
    Identity,
    /// The token of a provider was not exchanged before.
    Exchange,
    /// The idempotency key is new.
    Idempotency,
    /// The account is as it was read.
    Version,
    /// No condition: the profile is deleted, whatever it is.
    Profile,
    /// The series with this index is as it was read.
    Failures(usize),
    /// The ceiling with this index is not reached, or as it was read.
    Ceiling(usize),
    /// The quota with this index is not used up.
    Quota(usize),
    /// The imported account with this index is new.
    Import(usize),
    /// The proof is as it was read.
    Proof,
    /// The pause after the last mail is over.
    Pause,
}

/// A condition that did not hold, and the record that the table has under its key.
pub(super) struct FailedCondition {
    pub condition: Condition,
    pub found: Option<Item>,
}

/// Writes, each with its condition.
#[derive(Default)]
pub(super) struct Transaction {
    conditions: Vec<Condition>,
    items: Vec<TransactWriteItem>,
    first_change: Option<(String, Item)>,
    /// The ids of the events among the writes.
    events: Vec<String>,
}

/// The outcome of one try of a transaction.
pub(super) enum Tried {
    Written,
    /// Conditions that did not hold, in the order of the writes. There is at least one.
    Failed(Vec<FailedCondition>),
    /// The transaction met other writes of these records. Another try may succeed.
    Met {
        records: Vec<Condition>,
        error: Error,
    },
}

impl Transaction {
    pub(super) fn put(&mut self, condition: Condition, put: PutBuilder) -> Result<(), Error> {
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.push(condition, TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build());
        Ok(())
    }

    /// Adds an update that sets these attributes of the record under `key`. The record does not
    /// come back if the condition fails, since its hash is not everybody's to read.
    pub(super) fn change(
        &mut self,
        condition: Condition,
        update: UpdateBuilder,
        key: &str,
        set: Item,
    ) -> Result<(), Error> {
        if self.items.is_empty() {
            self.first_change = Some((key.to_owned(), set));
        }
        self.update(condition, update)
    }

    pub(super) fn delete(&mut self, condition: Condition, delete: DeleteBuilder) -> Result<(), Error> {
        let delete = delete.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.push(condition, TransactWriteItem::builder().delete(delete.build().map_err(Error::internal)?).build());
        Ok(())
    }

    pub(super) fn update(&mut self, condition: Condition, update: UpdateBuilder) -> Result<(), Error> {
        let update = update.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.push(condition, TransactWriteItem::builder().update(update.build().map_err(Error::internal)?).build());
        Ok(())
    }

    /// Notes that one of the writes is the event with this id.
    pub(super) fn tell_event(&mut self, id: String) {
        self.events.push(id);
    }

    fn push(&mut self, condition: Condition, item: TransactWriteItem) {
        self.conditions.push(condition);
        self.items.push(item);
    }

    /// The key of the first record that the transaction writes, and its effect. A transaction
    /// writes all or none, so this record tells of them all. A failure counter tells nothing:
    /// another attempt may have written the same count.
    fn first_write(&self) -> Option<(String, Effect<'_>)> {
        if let Some((key, set)) = &self.first_change {
            return Some((key.clone(), Effect::Has(set)));
        }
        let first = self.items.first().filter(|_| !matches!(self.conditions.first(), Some(Condition::Failures(_))))?;
        let key = |item: &HashMap<String, AttributeValue>| item.get("pk")?.as_s().ok().cloned();
        match (first.put(), first.delete()) {
            (Some(put), _) => Some((key(put.item())?, Effect::Is(put.item()))),
            (_, Some(delete)) => Some((key(delete.key())?, Effect::IsGone)),
            _ => None,
        }
    }
}

/// A record after a write.
enum Effect<'a> {
    Is(&'a Item),
    Has(&'a Item),
    IsGone,
}

impl Effect<'_> {
    fn is_seen(&self, found: Option<&Item>) -> bool {
        match self {
            Self::Is(item) => found == Some(item),
            Self::Has(set) => found.is_some_and(|found| set.iter().all(|(name, value)| found.get(name) == Some(value))),
            Self::IsGone => found.is_none(),
        }
    }
}

impl Store {
    pub(super) fn put(&self, item: Item) -> PutBuilder {
        Put::builder().table_name(&self.table).set_item(Some(item))
    }

    pub(super) fn delete(&self, key: &str) -> DeleteBuilder {
        Delete::builder().table_name(&self.table).key("pk", text(key))
    }

    pub(super) fn update(&self, key: &str) -> UpdateBuilder {
        Update::builder().table_name(&self.table).key("pk", text(key))
    }

    /// Writes all records or none. Returns the first condition that failed, or `None` if the
    /// records are written.
    ///
    /// The SDK may lose an answer and send the transaction again. Because of the
    /// `ClientRequestToken` that it sends, the transaction is not refused by its own effect. If no
    /// answer comes at all, the table is asked whether the transaction was written.
    pub(super) async fn commit(&self, writes: Transaction) -> Result<Option<FailedCondition>, Error> {
        Ok(self.commit_telling_all(writes).await?.into_iter().next())
    }

    /// Like [`Store::commit`], but returns every condition that failed.
    pub(super) async fn commit_telling_all(&self, writes: Transaction) -> Result<Vec<FailedCondition>, Error> {
        let mut attempt = 1;
        loop {
            match self.try_commit(&writes).await? {
                Tried::Written => return Ok(Vec::new()),
                Tried::Failed(failed) => return Ok(failed),
                Tried::Met { error, .. } if attempt == CONFLICTS_MAX => return Err(error),
                Tried::Met { .. } => {}
            }
            time::sleep(jittered(PAUSE * attempt)).await;
            attempt += 1;
        }
    }

    /// Like [`Store::commit`], but tries once.
    pub(super) async fn try_commit(&self, writes: &Transaction) -> Result<Tried, Error> {
        let tried = self.try_write(writes).await?;
        if matches!(tried, Tried::Written) {
            self.tell_events(&writes.events);
        }
        Ok(tried)
    }

    async fn try_write(&self, writes: &Transaction) -> Result<Tried, Error> {
        if writes.items.is_empty() {
            return Ok(Tried::Written);
        }
        let items = Some(writes.items.clone());
        let Err(error) = self.client.transact_write_items().set_transact_items(items).send().await else {
            return Ok(Tried::Written);
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return if may_have_been_written(&error) && self.was_written(writes).await {
                Ok(Tried::Written)
            } else {
                Err(unavailable(error))
            };
        };
        let reasons = cancelled.cancellation_reasons();
        let failed = |(_, reason): &(&Condition, &CancellationReason)| reason.code() == Some("ConditionalCheckFailed");
        let failed: Vec<FailedCondition> = writes
            .conditions
            .iter()
            .zip(reasons)
            .filter(failed)
            .map(|(condition, reason)| FailedCondition { condition: *condition, found: reason.item.clone() })
            .collect();
        if !failed.is_empty() {
            return Ok(Tried::Failed(failed));
        }
        let error = Error::unavailable(format!("DynamoDB: {}: {}", chain(&error), codes(reasons)));
        if !reasons.iter().all(is_transient) {
            return Err(error);
        }
        let met = |(_, reason): &(&Condition, &CancellationReason)| reason.code() == Some("TransactionConflict");
        let records = writes.conditions.iter().zip(reasons).filter(met).map(|(condition, _)| *condition).collect();
        Ok(Tried::Met { records, error })
    }

    async fn was_written(&self, writes: &Transaction) -> bool {
        let Some((key, effect)) = writes.first_write() else { return false };
        let found = self.batch_get(&[&key]).await.inspect_err(log::fault);
        found.is_ok_and(|found| effect.is_seen(found.get(&key)))
    }
}

/// Whether the transaction may have been written despite this error. The SDK reports its last try
/// alone. An earlier try may have been written, and its answer lost. Only the errors in `NEVER`
/// hold for all tries: DynamoDB refuses such a request before it looks at a record.
fn may_have_been_written<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    const NEVER: [&str; 6] = [
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
        "ValidationException",
    ];
    let code = error.as_service_error().and_then(|refused| refused.meta().code());
    code.is_none_or(|code| !NEVER.contains(&code))
}

/// Whether another try may succeed: a record was held by another transaction, or there was too much
/// to do. Such a reason has nothing to do with the written records.
fn is_transient(reason: &CancellationReason) -> bool {
    const TRANSIENT: [&str; 4] = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reason.code().is_none_or(|code| TRANSIENT.contains(&code))
}

/// The codes of the reasons. Their messages are left out, since they may quote a record.
fn codes(reasons: &[CancellationReason]) -> String {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    codes.join(", ")
}
