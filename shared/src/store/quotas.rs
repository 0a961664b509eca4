//! Quotas of addresses: what they used of them, window by window.

use std::time::Duration;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::{Item, Store, TTL, failures::limit_key, login_key, number};
use crate::{
    account::{email::Email, ip::IpKey, rate_limit::Quota},
    error::Error,
    time::Timestamp,
};

/// What an address has done of a quota.
#[derive(Clone, Debug)]
pub struct QuotaWindow {
    pub(super) key: String,
    pub(super) max: u32,
    ends_at: Timestamp,
    pub(super) used: u32,
}

impl QuotaWindow {
    /// Of this address, of which nothing is known yet.
    pub fn new(quota: &Quota, address: &IpKey, now: Timestamp) -> Self {
        let (number, ends_at) = quota.window_at(now);
        let key = limit_key(quota.name, &format!("{number}#{}", address.as_str()));
        Self { key, max: quota.max, ends_at, used: 0 }
    }

    /// How long it has to wait, if it has used it up.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        (self.used >= self.max).then(|| self.left(now))
    }

    /// How long it is until the next window.
    pub(super) fn left(&self, now: Timestamp) -> Duration {
        let left = u64::try_from(self.ends_at.milliseconds() - now.milliseconds()).unwrap_or_default();
        Duration::from_millis(left.max(1))
    }
}

impl Store {
    /// Refuses a new account that could not be stored: the address is somebody's, if it is asked about, or has made too many. One
    /// round trip.
    ///
    /// # Errors
    ///
    /// 409 or 429; 503 if DynamoDB fails.
    pub async fn may_create(
        &self,
        email: Option<&Email>,
        window: Option<&QuotaWindow>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let login = email.map(|email| login_key(email.key()));
        let keys: Vec<&str> = login.as_deref().into_iter().chain(window.map(|window| window.key.as_str())).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let found = self.batch_get(&keys).await?;
        if let Some(window) = window {
            let window = QuotaWindow { used: used(found.get(&window.key))?, ..window.clone() };
            window.wait(now).map_or(Ok(()), |wait| Err(Error::TooManyAttempts(wait)))?;
        }
        if login.is_some_and(|login| found.contains_key(&login)) { Err(Error::Taken("email")) } else { Ok(()) }
    }

    /// Lets an address use up a quota at once, for tests.
    #[cfg(feature = "testing")]
    pub async fn exhaust(&self, quota: &Quota, address: &IpKey, now: Timestamp) -> Result<(), Error> {
        let window = QuotaWindow::new(quota, address, now);
        let item = [("pk", super::text(&window.key)), ("used", number(window.max))];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(super::unavailable)
    }

    /// One more of a quota, if there is one left.
    pub(super) fn use_up(&self, window: &QuotaWindow) -> UpdateBuilder {
        self.update(&window.key)
            .update_expression("ADD used :one SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(used) OR used < :max")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":max", number(window.max))
            .expression_attribute_values(":ttl", number(window.ends_at.seconds()))
    }
}

/// How much of a quota a record says was used.
pub(super) fn used(found: Option<&Item>) -> Result<u32, Error> {
    let Some(found) = found else { return Ok(0) };
    let used = found.get("used").and_then(|used| used.as_n().ok()?.parse().ok());
    used.ok_or_else(|| Error::internal("a malformed record in the table: a quota without a number"))
}
