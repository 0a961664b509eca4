//! Sessions in the table.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{DeleteRequest, ReturnValue, ReturnValuesOnConditionCheckFailure, WriteRequest},
};
use tokio::time;

use super::{
    Item, PAUSE, SESSION_OF, SESSIONS_INDEX, Store, TRIES_MAX, TTL, item, number, record, refreshes, session_key, text,
    time_value, unavailable,
};
use crate::{
    account::{
        refresh_token::RefreshToken,
        session::{RefreshState, Repeats, Rotator, Session, SessionId, SessionLifetimes},
        user::User,
    },
    error::{Error, RefreshRefusal},
    telemetry::{audit, log},
    time::Timestamp,
};

/// The seconds that a record outlives its session, so that a late token is refused as expired.
const KEPT_SECONDS: i64 = 86_400;
/// The most keys that one BatchGetItem accepts.
const READ_BATCH_MAX: usize = 100;
/// The most writes that one BatchWriteItem accepts.
const WRITE_BATCH_MAX: usize = 25;
/// The most sessions of one user that are listed, counted or deleted at a time.
const LISTED_MAX: i32 = 200;

/// The outcome of a refresh.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The session after the refresh.
    pub session: Session,
    /// The counter of the child.
    pub child: u32,
}

impl Store {
    /// Stores a session without a login, for tests.
    #[cfg(feature = "testing")]
    pub async fn put_session(&self, session: &Session) -> Result<(), Error> {
        let item = Self::session_item(session)?;
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await.map_err(unavailable)?;
        Ok(())
    }

    /// Exchanges the newest token of a session for a child, or finds the child that an older token
    /// was exchanged for. One round trip, or two if the session ends because of reuse, or if the
    /// parent comes again from another caller than the first.
    ///
    /// # Errors
    ///
    /// 401 if the token is refused, 409 if another change is under way. 429 if limits hold and the
    /// session was refreshed too often in an hour. 503 if DynamoDB fails.
    pub async fn rotate(
        &self,
        token: RefreshToken,
        rotator: Rotator,
        now: Timestamp,
        lifetimes: &SessionLifetimes,
        is_limited: bool,
    ) -> Result<Rotation, Error> {
        let child = token.counter.checked_add(1).ok_or(Error::Refresh(RefreshRefusal::Invalid))?;
        let write = self.rotation(token, child, &rotator, now, lifetimes)?;
        let write = if is_limited { refreshes::with_mark(write, child, now) } else { write };
        let sent = write.send().await;
        let error = match sent {
            Ok(answer) => {
                let session = answer
                    .attributes
                    .ok_or_else(|| Error::unavailable("DynamoDB reported a change without its result"));
                return Ok(Rotation { session: record(session?)?, child });
            }
            Err(error) => error,
        };
        let found = match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => failed.item.clone(),
            Some(UpdateItemError::TransactionConflictException(_)) => {
                return Err(Error::Refresh(RefreshRefusal::Conflict));
            }
            _ => return Err(unavailable(error)),
        };
        let found = found.ok_or(Error::Refresh(RefreshRefusal::Invalid))?;
        let last_mark = refreshes::last_mark(&found, child);
        let session: Session = record(found)?;
        match session.state_of(token.counter, now, lifetimes) {
            RefreshState::Parent { child } => match session.with_repeat(child, rotator.caller.as_deref()) {
                Some(repeats) if repeats.show_theft() => self.end_reused(&session, now).await,
                Some(repeats) => {
                    self.note_repeats(&session, repeats).await?;
                    Ok(Rotation { session, child })
                }
                None => Ok(Rotation { session, child }),
            },
            RefreshState::Current => {
                let wait = refreshes::wait(child, last_mark, session.auth_time, now).filter(|_| is_limited);
                // Otherwise the condition would hold now: another request changed the session
                // meanwhile.
                Err(wait.map_or(Error::Refresh(RefreshRefusal::Conflict), Error::TooManyAttempts))
            }
            // This very write rotated the session. It was sent twice: its first answer was lost.
            RefreshState::Refused(RefreshRefusal::Reused) if session.rotated_by.as_ref() == Some(&rotator) => {
                Ok(Rotation { session, child })
            }
            RefreshState::Refused(RefreshRefusal::Reused) => self.end_reused(&session, now).await,
            RefreshState::Refused(refusal) => Err(Error::Refresh(refusal)),
        }
    }

    /// The write that moves a session on to the counter `child`.
    fn rotation(
        &self,
        token: RefreshToken,
        child: u32,
        rotator: &Rotator,
        now: Timestamp,
        lifetimes: &SessionLifetimes,
    ) -> Result<UpdateItemFluentBuilder, Error> {
        Ok(self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(session_key(token.session)))
            .update_expression("SET #counter = :child, idle_expires_at = :idle, rotated.#slot = :now, rotated_by = :rotator")
            .condition_expression(
                "#counter = :presented AND attribute_not_exists(ended_at) AND expires_at > :now AND idle_expires_at > :now",
            )
            .expression_attribute_names("#counter", "counter")
            .expression_attribute_names("#slot", Session::rotation_key(child))
            .expression_attribute_values(":child", number(child))
            .expression_attribute_values(":presented", number(token.counter))
            .expression_attribute_values(":idle", time_value(now + lifetimes.idle))
            .expression_attribute_values(":now", time_value(now))
            .expression_attribute_values(":rotator", serde_dynamo::to_attribute_value(rotator).map_err(Error::internal)?)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld))
    }

    /// Ends a session whose tokens are in other hands too. Reuse is logged once, however many
    /// clients hold a copy: the next finds the session ended.
    async fn end_reused(&self, session: &Session, now: Timestamp) -> Result<Rotation, Error> {
        if self.end_session(session.id, None, now).await? {
            audit::warn("refresh_token_reused", &self.names.of(&session.user_id));
        }
        Err(Error::Refresh(RefreshRefusal::Reused))
    }

    /// Notes that the parent of the newest child came again from another caller. A session that
    /// moved on meanwhile is left alone: the child was used, so its answer was not lost.
    async fn note_repeats(&self, session: &Session, repeats: Repeats) -> Result<(), Error> {
        let noted = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(session_key(session.id)))
            .update_expression("SET repeats = :repeats")
            .condition_expression("#counter = :child")
            .expression_attribute_names("#counter", "counter")
            .expression_attribute_values(":child", number(repeats.child))
            .expression_attribute_values(
                ":repeats",
                serde_dynamo::to_attribute_value(repeats).map_err(Error::internal)?,
            )
            .send()
            .await;
        match noted {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Ends a session, and returns whether it was live until now. One round trip.
    ///
    /// With an owner, only a live session of that account, as the account was read, is ended. For
    /// any other session the result is the same as for one that never existed.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn end_session(&self, id: SessionId, owner: Option<&User>, now: Timestamp) -> Result<bool, Error> {
        const LIVE: &str =
            "attribute_exists(pk) AND attribute_not_exists(ended_at) AND expires_at > :now AND idle_expires_at > :now";
        let update = match owner {
            None => self.client.update_item().condition_expression(LIVE),
            Some(owner) => self
                .client
                .update_item()
                .condition_expression(format!("{LIVE} AND user_id = :user AND epoch = :epoch"))
                .expression_attribute_values(":user", text(&owner.id))
                .expression_attribute_values(":epoch", number(owner.epoch)),
        };
        let sent = update
            .table_name(&self.table)
            .key("pk", text(session_key(id)))
            .update_expression("SET ended_at = :now REMOVE session_of")
            .expression_attribute_values(":now", time_value(now))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let found = match sent {
            Ok(answer) => answer.attributes,
            Err(error) => match error.as_service_error() {
                // This very write ended the session: it was sent twice, and its first answer was
                // lost.
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    match failed.item.as_ref().filter(|found| found.get("ended_at") == Some(&time_value(now))) {
                        Some(found) => Some(found.clone()),
                        None => return Ok(false),
                    }
                }
                _ => return Err(unavailable(error)),
            },
        };
        let user = found.as_ref().and_then(|session| session.get("user_id")?.as_s().ok());
        audit::record("session_ended", "", &user.map(|id| self.names.of(id)).unwrap_or_default());
        Ok(true)
    }

    /// Reads the session with this id. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, Error> {
        let key = session_key(id);
        let mut items = self.batch_get(&[&key]).await?;
        items.remove(&key).map(record).transpose()
    }

    /// Lists the sessions of a user that were not ended one by one. The list has at most 200
    /// sessions, so that frequent logins cannot make this slow.
    ///
    /// The index may lag a moment behind on AWS. A rule that must hold at once depends on the
    /// account's epoch, never on this list.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn sessions_of(&self, user_id: &str) -> Result<Vec<Session>, Error> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(SESSIONS_INDEX)
            .key_condition_expression("session_of = :user")
            .expression_attribute_values(":user", text(user_id))
            .limit(LISTED_MAX)
            .send()
            .await
            .map_err(unavailable)?;
        let keys: Vec<&str> =
            page.items().iter().filter_map(|item| Some(item.get("pk")?.as_s().ok()?.as_str())).collect();
        let mut sessions = Vec::new();
        for chunk in keys.chunks(READ_BATCH_MAX) {
            for item in self.batch_get(chunk).await?.into_values() {
                sessions.push(record(item)?);
            }
        }
        Ok(sessions)
    }

    /// Deletes the records of the sessions that a new epoch has ended. `user` is the account before
    /// that epoch. Returns the number of those sessions for which `was_live` holds.
    ///
    /// A login in the new epoch keeps its session. The old sessions are over even if this fails:
    /// the log has the error then, and TTL deletes the records.
    pub async fn forget_sessions(&self, user: &User, was_live: impl Fn(&Session) -> bool) -> usize {
        let listed = self.sessions_of(&user.id).await.unwrap_or_else(|error| {
            log::fault(&error);
            Vec::new()
        });
        let old: Vec<Session> = listed.into_iter().filter(|session| session.epoch <= user.epoch).collect();
        if let Err(error) = self.delete_sessions(&old).await {
            log::fault(&error);
        }
        old.iter().filter(|session| was_live(session)).count()
    }

    async fn delete_sessions(&self, sessions: &[Session]) -> Result<(), Error> {
        for chunk in sessions.chunks(WRITE_BATCH_MAX) {
            let mut rest = Vec::new();
            for session in chunk {
                let delete = DeleteRequest::builder().key("pk", text(session_key(session.id))).build();
                rest.push(WriteRequest::builder().delete_request(delete.map_err(Error::internal)?).build());
            }
            for attempt in 1..=TRIES_MAX {
                let answer = self
                    .client
                    .batch_write_item()
                    .request_items(&self.table, rest)
                    .send()
                    .await
                    .map_err(unavailable)?;
                rest = answer.unprocessed_items.unwrap_or_default().remove(&self.table).unwrap_or_default();
                if rest.is_empty() {
                    break;
                }
                time::sleep(PAUSE * attempt).await;
            }
            if !rest.is_empty() {
                return Err(Error::unavailable("DynamoDB did only a part of a write, several times"));
            }
        }
        Ok(())
    }

    pub(super) fn session_item(session: &Session) -> Result<Item, Error> {
        let mut item = item(session_key(session.id), session)?;
        item.insert(SESSION_OF.to_owned(), text(&session.user_id));
        item.insert(TTL.to_owned(), number(session.expires_at.seconds() + KEPT_SECONDS));
        Ok(item)
    }
}
