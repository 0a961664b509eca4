//! Profiles: whatever describes an account and admits nobody.
//!
//! An account has no profile record until its name is changed. The first change moves the name out
//! of the account. Each later one is a single write of the profile, and no change of the account
//! waits for it or fails by it.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use serde::{Deserialize, Serialize};
use tokio::time;

use super::{
    Item, PAUSE, Store, TRIES_MAX,
    accounts::refusal,
    changes::Extras,
    item, jittered, record, text,
    transaction::{CONFLICTS_MAX, Condition, Transaction},
    unavailable,
};
use crate::{account::user::User, error::Error, telemetry::log};

/// The change of the name in a profile, and its condition: no profile outlives its account.
const SET_NAME: &str = "SET #name = :name";
const EXISTS: &str = "attribute_exists(pk)";

#[derive(Serialize, Deserialize)]
struct Profile {
    name: String,
}

pub(super) fn profile_key(id: &str) -> String {
    format!("PROFILE#{id}")
}

/// The account that was read, if there is one, with the name of its profile.
pub(super) fn named(user: Option<Result<User, Error>>, profile: Option<Item>) -> Result<Option<User>, Error> {
    user.map(|user| with_name(user?, profile)).transpose()
}

/// The account with the name of its profile, if it has one.
pub(super) fn with_name(user: User, profile: Option<Item>) -> Result<User, Error> {
    match profile.filter(|_| user.has_profile) {
        Some(profile) => Ok(User { name: record::<Profile>(profile)?.name, ..user }),
        None => Ok(user),
    }
}

impl Store {
    /// Completes an account by its profile. One round trip if it has one, otherwise none.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn with_profile(&self, user: User) -> Result<User, Error> {
        if !user.has_profile {
            return Ok(user);
        }
        let key = profile_key(&user.id);
        let profile = self.batch_get(&[&key]).await?.remove(&key);
        with_name(user, profile)
    }

    /// Changes the name. The first change moves the name into the profile, and is a change of the
    /// account. Each further one is one round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails or the account is deleted meanwhile.
    pub async fn change_name(&self, user: &User, name: &str) -> Result<User, Error> {
        let mut user = user.clone();
        for attempt in 1..=TRIES_MAX {
            if user.has_profile {
                self.update_profile(&user.id, name).await?;
                return Ok(User { name: name.to_owned(), ..user });
            }
            if let Some(changed) =
                self.change_once(&user, |user| describe(user, Some(name)), extras(Some(name))).await?
            {
                return Ok(changed);
            }
            time::sleep(jittered(PAUSE * attempt)).await;
            user = self.user(&user.id).await?.ok_or_else(|| refusal(Condition::Version))?;
        }
        Err(refusal(Condition::Version))
    }

    /// Changes the username, or removes it, and the name if one is given. Three round trips, and
    /// two more for each change that comes first.
    ///
    /// # Errors
    ///
    /// 409 if the username is taken, 503 if DynamoDB fails or the account is deleted meanwhile.
    pub async fn change_username(
        &self,
        user: &User,
        username: Option<&str>,
        name: Option<&str>,
    ) -> Result<User, Error> {
        // The new identifier gets a record with the hash.
        let user = self.credentials(user).await?.ok_or_else(|| refusal(Condition::Version))?;
        let change = |user: &mut User| {
            user.username = username.map(str::to_owned);
            describe(user, name);
        };
        self.try_change(TRIES_MAX, &user, change, extras(name)).await
    }

    /// Adds the new name to a change of the account. A profile that exists is only updated, so that
    /// none outlives its account.
    pub(super) fn replace_profile(&self, writes: &mut Transaction, before: &User, name: &str) -> Result<(), Error> {
        let key = profile_key(&before.id);
        if !before.has_profile {
            let put = self.put(item(key, Profile { name: name.to_owned() })?);
            return writes.put(Condition::Version, put);
        }
        let update = self.update(&key).update_expression(SET_NAME).condition_expression(EXISTS);
        let update = update.expression_attribute_names("#name", "name");
        writes.update(Condition::Version, update.expression_attribute_values(":name", text(name)))
    }

    async fn update_profile(&self, id: &str, name: &str) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            let update = self.client.update_item().table_name(&self.table).key("pk", text(profile_key(id)));
            let update = update.update_expression(SET_NAME).condition_expression(EXISTS);
            let update = update.expression_attribute_names("#name", "name");
            let Err(error) = update.expression_attribute_values(":name", text(name)).send().await else {
                return Ok(());
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => return Err(refusal(Condition::Version)),
                Some(UpdateItemError::TransactionConflictException(_)) if attempt < CONFLICTS_MAX => {}
                _ => return Err(unavailable(error)),
            }
            time::sleep(jittered(PAUSE * attempt)).await;
            attempt += 1;
        }
    }

    /// Deletes the profile of a deleted account. If this fails, the log has the error.
    pub(super) async fn delete_profile(&self, id: &str) {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(profile_key(id)));
        if let Err(error) = delete.send().await {
            log::fault(&unavailable(error));
        }
    }
}

fn describe(user: &mut User, name: Option<&str>) {
    if let Some(name) = name {
        user.name = name.to_owned();
        user.has_profile = true;
    }
}

fn extras(name: Option<&str>) -> Extras<'_> {
    Extras { name, ..Extras::default() }
}
