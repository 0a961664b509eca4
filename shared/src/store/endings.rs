//! Endings that Firebase must be told of: of all sessions of an account, or of the account.
//!
//! The record is written in the transaction of the ending. It says only that Firebase may differ:
//! the account itself says what holds. A later ending writes the record anew, under another mark.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;

use super::{
    Store, described, profile_key, text,
    transaction::{Condition, Transaction},
    unavailable, user_key,
    user_records::read_user,
};
use crate::{account::user::User, error::Error};

/// The beginning of the key of an ending. The filter of the table's stream lets these keys through.
pub const ENDING_PREFIX: &str = "SYNC#";
/// The attribute that tells one ending of an account from another.
const MARK: &str = "mark";

/// An ending, and the account as it is now.
#[derive(Debug)]
pub struct Ending {
    /// The mark of the ending that Firebase is not told of yet. `None` if there is none.
    pub mark: Option<String>,
    /// The account, without its password hash. `None` if it is deleted.
    pub user: Option<User>,
}

impl Store {
    /// Notes for Firebase, if it must be told, that a change ends sessions, or opens or shuts an
    /// account.
    pub(super) fn note_change(&self, writes: &mut Transaction, before: &User, after: &User) -> Result<(), Error> {
        let is_ending = before.epoch != after.epoch || before.disabled != after.disabled;
        if is_ending { self.note_ending(writes, &before.id) } else { Ok(()) }
    }

    /// Notes for Firebase, if it must be told, that sessions or an account come to their end.
    pub(super) fn note_ending(&self, writes: &mut Transaction, id: &str) -> Result<(), Error> {
        if !self.notes_endings {
            return Ok(());
        }
        // The mark tells endings apart, and nothing is lost if somebody guesses it.
        let mark = format!("{:016x}", fastrand::u64(..));
        let item = [("pk".to_owned(), text(ending_key(id))), (MARK.to_owned(), text(mark))];
        writes.put(Condition::Version, self.put(item.into()))
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
        let mark = items.remove(&ending).and_then(|item| item.get(MARK)?.as_s().ok().cloned());
        let user = described(items.remove(&user).map(read_user), items.remove(&profile))?;
        Ok(Ending { mark, user })
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

    /// The ids of the accounts with an ending that Firebase is not told of. This reads the whole
    /// table, so only the server of its own table does it, and a tool that is asked to.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn open_endings(&self) -> Result<Vec<String>, Error> {
        self.ids_under(ENDING_PREFIX).await
    }
}

fn ending_key(id: &str) -> String {
    format!("{ENDING_PREFIX}{id}")
}

fn is_condition(error: Option<&DeleteItemError>) -> bool {
    error.is_some_and(DeleteItemError::is_conditional_check_failed_exception)
}
