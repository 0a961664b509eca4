//! Accounts from elsewhere: many in one transaction, so that an import is as quick as the table.

use std::collections::HashMap;

use super::{
    Item, Store, login_key, profile_key,
    transaction::{Condition, FailedCondition, Transaction},
    user_key,
    user_records::{NEW, record_keys, user_record},
};
use crate::{account::user::User, error::Error};

/// The most accounts of one call. Each has at most four records, and a transaction of DynamoDB has
/// at most 100.
pub const IMPORT_BATCH_MAX: usize = 25;

/// The fate of an account that was to be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The account is stored, whole.
    Created,
    /// The account was there already, under this id. Nothing was written.
    Present(String),
    /// Another account has the id, the e-mail address or the username, which this names: `id`,
    /// `email` or `username`. Nothing was written.
    Taken(&'static str),
}

impl Store {
    /// Stores imported accounts without sessions, at most [`IMPORT_BATCH_MAX`] with different ids
    /// and identifiers. Each account is stored whole or not at all. One round trip, and another one
    /// if an account is there already.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails. The accounts of the call are then all there, or none is.
    pub async fn import_users(&self, users: &[User]) -> Result<Vec<Imported>, Error> {
        let mut outcomes: Vec<Option<Imported>> = vec![None; users.len()];
        while outcomes.iter().any(Option::is_none) {
            let mut writes = Transaction::default();
            let open = users.iter().enumerate().filter(|(index, _)| outcomes.get(*index) == Some(&None));
            for (index, user) in open {
                self.add_new(&mut writes, index, user)?;
            }
            let failed = self.commit_telling_all(writes).await?;
            if failed.is_empty() {
                break;
            }
            let found = found_by_key(failed);
            for (user, outcome) in users.iter().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none()) {
                *outcome = verdict(user, &found);
            }
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or(Imported::Created)).collect())
    }

    /// Tells what [`Store::import_users`] would do, and writes nothing. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn look_up_imports(&self, users: &[User]) -> Result<Vec<Imported>, Error> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = users.iter().flat_map(record_keys).map(|(_, key)| key).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let found = self.batch_get(&keys).await?;
        Ok(users.iter().map(|user| verdict(user, &found).unwrap_or(Imported::Created)).collect())
    }

    fn add_new(&self, writes: &mut Transaction, index: usize, user: &User) -> Result<(), Error> {
        for (_, key) in record_keys(user) {
            writes.put(Condition::Import(index), self.put(user_record(key, user)?).condition_expression(NEW))?;
        }
        if user.has_profile {
            self.put_profile(writes, user)?;
        } else if user.sessions_ended_at.is_some() {
            // A deletion may have left the profile of an earlier account with this id.
            writes.delete(Condition::Profile, self.delete(&profile_key(&user.id)))?;
        }
        Ok(())
    }
}

/// The records that conditions met, by their keys.
fn found_by_key(failed: Vec<FailedCondition>) -> HashMap<String, Item> {
    let found = failed.into_iter().filter_map(|failed| failed.found);
    found.filter_map(|item| Some((item.get("pk")?.as_s().ok()?.clone(), item))).collect()
}

/// Tells the reason for which an account cannot be new beside these records. `None` if it can.
fn verdict(user: &User, found: &HashMap<String, Item>) -> Option<Imported> {
    let text = |item: &Item, name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    if let Some(item) = found.get(&user_key(&user.id)) {
        let is_same = text(item, "email_key").as_deref() == Some(&user.email_key);
        return Some(if is_same { Imported::Present(user.id.clone()) } else { Imported::Taken("id") });
    }
    if let Some(item) = found.get(&login_key(&user.email_key)) {
        // An account that brings no id along, and so no end of its old sessions, is known again by
        // its identifiers and its hash.
        let hash = user.password_hash.as_ref().map(|hash| hash.as_str().to_owned());
        let is_same = text(item, "password_hash") == hash && text(item, "username") == user.username;
        let id = text(item, "id").filter(|_| is_same && user.sessions_ended_at.is_none());
        return Some(id.map_or(Imported::Taken("email"), Imported::Present));
    }
    let username = user.username.as_deref().map(login_key);
    username.filter(|key| found.contains_key(key)).map(|_| Imported::Taken("username"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::email::{Email, Username},
        password::StoredHash,
        store::embedded,
        testing::Database,
        time::Timestamp,
    };

    fn user(id: &str, email: &str, username: &str) -> User {
        let (email, username) = (Email::parse(email).unwrap(), Username::parse(username).ok());
        let hash = StoredHash::new("hash");
        User::new(id.to_owned(), &email, username.as_ref(), String::new(), hash, Timestamp::from_seconds(1))
    }

    async fn store() -> Store {
        let client = Database::new().client();
        embedded::create_table(&client, "table").await.unwrap();
        Store::new(client, "table")
    }

    #[tokio::test]
    async fn accounts_are_stored_together_and_what_is_taken_stays_as_it_is() {
        let store = store().await;
        let first: Vec<User> = (0..IMPORT_BATCH_MAX)
            .map(|number| user(&format!("u{number}"), &format!("{number}@b.de"), &format!("user{number}")))
            .collect();
        assert!(store.look_up_imports(&first).await.unwrap().iter().all(|outcome| *outcome == Imported::Created));
        assert!(store.user("u7").await.unwrap().is_none(), "a look-up stores nothing");
        assert!(store.import_users(&first).await.unwrap().iter().all(|outcome| *outcome == Imported::Created));

        let mut kept_id = user("u3", "3@b.de", "another");
        kept_id.sessions_ended_at = Some(Timestamp::from_seconds(1));
        let mut kept_address = user("new-2", "4@b.de", "user4");
        kept_address.sessions_ended_at = Some(Timestamp::from_seconds(1));
        let second = [
            user("new-1", "new@b.de", "new"),
            kept_id,
            user("u5", "other@b.de", "other"),
            kept_address,
            user("new-3", "6@b.de", "other-name"),
            user("new-4", "7@b.de", "user7"),
            user("new-5", "fresh@b.de", "user8"),
            user("new-6", "last@b.de", ""),
        ];
        let expected = [
            Imported::Created,
            Imported::Present("u3".to_owned()),
            Imported::Taken("id"),
            Imported::Taken("email"),
            Imported::Taken("email"),
            Imported::Present("u7".to_owned()),
            Imported::Taken("username"),
            Imported::Created,
        ];
        assert_eq!(store.look_up_imports(&second).await.unwrap(), expected);
        assert_eq!(store.import_users(&second).await.unwrap(), expected);
        assert_eq!(store.user("u3").await.unwrap().unwrap().username.as_deref(), Some("user3"));
        for (id, is_there) in [("new-1", true), ("new-2", false), ("new-5", false), ("new-6", true)] {
            assert_eq!(store.user(id).await.unwrap().is_some(), is_there, "{id}");
        }
        assert_eq!(store.import_users(&[]).await.unwrap(), []);
    }
}
