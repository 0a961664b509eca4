//! Endings that Firebase must be told of, and changes of the profile that it shows.
//!
//! The record is written in the transaction of the change. It says only that Firebase may differ:
//! the account itself says what holds. A later change writes the record anew, under another mark.

use aws_sdk_dynamodb::{operation::delete_item::DeleteItemError, types::AttributeValue};

use super::{
    Store, described, profile_key, text,
    transaction::{Condition, Transaction},
    unavailable, user_key,
    user_records::read_user,
};
use crate::{account::user::User, error::Error, firebase::Profile};

/// The beginning of the key of an ending. The filter of the table's stream lets these keys through.
pub const ENDING_PREFIX: &str = "SYNC#";
/// The attribute that tells one change of an account from another.
const MARK: &str = "mark";
/// The attribute of a record that is about an ending.
const IS_END: &str = "is_end";

/// An ending, and the account as it is now.
#[derive(Debug)]
pub struct Ending {
    /// The mark of the ending that Firebase is not told of yet. `None` if there is none.
    pub mark: Option<String>,
    /// Whether sessions or the account came to their end, and not the profile alone changed.
    pub is_end: bool,
    /// The account, without its password hash. `None` if it is deleted.
    pub user: Option<User>,
}

/// The list of the notes, in the index.
const OPEN: &str = "sync";

impl Store {
    /// Notes for Firebase, if it must be told, that a change ends sessions, or changes whatever
    /// Firebase shows of an account.
    pub(super) fn note_change(&self, writes: &mut Transaction, before: &User, after: &User) -> Result<(), Error> {
        let is_end = before.epoch != after.epoch;
        let is_told = is_end || Profile::of(before) != Profile::of(after);
        if is_told { self.note(writes, &before.id, is_end) } else { Ok(()) }
    }

    /// Notes for Firebase, if it must be told, that an account comes to its end.
    pub(super) fn note_ending(&self, writes: &mut Transaction, id: &str) -> Result<(), Error> {
        self.note(writes, id, true)
    }

    /// A note of an ending stays one, whatever else changes before Firebase is told.
    fn note(&self, writes: &mut Transaction, id: &str, is_end: bool) -> Result<(), Error> {
        if !self.notes_endings {
            return Ok(());
        }
        // The mark tells changes apart, and nothing is lost if somebody guesses it.
        let mark = format!("{:016x}", fastrand::u64(..));
        let update = self.update(&ending_key(id)).expression_attribute_names("#mark", MARK);
        let update = update.expression_attribute_values(":mark", text(mark));
        let update =
            update.expression_attribute_values(":open", text(OPEN)).expression_attribute_values(":id", text(id));
        let update = match is_end {
            false => update.update_expression("SET #mark = :mark, list_of = :open, list_key = :id"),
            true => update
                .update_expression("SET #mark = :mark, list_of = :open, list_key = :id, #is_end = :true")
                .expression_attribute_names("#is_end", IS_END)
                .expression_attribute_values(":true", AttributeValue::Bool(true)),
        };
        writes.update(Condition::Version, update)
    }

    /// Reads whether Firebase must be told of an ending of the account with this id, and the
    /// account. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn ending(&self, id: &str) -> Result<Ending, Error> {
        let (ending, user, profile) = (ending_key(id), user_key(id), profile_key(id));
        let mut items = self.batch_get(&[&ending, &user, &profile]).await?;
        let ending = items.remove(&ending).unwrap_or_default();
        let mark = ending.get(MARK).and_then(|mark| mark.as_s().ok().cloned());
        let is_end = ending.contains_key(IS_END);
        let user = described(items.remove(&user).map(read_user), items.remove(&profile))?;
        Ok(Ending { mark, is_end, user })
    }

    /// Removes the note of an ending that Firebase was told of. Returns whether the note is still
    /// the one with this mark. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails. Firebase may then be told twice.
    pub async fn finish_ending(&self, id: &str, mark: &str) -> Result<bool, Error> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(ending_key(id)));
        let delete = delete
            .condition_expression("#mark = :mark")
            .expression_attribute_names("#mark", MARK)
            .expression_attribute_values(":mark", text(mark));
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(error.as_service_error()) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The ids of the accounts with an ending that Firebase is not told of.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn open_endings(&self) -> Result<Vec<String>, Error> {
        self.listed(OPEN).await
    }
}

fn ending_key(id: &str) -> String {
    format!("{ENDING_PREFIX}{id}")
}

fn is_condition(error: Option<&DeleteItemError>) -> bool {
    error.is_some_and(DeleteItemError::is_conditional_check_failed_exception)
}
