//! Lists, searches and counts accounts: strongly consistent scans, a page at a time.
//!
//! A scan reads every record of the table, and DynamoDB charges for all of them. The records of
//! sessions and limits are passed over there and never sent. The order of a scan means
//! nothing to people, and it stays the same. A page begins behind the last account of the page
//! before.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

use super::{
    Item, Store, profile_key,
    profiles::with_record,
    text, unavailable, user_key,
    user_records::{login_record_key, read_login, read_user},
};
use crate::{
    account::{email::with_ascii_domain, user::User},
    error::Error,
};

/// The most keys of one BatchGetItem.
const READ_BATCH_MAX: usize = 100;
/// The records that a scan looks at for each account that is still wanted, and the least number. An
/// account has two records or more. A larger number would find accounts that the next page reads
/// again.
const RECORDS_PER_USER: usize = 2;
const RECORDS_MIN: usize = 50;
/// The records that a count reads at a time. A page of DynamoDB has a megabyte at most, which is
/// some 500 accounts. Without a limit the embedded DynamoDB reads all the rest for each page.
const COUNTED_AT_A_TIME: usize = 1_000;

/// One page of accounts, without password hashes.
#[derive(Clone, Debug, Default)]
pub struct UserPage {
    /// The accounts, with what their profiles say.
    pub users: Vec<User>,
    /// The keys of accounts whose record is damaged.
    pub damaged: Vec<String>,
    /// The id of the last account that was looked at, where the next page begins. `None` at the end
    /// of the table.
    pub next: Option<String>,
}

/// Accounts that a text is found in: the e-mail address, the username, the name or the id has it,
/// whatever its case. The whole id counts only in its own case.
#[derive(Clone, Debug)]
pub struct Search(String);

impl Search {
    /// A search for this text.
    pub fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    fn finds(&self, user: &User) -> bool {
        let ascii = with_ascii_domain(&user.email);
        let username = user.username.as_deref().unwrap_or_default();
        let texts = [user.email.as_str(), &ascii, &user.email_key, username, &user.name, &user.id];
        texts.iter().any(|text| text.to_lowercase().contains(&self.0))
    }
}

/// The number of accounts, in all and by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// All accounts.
    pub all: u64,
    /// Enabled, with a verified address.
    pub verified: u64,
    /// Enabled, with an address that is not verified.
    pub unverified: u64,
    /// Disabled, whatever the address.
    pub disabled: u64,
    /// Imported with an id of another system. These are in the other counts too.
    pub imported: u64,
}

impl Store {
    /// Reads the next accounts behind the one with the id `after`: at most `limit`, all of which
    /// the search finds. Some pages may be shorter; only `next` tells the end. An account that is
    /// there all the time is on exactly one page.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn users_page(
        &self,
        search: Option<&Search>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<UserPage, Error> {
        let mut page = UserPage::default();
        let mut start = after.map(|id| at_key(user_key(id))).or_else(|| self.first_user());
        loop {
            let wanted = limit.saturating_sub(page.users.len());
            let records = wanted.saturating_mul(RECORDS_PER_USER).clamp(RECORDS_MIN, 10_000);
            let scan = self.scan_of_users(records).set_exclusive_start_key(start.take());
            let scanned = scan.send().await.map_err(unavailable)?;
            start = scanned.last_evaluated_key.filter(|key| !key.is_empty());
            let mut users = Vec::new();
            for item in scanned.items.unwrap_or_default() {
                let key = item.get("pk").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
                match read_user(item) {
                    Ok(user) => users.push(user),
                    Err(_) => page.damaged.push(key),
                }
            }
            for user in self.with_profiles(users).await? {
                if page.users.len() == limit {
                    page.next = page.users.last().map(|last| last.id.clone());
                    return Ok(page);
                }
                if search.is_none_or(|search| search.finds(&user)) {
                    page.users.push(user);
                }
            }
            if start.is_none() {
                return Ok(page);
            }
        }
    }

    /// Counts the accounts. Reads the table once.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn count_users(&self) -> Result<UserCounts, Error> {
        let mut counts = UserCounts::default();
        let mut start = self.first_user();
        let flags =
            self.scan_of_users(COUNTED_AT_A_TIME).projection_expression("pk, disabled, email_verified, imported_uid");
        loop {
            let scanned = flags.clone().set_exclusive_start_key(start.take()).send().await.map_err(unavailable)?;
            for item in scanned.items() {
                let has = |name: &str| item.get(name).and_then(|flag| flag.as_bool().ok()).is_some_and(|flag| *flag);
                counts.all += 1;
                let state = match (has("disabled"), has("email_verified")) {
                    (true, _) => &mut counts.disabled,
                    (false, true) => &mut counts.verified,
                    (false, false) => &mut counts.unverified,
                };
                *state += 1;
                counts.imported += u64::from(has("imported_uid"));
            }
            start = scanned.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(counts);
            }
        }
    }

    /// Adds the password hashes to accounts that were listed, as they are now. An account that was
    /// deleted meanwhile is left out. One round trip for each hundred, and two more for each
    /// account whose address has changed meanwhile.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails, 500 if a record is damaged.
    pub async fn with_hashes(&self, users: Vec<User>) -> Result<Vec<User>, Error> {
        let mut complete = Vec::with_capacity(users.len());
        for chunk in users.chunks(READ_BATCH_MAX) {
            let keys: Vec<String> = chunk.iter().map(login_record_key).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let mut found = self.batch_get(&keys).await?;
            for user in chunk {
                let login = found.remove(&login_record_key(user)).map(read_login).transpose()?;
                match login.filter(|login| login.id == user.id) {
                    Some(login) => {
                        let User { name, metadata, private_metadata, .. } = user.clone();
                        complete.push(User { name, metadata, private_metadata, ..login });
                    }
                    None => complete.extend(self.whole_again(&user.id).await?),
                }
            }
        }
        Ok(complete)
    }

    fn scan_of_users(&self, records: usize) -> ScanFluentBuilder {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let scan = scan.filter_expression("begins_with(pk, :user)").expression_attribute_values(":user", text("USER#"));
        scan.set_limit(i32::try_from(records).ok())
    }

    /// The place before the first account, if the table has one.
    fn first_user(&self) -> Option<Item> {
        self.scans_by_key.then(|| at_key(user_key("")))
    }

    /// The accounts with what their profiles say. One round trip for each hundred that have
    /// one.
    pub(super) async fn with_profiles(&self, users: Vec<User>) -> Result<Vec<User>, Error> {
        let keys: Vec<String> =
            users.iter().filter(|user| user.has_profile).map(|user| profile_key(&user.id)).collect();
        let mut profiles = HashMap::new();
        for chunk in keys.chunks(READ_BATCH_MAX) {
            let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
            profiles.extend(self.batch_get(&chunk).await?);
        }
        users
            .into_iter()
            .map(|user| {
                let profile = profiles.remove(&profile_key(&user.id));
                with_record(user, profile)
            })
            .collect()
    }
}

/// The place behind this key.
fn at_key(key: String) -> Item {
    HashMap::from([("pk".to_owned(), text(key))])
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;
    use crate::{
        account::email::Email,
        password::StoredHash,
        store::embedded::{self, Embedded},
        testing::{Calls, Database},
        time::Timestamp,
    };

    fn user(number: usize) -> User {
        let email = Email::parse(&format!("{number}@b.de")).unwrap();
        let now = Timestamp::from_seconds(1);
        User::new(format!("u{number}"), &email, None, String::new(), StoredHash::new(format!("hash-{number}")), now)
    }

    async fn store() -> Store {
        let client = Database::new().client();
        embedded::create_table(&client, "table").await.unwrap();
        Store::new(client, "table")
    }

    #[tokio::test]
    async fn an_account_that_is_there_all_the_time_is_on_exactly_one_page() {
        let store = store().await;
        for number in 0..60 {
            store.import_user(&user(number)).await.unwrap();
        }
        let (mut seen, mut after, mut round) = (Vec::new(), None, 0);
        loop {
            let page = store.users_page(None, after.as_deref(), 7).await.unwrap();
            assert!(page.users.len() <= 7);
            seen.extend(page.users.into_iter().map(|user| user.id));
            let Some(next) = page.next else { break };
            // Others come and go meanwhile, and the last account of the page goes too.
            store.import_user(&user(100 + round)).await.unwrap();
            let last = store.user(&next).await.unwrap().unwrap();
            store.delete_user(&last).await.unwrap();
            (after, round) = (Some(next), round + 1);
        }
        let mut old: Vec<String> = seen.iter().filter(|id| id.len() <= 3).cloned().collect();
        old.sort();
        let mut expected: Vec<String> = (0..60).map(|number| format!("u{number}")).collect();
        expected.sort();
        assert_eq!(old, expected);
    }

    /// The ids of all accounts in pages of ten, and the calls for the first page.
    async fn in_pages(store: &Store, calls: &Calls) -> (Vec<String>, Vec<String>) {
        calls.take();
        let mut page = store.users_page(None, None, 10).await.unwrap();
        let first = calls.take();
        let mut ids: Vec<String> = page.users.into_iter().map(|user| user.id).collect();
        while let Some(next) = page.next {
            page = store.users_page(None, Some(&next), 10).await.unwrap();
            ids.extend(page.users.into_iter().map(|user| user.id));
        }
        (ids, first)
    }

    #[tokio::test]
    async fn a_list_of_the_embedded_table_reads_nothing_before_the_first_account() {
        let (embedded, calls) = (Embedded::memory().unwrap(), Calls::default());
        embedded.prepare_table("table").await.unwrap();
        let client = aws_sdk_dynamodb::Client::from_conf(embedded.client_config().interceptor(calls.clone()).build());
        let store = Embedded::store_by(client.clone(), "table");
        let mut expected: Vec<String> = (0..300).map(|number| format!("u{number}")).collect();
        expected.sort();
        for number in 0..300 {
            store.import_user(&user(number)).await.unwrap();
        }
        assert_eq!(in_pages(&store, &calls).await, (expected.clone(), vec!["Scan".to_owned()]));
        assert_eq!(store.count_users().await.unwrap().all, 300);

        // A scan of any other table begins with records of any kind.
        let (ids, first) = in_pages(&Store::new(client, "table"), &calls).await;
        assert!(ids == expected && first.len() > 5, "{first:?}");
    }

    #[tokio::test]
    async fn hashes_are_those_of_now_and_a_damaged_record_is_named() {
        let store = store().await;
        for number in 0..3 {
            store.import_user(&user(number)).await.unwrap();
        }
        let page = store.users_page(None, None, 10).await.unwrap();
        assert!(page.users.iter().all(|user| user.password_hash.is_none()));
        let [deleted, moved] = [0, 1].map(user);
        store.delete_user(&deleted).await.unwrap();
        let address = Email::parse("moved@b.de").unwrap();
        let update = |user: &mut User| {
            address.typed().clone_into(&mut user.email);
            address.key().clone_into(&mut user.email_key);
        };
        store.update_user(&moved, update).await.unwrap();
        let mut complete = store.with_hashes(page.users).await.unwrap();
        complete.sort_by(|one, other| one.id.cmp(&other.id));
        let found: Vec<_> = complete
            .iter()
            .map(|user| (user.email_key.as_str(), user.password_hash.as_ref().unwrap().as_str()))
            .collect();
        assert_eq!(found, [("moved@b.de", "hash-1"), ("2@b.de", "hash-2")]);

        let broken = AttributeValue::S("USER#broken".to_owned());
        store.client.put_item().table_name("table").item("pk", broken).send().await.unwrap();
        let page = store.users_page(None, None, 10).await.unwrap();
        assert_eq!((page.users.len(), page.damaged), (2, vec!["USER#broken".to_owned()]));
    }
}
