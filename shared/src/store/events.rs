//! The outbox of the webhook: events of accounts that wait for their delivery.
//!
//! An event is written in the transaction of the change that it tells of. Each attempt claims the
//! event first. The claim counts the attempt and sets the time of the next one. An attempt that
//! dies is therefore made again, and no two attempts are made at once.

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Builder;

use super::{
    ACCOUNTS_INDEX, Item, LIST_KEY, LIST_OF, Store, TTL,
    account_list::time_text,
    item, number, record, text, time_value,
    transaction::{Condition, Transaction},
    unavailable,
};
use crate::{
    account::{
        event::{EventType, EventTypes, message},
        user::User,
    },
    error::Error,
    outbox::Outbox,
    time::Timestamp,
};

/// The beginning of the key of an event. The filter of the table's stream lets these keys through.
pub const EVENT_PREFIX: &str = "HOOK#";
/// The pauses after the first, the second and each further attempt. After the last pause there is
/// one more attempt (the schedule of Standard Webhooks).
const PAUSES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(10 * 3_600),
    Duration::from_secs(24 * 3_600),
];
/// The time after which the last attempt counts as failed, if its process died.
const LAST_ENDS: Duration = Duration::from_secs(60);
/// The life of a record: longer than all pauses at their longest.
const KEPT: Duration = Duration::from_secs(4 * 86_400);
/// The list of the events that wait, in the index.
const WAITING: &str = "hook";

/// The part of a store that notes events.
#[derive(Clone)]
pub(super) struct Events {
    types: EventTypes,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    outbox: Arc<Outbox>,
}

impl fmt::Debug for Events {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Events").field("types", &self.types).finish_non_exhaustive()
    }
}

/// An event that waits, as the store keeps it.
#[derive(Serialize, Deserialize)]
struct Waiting {
    r#type: String,
    /// The body of the call, which is the same at each attempt.
    body: String,
    /// The attempts that were begun.
    tries: usize,
    /// The time of the next attempt.
    next_at: Timestamp,
}

/// An event that one process may attempt to deliver.
#[derive(Debug, PartialEq, Eq)]
pub struct ClaimedEvent {
    /// The name of the event's type.
    pub type_name: String,
    /// The body of the call.
    pub body: String,
    /// The number of this attempt, from 1 on.
    pub attempt: usize,
    /// The time of the next attempt. `None` if this one is the last.
    pub next_at: Option<Timestamp>,
}

/// The outcome of a claim.
#[derive(Debug, PartialEq, Eq)]
pub enum EventClaim {
    /// The event is the caller's to deliver.
    Claimed(ClaimedEvent),
    /// The event was delivered, or waits for a later time, or another process has claimed it.
    NotNow,
    /// No attempt is left, or the endpoint wants no more calls. The event is the caller's to drop.
    /// Has the name of its type.
    Over(String),
}

impl Store {
    /// The same store, which notes events of these types. It tells `outbox` of each one that was
    /// committed.
    #[must_use]
    pub fn noting_events(
        self,
        types: EventTypes,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        outbox: Arc<Outbox>,
    ) -> Self {
        Self { events: Some(Events { types, clock: Arc::new(clock), outbox }), ..self }
    }

    /// Whether events of this type are noted.
    pub(super) fn notes(&self, of: EventType) -> bool {
        self.events.as_ref().is_some_and(|events| events.types.has(of))
    }

    /// Adds an event to the transaction that it tells of. `version` is that of the account after
    /// the transaction.
    pub(super) fn note_event(
        &self,
        writes: &mut Transaction,
        of: EventType,
        user: &User,
        version: u64,
    ) -> Result<(), Error> {
        let Some(events) = self.events.as_ref().filter(|events| events.types.has(of)) else { return Ok(()) };
        let now = (events.clock)();
        // The id only tells events apart: nothing is lost if somebody guesses it.
        let random = fastrand::u128(..).to_be_bytes();
        let random = random.first_chunk().ok_or_else(|| Error::internal("a number of 128 bits has 10 bytes"))?;
        let id = Builder::from_unix_timestamp_millis(now.milliseconds().unsigned_abs(), random).into_uuid().to_string();
        let waiting = Waiting {
            r#type: of.name().to_owned(),
            body: message(of.name(), user, version, now),
            tries: 0,
            next_at: now,
        };
        writes.put(Condition::Version, self.put(event_item(&id, &waiting, now)?))?;
        writes.tell_event(id);
        Ok(())
    }

    /// Adds the events of a change of an account.
    pub(super) fn note_events(&self, writes: &mut Transaction, before: &User, after: &User) -> Result<(), Error> {
        if self.events.is_none() {
            return Ok(());
        }
        for of in EventType::of_change(before, after) {
            self.note_event(writes, of, after, after.version)?;
        }
        Ok(())
    }

    /// Tells the task in this process of events that were committed.
    pub(super) fn tell_events(&self, ids: &[String]) {
        if let Some(events) = &self.events {
            ids.iter().for_each(|id| events.outbox.tell(id));
        }
    }

    /// Claims the event with this id for an attempt at `endpoint`, if its time has come. Two round
    /// trips, and one if there is nothing to do.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn claim_event(&self, id: &str, endpoint: &str, now: Timestamp) -> Result<EventClaim, Error> {
        let (key, gone) = (event_key(id), endpoint_key(endpoint));
        let mut items = self.batch_get(&[&key, &gone]).await?;
        let Some(waiting) = items.remove(&key) else { return Ok(EventClaim::NotNow) };
        let waiting: Waiting = record(waiting)?;
        if items.contains_key(&gone) {
            return Ok(EventClaim::Over(waiting.r#type));
        } else if now < waiting.next_at {
            return Ok(EventClaim::NotNow);
        } else if waiting.tries > PAUSES.len() {
            return Ok(EventClaim::Over(waiting.r#type));
        }
        let pause = PAUSES.get(waiting.tries);
        // Nothing is lost if somebody guesses the jitter.
        let next_at = now + pause.map_or(LAST_ENDS, |pause| *pause * fastrand::u32(90..=110) / 100);
        if !self.claim(id, waiting.tries, next_at).await? {
            return Ok(EventClaim::NotNow);
        }
        Ok(EventClaim::Claimed(ClaimedEvent {
            type_name: waiting.r#type,
            body: waiting.body,
            attempt: waiting.tries + 1,
            next_at: pause.map(|_| next_at),
        }))
    }

    /// Counts an attempt, unless another process came first. Returns whether it was counted.
    async fn claim(&self, id: &str, tries: usize, next_at: Timestamp) -> Result<bool, Error> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(event_key(id)))
            .update_expression("SET tries = :next, next_at = :at, list_key = :place")
            .condition_expression("tries = :tries")
            .expression_attribute_values(":tries", number(tries))
            .expression_attribute_values(":next", number(tries + 1))
            .expression_attribute_values(":at", time_value(next_at))
            .expression_attribute_values(":place", text(place(id, next_at)));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(error.as_service_error()) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Forgets an event that was delivered, or that never is. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails. The event may then be delivered twice.
    pub async fn finish_event(&self, id: &str) -> Result<(), Error> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(event_key(id)));
        delete.send().await.map(drop).map_err(unavailable)
    }

    /// Notes that `endpoint` wants no more calls. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn close_endpoint(&self, endpoint: &str, now: Timestamp) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&self.table).item("pk", text(endpoint_key(endpoint)));
        put.item("gone_at", time_value(now)).send().await.map(drop).map_err(unavailable)
    }

    /// Notes that `endpoint` gets calls again. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn open_endpoint(&self, endpoint: &str) -> Result<(), Error> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(endpoint_key(endpoint)));
        delete.send().await.map(drop).map_err(unavailable)
    }

    /// The ids of at most `limit` events whose time has come, the longest due first. The index may
    /// lag behind for a moment. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn due_events(&self, limit: usize, now: Timestamp) -> Result<Vec<String>, Error> {
        let query = self.client.query().table_name(&self.table).index_name(ACCOUNTS_INDEX);
        let query = query.limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let query = query.key_condition_expression("list_of = :of AND list_key < :end");
        let query = query.expression_attribute_values(":of", text(WAITING));
        let end = time_text(now + Duration::from_millis(1));
        let page = query.expression_attribute_values(":end", text(end)).send().await.map_err(unavailable)?;
        let id = |item: &Item| Some(item.get(LIST_KEY)?.as_s().ok()?.split_once('#')?.1.to_owned());
        Ok(page.items().iter().filter_map(id).collect())
    }
}

fn event_item(id: &str, waiting: &Waiting, now: Timestamp) -> Result<Item, Error> {
    let mut item = item(event_key(id), waiting)?;
    item.insert(TTL.to_owned(), number((now + KEPT).seconds()));
    item.insert(LIST_OF.to_owned(), text(WAITING));
    item.insert(LIST_KEY.to_owned(), text(place(id, waiting.next_at)));
    Ok(item)
}

fn event_key(id: &str) -> String {
    format!("{EVENT_PREFIX}{id}")
}

/// The place of an event in the list: its next time, and its id.
fn place(id: &str, next_at: Timestamp) -> String {
    format!("{}#{id}", time_text(next_at))
}

/// The key of the record that says that an endpoint wants no more calls. Its URL may be a secret.
fn endpoint_key(endpoint: &str) -> String {
    format!("ENDPOINT#{}", URL_SAFE_NO_PAD.encode(digest(&SHA256, endpoint.as_bytes())))
}

fn is_condition(error: Option<&UpdateItemError>) -> bool {
    error.is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}
