//! Quotas of IP addresses, counted window by window.

use std::{iter, time::Duration};

use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::{
    Item, Store,
    failures::{ending_at, limit_key},
    number,
    transaction::{Condition, Transaction},
};
use crate::{
    account::{ip::IpKey, rate_limit::Quota},
    error::Error,
    keys::Pseudonyms,
    time::Timestamp,
};

/// The count of a quota in one window, for an IP address or for a network around it.
#[derive(Clone, Debug)]
pub(super) struct QuotaWindow {
    pub key: String,
    quota: Quota,
    ends_at: Timestamp,
    pub used: u32,
}

impl QuotaWindow {
    /// The windows around `now` of an IP address and of the networks around it. Their counts are
    /// not read yet.
    pub(super) fn all(names: &Pseudonyms, quota: Quota, ip: &IpKey, now: Timestamp) -> Vec<Self> {
        let quotas = iter::successors(Some(quota), |quota| Some(quota.wider()));
        ip.networks().zip(quotas).map(|(network, quota)| Self::new(names, quota, network, now)).collect()
    }

    /// The window around `now` of one subject. Its count is not read yet.
    pub(super) fn new(names: &Pseudonyms, quota: Quota, subject: &str, now: Timestamp) -> Self {
        let (number, ends_at) = quota.window_at(now);
        Self { key: limit_key(names, quota.name, &[&format!("{number}#{subject}")]), quota, ends_at, used: 0 }
    }

    /// Adds one to the count, whatever it is. The record outlives its window by `kept`.
    pub(super) fn count_any(&self, store: &Store, kept: Duration) -> UpdateBuilder {
        let update = store.update(&self.key).update_expression("ADD used :difference SET #ttl = :ttl");
        ending_at(update.expression_attribute_values(":difference", number(1)), self.ends_at + kept)
    }

    /// The time until the next window, if the quota is used up.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        (self.used >= self.quota.max).then(|| self.time_left(now))
    }

    /// The time until the next window, if even those are refused who may go beyond the quota.
    pub(super) fn hard_wait(&self, now: Timestamp) -> Option<Duration> {
        (self.used >= self.quota.hard_max).then(|| self.time_left(now))
    }

    /// The time until the next window, at least a millisecond.
    pub(super) fn time_left(&self, now: Timestamp) -> Duration {
        let milliseconds = u64::try_from(self.ends_at.milliseconds() - now.milliseconds()).unwrap_or_default();
        Duration::from_millis(milliseconds.max(1))
    }

    /// Takes over the count that a failed condition found. A record that went meanwhile leaves the
    /// quota used up.
    pub(super) fn found(&mut self, item: Option<&Item>) -> Result<(), Error> {
        self.used = if item.is_some() { used_count(item)? } else { self.quota.hard_max };
        Ok(())
    }

    /// Adds one to the count, on the condition that the count stays within the quota that it is
    /// within now.
    pub(super) fn count(&self, store: &Store) -> UpdateBuilder {
        let max = if self.used < self.quota.max { self.quota.max } else { self.quota.hard_max };
        self.add(store, 1)
            .condition_expression("attribute_not_exists(used) OR used < :max")
            .expression_attribute_values(":max", number(max))
    }

    /// Takes back one that was counted before a password turned out right.
    pub(super) fn uncount(&self, store: &Store) -> UpdateBuilder {
        self.add(store, -1)
    }

    fn add(&self, store: &Store, difference: i32) -> UpdateBuilder {
        let update = store.update(&self.key).update_expression("ADD used :difference SET #ttl = :ttl");
        ending_at(update.expression_attribute_values(":difference", number(difference)), self.ends_at)
    }
}

impl Store {
    /// Counts one use of a quota by an IP address and by the networks around it. One round trip.
    ///
    /// # Errors
    ///
    /// 429 if the quota is used up, 503 if DynamoDB fails.
    pub async fn count_use(&self, quota: Quota, ip: &IpKey, now: Timestamp) -> Result<(), Error> {
        let windows = QuotaWindow::all(&self.names, quota, ip, now);
        let mut writes = Transaction::default();
        for (index, window) in windows.iter().enumerate() {
            writes.update(Condition::Quota(index), window.count(self))?;
        }
        match self.commit(writes).await? {
            None => Ok(()),
            Some(_) => {
                let wait = windows.iter().map(|window| window.time_left(now)).max();
                Err(Error::TooManyAttempts(wait.unwrap_or_default()))
            }
        }
    }

    /// Uses up a quota of an IP address at once, for tests.
    #[cfg(feature = "testing")]
    pub async fn exhaust(&self, quota: &Quota, ip: &IpKey, now: Timestamp) -> Result<(), Error> {
        let window = QuotaWindow::new(&self.names, *quota, ip.as_str(), now);
        let item = [("pk", super::text(&window.key)), ("used", number(quota.max))];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(super::unavailable)
    }
}

/// The count in a quota's record. Zero if there is no record.
pub(super) fn used_count(found: Option<&Item>) -> Result<u32, Error> {
    let Some(found) = found else { return Ok(0) };
    let used = found.get("used").and_then(|used| used.as_n().ok()?.parse().ok());
    used.ok_or_else(|| Error::internal("a malformed record in the table: the count of a quota is no number"))
}
