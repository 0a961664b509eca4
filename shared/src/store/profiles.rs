//! Profiles: whatever describes an account and admits nobody.
//!
//! An account has no profile record until it has metadata or its name is changed. The first change
//! moves the name out of the account. Each later one is a write of the profile alone, and no change
//! of the account waits for it or fails by it.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure,
};
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
use crate::{
    account::{
        event::EventType,
        metadata::{Metadata, MetadataChange},
        user::User,
    },
    error::Error,
    telemetry::log,
};

/// The condition of every change of a profile: none outlives its account.
const EXISTS: &str = "attribute_exists(pk)";

/// The most changes of the metadata that may come first, in other processes, before a change of it
/// gives up.
const METADATA_RACES_MAX: u32 = 16;

/// The most tries of a change of a profile that is one of the account.
const TOLD_TRIES_MAX: u32 = 8;

/// The record of a profile. The metadata is JSON text; a profile from before there was metadata has
/// none.
#[derive(Serialize, Deserialize)]
struct Profile {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private_metadata: Option<String>,
}

/// A change of whatever describes an account. `None` changes nothing.
#[derive(Clone, Copy, Default)]
pub struct ProfileChange<'a> {
    /// The new name.
    pub name: Option<&'a str>,
    /// The keys of the metadata that change.
    pub metadata: Option<&'a MetadataChange>,
    /// The keys of the private metadata that change.
    pub private_metadata: Option<&'a MetadataChange>,
}

impl ProfileChange<'_> {
    /// Applies the change to an account, which then has a profile. Returns whether anything is to
    /// be written.
    pub(super) fn apply(&self, user: &mut User) -> Result<bool, Error> {
        let metadata = match self.metadata {
            Some(change) => user.metadata.changed_by(change).map_err(|field| Error::wrong(vec![field]))?,
            None => user.metadata.clone(),
        };
        let private = match self.private_metadata {
            Some(change) => user.private_metadata.changed_by(change),
            None => Ok(user.private_metadata.clone()),
        };
        let private = private.map_err(|field| Error::wrong(vec![field.renamed("private_metadata")]))?;
        if self.name.is_none() && metadata == user.metadata && private == user.private_metadata {
            return Ok(false);
        }
        if let Some(name) = self.name {
            name.clone_into(&mut user.name);
        }
        user.metadata = metadata;
        user.private_metadata = private;
        user.has_profile = true;
        Ok(true)
    }
}

/// A change of a profile in the words of DynamoDB.
struct ProfileUpdate {
    expression: String,
    condition: String,
    names: HashMap<String, String>,
    values: Item,
}

impl ProfileUpdate {
    /// The change from the account as it was read. The metadata is replaced as a whole, on the
    /// condition that it is the metadata that was read. A name needs no condition.
    fn between(before: &User, after: &User, change: &ProfileChange<'_>) -> Self {
        let (mut set, mut condition) = (Vec::new(), EXISTS.to_owned());
        let (mut names, mut values) = (HashMap::new(), Item::new());
        if change.name.is_some() {
            set.push("#name = :name");
            names.insert("#name".to_owned(), "name".to_owned());
            values.insert(":name".to_owned(), text(&after.name));
        }
        let objects = [
            ("metadata", &before.metadata, &after.metadata),
            ("private_metadata", &before.private_metadata, &after.private_metadata),
        ];
        for (name, before, after) in objects.into_iter().filter(|(_, before, after)| before != after) {
            set.push(if name == "metadata" {
                "#metadata = :metadata"
            } else {
                "#private_metadata = :private_metadata"
            });
            names.insert(format!("#{name}"), name.to_owned());
            values.insert(format!(":{name}"), text(after.text()));
            values.insert(format!(":read_{name}"), text(before.text()));
            // A profile without metadata may have none, or an object without keys.
            let or_none = if before.is_empty() { format!(" OR attribute_not_exists(#{name})") } else { String::new() };
            condition = format!("{condition} AND (#{name} = :read_{name}{or_none})");
        }
        Self { expression: format!("SET {}", set.join(", ")), condition, names, values }
    }
}

pub(super) fn profile_key(id: &str) -> String {
    format!("PROFILE#{id}")
}

/// The account that was read, if there is one, with its profile.
pub(super) fn described(user: Option<Result<User, Error>>, profile: Option<Item>) -> Result<Option<User>, Error> {
    user.map(|user| with_record(user?, profile)).transpose()
}

/// The account with what its profile says, if it has one.
pub(super) fn with_record(user: User, profile: Option<Item>) -> Result<User, Error> {
    let Some(profile) = profile.filter(|_| user.has_profile) else { return Ok(user) };
    let Profile { name, metadata, private_metadata } = record(profile)?;
    let stored = |text: Option<String>| {
        let metadata = text.map(Metadata::stored).transpose();
        metadata.map_err(|error| Error::internal(format!("malformed metadata in the table: {error}")))
    };
    let (metadata, private_metadata) =
        (stored(metadata)?.unwrap_or_default(), stored(private_metadata)?.unwrap_or_default());
    Ok(User { name, metadata, private_metadata, ..user })
}

/// The record of an account's profile.
fn profile_record(user: &User) -> Result<Item, Error> {
    let text = |metadata: &Metadata| (!metadata.is_empty()).then(|| metadata.text().to_owned());
    let (metadata, private_metadata) = (text(&user.metadata), text(&user.private_metadata));
    item(profile_key(&user.id), Profile { name: user.name.clone(), metadata, private_metadata })
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
        with_record(user, profile)
    }

    /// Changes the name, the metadata, or both. The first change moves the name into the profile,
    /// and is a change of the account. Each further one is one round trip, and one more for each
    /// change of the metadata that comes first. If a webhook is told of changes, each one is a
    /// change of the account, so that the version gives the messages an order.
    ///
    /// # Errors
    ///
    /// 400 if the metadata would become too large. 503 if DynamoDB fails, the account is deleted
    /// meanwhile, or other changes of the metadata come first many times.
    pub async fn change_profile(&self, user: &User, change: &ProfileChange<'_>) -> Result<User, Error> {
        let mut user = user.clone();
        let is_told = self.notes(EventType::UserUpdated);
        for attempt in 1..=if is_told { TOLD_TRIES_MAX } else { TRIES_MAX } {
            if user.has_profile && !is_told {
                return self.update_profile(user, change).await;
            }
            if !change.apply(&mut user.clone())? {
                return Ok(user);
            }
            if let Some(changed) = self.change_once(&user, |_| {}, describing(*change)).await? {
                return Ok(changed);
            }
            time::sleep(jittered(PAUSE * attempt)).await;
            user = self.user(&user.id).await?.ok_or_else(|| refusal(Condition::Version))?;
        }
        Err(refusal(Condition::Version))
    }

    /// Changes the username, or removes it, and whatever `described` changes. Three round trips,
    /// and two more for each change that comes first.
    ///
    /// # Errors
    ///
    /// 400 if the metadata would become too large. 409 if the username is taken, 503 if DynamoDB
    /// fails or the account is deleted meanwhile.
    pub async fn change_username(
        &self,
        user: &User,
        username: Option<&str>,
        described: &ProfileChange<'_>,
    ) -> Result<User, Error> {
        // The new identifier gets a record with the hash.
        let user = self.credentials(user).await?.ok_or_else(|| refusal(Condition::Version))?;
        let change = |user: &mut User| user.username = username.map(str::to_owned);
        self.try_change(TRIES_MAX, &user, change, describing(*described)).await
    }

    /// Adds a change of the profile to a change of the account. A profile that exists is only
    /// updated, so that none outlives its account.
    pub(super) fn replace_profile(
        &self,
        writes: &mut Transaction,
        before: &User,
        after: &User,
        change: &ProfileChange<'_>,
    ) -> Result<(), Error> {
        if !before.has_profile {
            return writes.put(Condition::Version, self.put(profile_record(after)?));
        }
        let change = ProfileUpdate::between(before, after, change);
        let update = self.update(&profile_key(&before.id)).update_expression(change.expression);
        let update = update.condition_expression(change.condition).set_expression_attribute_names(Some(change.names));
        writes.update(Condition::Version, update.set_expression_attribute_values(Some(change.values)))
    }

    /// Adds the profile of a new account, if it begins with one.
    pub(super) fn put_profile(&self, writes: &mut Transaction, user: &User) -> Result<(), Error> {
        if user.has_profile { writes.put(Condition::Profile, self.put(profile_record(user)?)) } else { Ok(()) }
    }

    /// Changes the profile of an account that has one.
    async fn update_profile(&self, mut before: User, change: &ProfileChange<'_>) -> Result<User, Error> {
        let (mut conflicts, mut races) = (0, 0);
        loop {
            let mut after = before.clone();
            if !change.apply(&mut after)? {
                return Ok(after);
            }
            let update = self.profile_update(&before.id, ProfileUpdate::between(&before, &after, change));
            let Err(error) = update.send().await else { return Ok(after) };
            match error.as_service_error() {
                // Another change of the metadata came first: this one is applied to what that left.
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let found = failed.item().filter(|_| races < METADATA_RACES_MAX);
                    before = with_record(before, Some(found.ok_or_else(|| refusal(Condition::Version))?.clone()))?;
                    races += 1;
                }
                Some(UpdateItemError::TransactionConflictException(_)) if conflicts < CONFLICTS_MAX => {
                    conflicts += 1;
                    time::sleep(jittered(PAUSE * conflicts)).await;
                }
                _ => return Err(unavailable(error)),
            }
        }
    }

    fn profile_update(&self, id: &str, change: ProfileUpdate) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("pk", text(profile_key(id)));
        let update = update.update_expression(change.expression).condition_expression(change.condition);
        update
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Deletes the profile of a deleted account. If this fails, the log has the error.
    pub(super) async fn delete_profile(&self, id: &str) {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(profile_key(id)));
        if let Err(error) = delete.send().await {
            log::fault(&unavailable(error));
        }
    }
}

fn describing(change: ProfileChange<'_>) -> Extras<'_> {
    Extras { profile: Some(change), ..Extras::default() }
}
