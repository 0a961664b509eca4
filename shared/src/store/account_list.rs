//! Pages of accounts by age, and by the beginning of an address or a username.
//!
//! One sparse index has an entry for each record of an account. A page is one query of the index
//! and strongly consistent reads of its records. The index lags behind for a moment, so that a page
//! may miss the newest account. It never shows a deleted one.

use std::collections::HashMap;

use super::{
    ACCOUNTS_INDEX, Item, LIST_KEY, LIST_OF, Store, login_key, profile_key,
    profiles::with_record,
    text, unavailable, user_key,
    user_records::{login_record_key, read_login, read_user},
};
use crate::{account::user::User, error::Error, telemetry::log, time::Timestamp};

/// The most keys of one BatchGetItem.
const READ_BATCH_MAX: usize = 100;
/// The entries that a count reads at a time. A page of DynamoDB has a megabyte, which is some 5,000
/// entries.
const COUNTED_AT_A_TIME: usize = 1_000;
/// The digits of a time in milliseconds, so that texts have the order of times.
const TIME_DIGITS: usize = 15;
/// The key of the record that says that the index has every account.
const LISTED: &str = "CONFIG#accounts_listed";

/// The accounts that a list is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListOf<'a> {
    /// All accounts that were made from the one time on and before the other, by their age.
    Created {
        /// The earliest time.
        from: Option<Timestamp>,
        /// The first time that is too late.
        before: Option<Timestamp>,
        /// Whether the newest come first.
        newest_first: bool,
    },
    /// Accounts whose address begins with this text, in the form that is compared.
    Email(&'a str),
    /// Accounts whose username begins with this text, in lower case.
    Username(&'a str),
}

/// A page of accounts, with their password hashes.
#[derive(Clone, Debug)]
pub struct AccountPage {
    /// The accounts, as they are now.
    pub users: Vec<User>,
    /// The place behind the last entry of the page; `None` at the end of the list.
    pub next: Option<String>,
    /// Whether the index has every account. A table from before the index has to be upgraded.
    pub is_complete: bool,
}

/// The list of the index that a record is in, and its place there.
pub(super) fn list_entry(key: &str, created_at: Timestamp, id: &str) -> (&'static str, String) {
    match key.strip_prefix("LOGIN#") {
        None => ("created", format!("{}#{id}", time_text(created_at))),
        Some(address) if address.contains('@') => ("email", address.to_owned()),
        Some(username) => ("username", username.to_owned()),
    }
}

/// The attributes that put a record into the index.
pub(super) fn list_values(key: &str, user: &User) -> Item {
    let (of, value) = list_entry(key, user.created_at, &user.id);
    Item::from([(LIST_OF.to_owned(), text(of)), (LIST_KEY.to_owned(), text(value))])
}

/// A time as a text that has the order of times. One before 1970 counts as the first.
pub(super) fn time_text(time: Timestamp) -> String {
    format!("{:0TIME_DIGITS$}", time.milliseconds().max(0))
}

impl ListOf<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Email(_) => "email",
            Self::Username(_) => "username",
        }
    }

    /// The first and the last text of the range. `\u{10ffff}` comes after every letter of an
    /// address, and `:` after every digit.
    fn range(&self) -> (String, String) {
        match self {
            Self::Created { from, before, .. } => {
                let from = from.map_or("0".to_owned(), time_text);
                (from, before.map_or(":".to_owned(), time_text))
            }
            Self::Email(prefix) | Self::Username(prefix) => {
                let first = if prefix.is_empty() { " ".to_owned() } else { (*prefix).to_owned() };
                (first, format!("{prefix}\u{10ffff}"))
            }
        }
    }

    /// The key of the record that an entry stands for.
    fn record_key(&self, entry: &str) -> String {
        match self {
            Self::Created { .. } => user_key(entry.split_once('#').map_or("", |(_, id)| id)),
            Self::Email(_) | Self::Username(_) => login_key(entry),
        }
    }
}

impl Store {
    /// Reads the next accounts of a list, at most `limit` of them, behind the place that the page
    /// before named. Three round trips for up to 50 accounts.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn account_page(
        &self,
        list: &ListOf<'_>,
        behind: Option<&str>,
        limit: usize,
    ) -> Result<AccountPage, Error> {
        let mut entries = self.entries(list, behind, limit.saturating_add(1)).await?;
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| has_more).cloned();
        let keys: Vec<String> = entries.iter().map(|entry| list.record_key(entry)).collect();
        let mut found = self.batch_get_all(keys.iter().map(String::as_str).chain([LISTED])).await?;
        let is_complete = found.contains_key(LISTED);
        let records = keys.iter().filter_map(|key| found.remove(key));
        let users = match list {
            ListOf::Created { .. } => self.whole(records.filter_map(|item| good(read_user(item))).collect()).await?,
            ListOf::Email(_) | ListOf::Username(_) => {
                self.with_profiles(records.filter_map(|item| good(read_login(item))).collect()).await?
            }
        };
        Ok(AccountPage { users, next, is_complete })
    }

    /// The entries of the index, in the order of the list.
    async fn entries(&self, list: &ListOf<'_>, behind: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let (first, last) = list.range();
        let forward = !matches!(list, ListOf::Created { newest_first: true, .. });
        // The range begins at the place behind which the page goes on. The embedded DynamoDB reads
        // a range from its beginning. A page in the middle of a million accounts took four times as
        // long.
        let (first, last) = match behind {
            Some(entry) if forward => (entry.to_owned(), last),
            Some(entry) => (first, entry.to_owned()),
            None => (first, last),
        };
        let start = behind.map(|entry| {
            let key = [("pk", list.record_key(entry)), (LIST_OF, list.name().to_owned()), (LIST_KEY, entry.to_owned())];
            key.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect::<Item>()
        });
        let query = self.client.query().table_name(&self.table).index_name(ACCOUNTS_INDEX);
        let query = query.key_condition_expression("list_of = :of AND list_key BETWEEN :first AND :last");
        let query = query.expression_attribute_values(":of", text(list.name()));
        let query = query.expression_attribute_values(":first", text(first));
        let query = query.expression_attribute_values(":last", text(last)).scan_index_forward(forward);
        let query = query.limit(i32::try_from(limit).unwrap_or(i32::MAX)).set_exclusive_start_key(start);
        let answer = query.send().await.map_err(unavailable)?;
        let entry = |item: Item| item.get(LIST_KEY)?.as_s().ok().cloned();
        Ok(answer.items.unwrap_or_default().into_iter().filter_map(entry).collect())
    }

    /// Counts the accounts by the index, which reads a small part of what a scan does. The index
    /// may miss an account of this second. `None` while the index lacks older accounts.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn count_listed(&self) -> Result<Option<u64>, Error> {
        if self.batch_get(&[LISTED]).await?.is_empty() {
            return Ok(None);
        }
        let list = ListOf::Created { from: None, before: None, newest_first: false };
        let (mut count, mut behind) = (0, None);
        loop {
            let entries = self.entries(&list, behind.as_deref(), COUNTED_AT_A_TIME).await?;
            let Some(last) = entries.last() else { return Ok(Some(count)) };
            count += entries.len() as u64;
            behind = Some(last.clone());
        }
    }

    /// Adds the password hashes and the profiles to accounts that were read without them. An
    /// account that was deleted meanwhile is left out. One round trip for each hundred records, and
    /// two more for each account whose address has changed meanwhile.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails, 500 if a record is damaged.
    pub async fn whole(&self, users: Vec<User>) -> Result<Vec<User>, Error> {
        let logins = users.iter().map(login_record_key);
        let profiles = users.iter().filter(|user| user.has_profile).map(|user| profile_key(&user.id));
        let keys: Vec<String> = logins.chain(profiles).collect();
        let mut found = self.batch_get_all(keys.iter().map(String::as_str)).await?;
        let mut whole = Vec::with_capacity(users.len());
        for user in users {
            let login = found.remove(&login_record_key(&user)).map(read_login).transpose()?;
            let profile = found.remove(&profile_key(&user.id));
            match login.filter(|login| login.id == user.id) {
                Some(login) => whole.push(with_record(login, profile)?),
                None => whole.extend(self.whole_again(&user.id).await?),
            }
        }
        Ok(whole)
    }

    /// Reads the account with this id, with its password hash. Two round trips.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn whole_again(&self, id: &str) -> Result<Option<User>, Error> {
        match self.user(id).await? {
            Some(user) => self.credentials(&user).await,
            None => Ok(None),
        }
    }

    /// Reads records under any number of keys, a hundred at a time.
    async fn batch_get_all<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Result<HashMap<String, Item>, Error> {
        let keys: Vec<&str> = keys.collect();
        let mut found = HashMap::new();
        for chunk in keys.chunks(READ_BATCH_MAX) {
            found.extend(self.batch_get(chunk).await?);
        }
        Ok(found)
    }

    /// Says that the index has every account, as in a new table.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn mark_listed(&self) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&self.table).item("pk", text(LISTED));
        put.send().await.map(drop).map_err(unavailable)
    }
}

/// The account, if its record is good. A damaged record is logged, and does not hide the others.
fn good(read: Result<User, Error>) -> Option<User> {
    read.inspect_err(log::fault).ok()
}
