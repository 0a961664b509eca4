//! Quotas of IP addresses, counted window by window.

use std::time::Duration;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::{Item, Store, TTL, failures::limit_key, login_key, number};
use crate::{
    account::{email::Email, ip::IpKey, rate_limit::Quota},
    error::Error,
    time::Timestamp,
};

/// The count of an IP address's quota in one window.
#[derive(Clone, Debug)]
pub struct QuotaWindow {
    pub(super) key: String,
    pub(super) max: u32,
    ends_at: Timestamp,
    pub(super) used: u32,
}

impl QuotaWindow {
    /// The window around `now` of an IP address. Its count is not read yet.
    pub fn new(quota: &Quota, ip: &IpKey, now: Timestamp) -> Self {
        let (number, ends_at) = quota.window_at(now);
        let key = limit_key(quota.name, &format!("{number}#{}", ip.as_str()));
        Self { key, max: quota.max, ends_at, used: 0 }
    }

    /// The time until the next window, if the quota is used up.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        (self.used >= self.max).then(|| self.time_left(now))
    }

    /// The time until the next window, at least a millisecond.
    pub(super) fn time_left(&self, now: Timestamp) -> Duration {
        let milliseconds = u64::try_from(self.ends_at.milliseconds() - now.milliseconds()).unwrap_or_default();
        Duration::from_millis(milliseconds.max(1))
    }
}

impl Store {
    /// Fails early if the e-mail address is taken, or if the IP address has created too many
    /// accounts. Only what is given is checked. One round trip, or none if nothing is given.
    ///
    /// # Errors
    ///
    /// 409 if the e-mail address is taken, 429 if the quota is used up, 503 if DynamoDB fails.
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
            let window = QuotaWindow { used: used_count(found.get(&window.key))?, ..window.clone() };
            window.wait(now).map_or(Ok(()), |wait| Err(Error::TooManyAttempts(wait)))?;
        }
        if login.is_some_and(|login| found.contains_key(&login)) { Err(Error::Taken("email")) } else { Ok(()) }
    }

    /// Uses up a quota of an IP address at once, for tests.
    #[cfg(feature = "testing")]
    pub async fn exhaust(&self, quota: &Quota, ip: &IpKey, now: Timestamp) -> Result<(), Error> {
        let window = QuotaWindow::new(quota, ip, now);
        let item = [("pk", super::text(&window.key)), ("used", number(window.max))];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(super::unavailable)
    }

    /// Adds one to the count of a quota, on the condition that the quota is not used up.
    pub(super) fn count_use(&self, window: &QuotaWindow) -> UpdateBuilder {
        self.update(&window.key)
            .update_expression("ADD used :one SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(used) OR used < :max")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":max", number(window.max))
            .expression_attribute_values(":ttl", number(window.ends_at.seconds()))
    }
}

/// The count in a quota's record. Zero if there is no record.
pub(super) fn used_count(found: Option<&Item>) -> Result<u32, Error> {
    let Some(found) = found else { return Ok(0) };
    let used = found.get("used").and_then(|used| used.as_n().ok()?.parse().ok());
    used.ok_or_else(|| Error::internal("a malformed record in the table: the count of a quota is no number"))
}
