//! Transactions: several records written whole or not at all, and what it means when one is not.

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

/// How often a transaction that met others is tried: on a record that many change, as the count of an address, they meet often.
const CONFLICTS_MAX: u32 = 8;

/// A condition of a transaction, by what it guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// That the e-mail address is nobody's.
    Email,
    /// That the username is nobody's.
    Username,
    /// That the idempotency key is new.
    Idempotency,
    /// That the account is as it was read.
    Version,
    /// That a series of failures is as it was read; which of them.
    Failures(usize),
    /// That an address has not used up its quota.
    Quota,
}

/// The first condition that did not hold, and the record that stood there.
pub(super) struct FailedCondition {
    pub guard: Condition,
    pub found: Option<Item>,
}

/// Writes, each with what its condition guards.
#[derive(Default)]
pub(super) struct Transaction {
    guards: Vec<Condition>,
    items: Vec<TransactWriteItem>,
}

impl Transaction {
    pub(super) fn put(&mut self, guard: Condition, put: PutBuilder) -> Result<(), Error> {
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.push(guard, TransactWriteItem::builder().put(put.build().map_err(Error::internal)?).build());
        Ok(())
    }

    pub(super) fn delete(&mut self, guard: Condition, delete: DeleteBuilder) -> Result<(), Error> {
        let delete = delete.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.push(guard, TransactWriteItem::builder().delete(delete.build().map_err(Error::internal)?).build());
        Ok(())
    }

    pub(super) fn update(&mut self, guard: Condition, update: UpdateBuilder) -> Result<(), Error> {
        self.push(guard, TransactWriteItem::builder().update(update.build().map_err(Error::internal)?).build());
        Ok(())
    }

    fn push(&mut self, guard: Condition, item: TransactWriteItem) {
        self.guards.push(guard);
        self.items.push(item);
    }

    /// How the first record it writes stands once it is written; as it is all or nothing, that tells of them all. A series of
    /// failures tells nothing: another attempt may have written the same.
    fn witness(&self) -> Option<(String, Option<&Item>)> {
        let first = self.items.first().filter(|_| !matches!(self.guards.first(), Some(Condition::Failures(_))))?;
        let key = |item: &HashMap<String, AttributeValue>| item.get("pk")?.as_s().ok().cloned();
        match (first.put(), first.delete()) {
            (Some(put), _) => Some((key(put.item())?, Some(put.item()))),
            (_, Some(delete)) => Some((key(delete.key())?, None)),
            _ => None,
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

    /// Writes all or nothing: None once written, else the first condition that failed.
    ///
    /// The SDK sends a `ClientRequestToken`, so that a transaction whose answer was lost is not refused by its own effect
    /// when the SDK sends it again. When no answer comes at all, the table is asked whether it was written.
    pub(super) async fn commit(&self, writes: Transaction) -> Result<Option<FailedCondition>, Error> {
        if writes.items.is_empty() {
            return Ok(None);
        }
        let mut attempt = 1;
        loop {
            let items = Some(writes.items.clone());
            let Err(error) = self.client.transact_write_items().set_transact_items(items).send().await else {
                return Ok(None);
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return if may_have_been_written(&error) && self.was_written(&writes).await {
                    Ok(None)
                } else {
                    Err(unavailable(error))
                };
            };
            let reasons = cancelled.cancellation_reasons();
            let failed =
                |(_, reason): &(&Condition, &CancellationReason)| reason.code() == Some("ConditionalCheckFailed");
            if let Some((guard, reason)) = writes.guards.iter().zip(reasons).find(failed) {
                return Ok(Some(FailedCondition { guard: *guard, found: reason.item.clone() }));
            }
            if attempt == CONFLICTS_MAX || !reasons.iter().all(passes) {
                return Err(Error::unavailable(format!("DynamoDB: {}: {}", chain(&error), codes(reasons))));
            }
            time::sleep(jittered(PAUSE * attempt)).await;
            attempt += 1;
        }
    }

    async fn was_written(&self, writes: &Transaction) -> bool {
        let Some((key, expected)) = writes.witness() else { return false };
        let found = self.batch_get(&[&key]).await.inspect_err(log::fault);
        found.is_ok_and(|found| found.get(&key) == expected)
    }
}

/// Whether it may have been written all the same. The SDK tells of its last try: one before it may have been carried out and its
/// answer lost. Only of what is refused before anything is looked at, all tries were.
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

/// Reasons that have nothing to do with what is written: another transaction held a record, or there was too much to do.
fn passes(reason: &CancellationReason) -> bool {
    const PASSING: [&str; 4] = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reason.code().is_none_or(|code| PASSING.contains(&code))
}

/// By code alone: a reason's message may quote what was written.
fn codes(reasons: &[CancellationReason]) -> String {
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    codes.join(", ")
}
