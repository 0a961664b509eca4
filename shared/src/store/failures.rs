//! The counters of failures: their keys, their records and the writes that change them.

use aws_sdk_dynamodb::types::builders::{DeleteBuilder, UpdateBuilder};

use super::{Item, Store, TTL, accounts::hash, number, record, time_value};
use crate::{
    account::{
        email::Identifier,
        ip::IpKey,
        rate_limit::{Ceiling, FORGOTTEN_AFTER, KNOWN_FOR, LOGINS, Series},
        session::SessionId,
        user::User,
    },
    error::Error,
    keys::Pseudonyms,
    time::Timestamp,
};

/// The series of one caller under one key.
#[derive(Debug)]
pub(super) struct SeriesCounter {
    pub key: String,
    pub last_read: Series,
    /// Whether a login makes this caller known, as it does for an address.
    pub remembers: bool,
}

impl SeriesCounter {
    /// The key of the caller at this address; all callers without an address share one.
    pub(super) fn address_key(names: &Pseudonyms, identifier: &str, ip: Option<&IpKey>) -> String {
        limit_key(names, "caller", &[identifier, ip.map_or("", IpKey::as_str)])
    }

    /// The key of a client that had this session.
    pub(super) fn device_key(names: &Pseudonyms, session: SessionId) -> String {
        limit_key(names, "device", &[&session.to_string()])
    }

    /// The key of somebody who is logged in as `user`: the session's, or the account's if there is
    /// no session, as with Firebase.
    pub(super) fn owner_key(names: &Pseudonyms, user: &User, session: Option<SessionId>) -> String {
        session.map_or_else(|| limit_key(names, "owner", &[&user.id]), |id| Self::device_key(names, id))
    }

    /// The record that was found under the key of a series.
    pub(super) fn series(found: Option<Item>) -> Result<Series, Error> {
        let series: Series = found.map(record).transpose()?.unwrap_or_default();
        if series.is_sound() { Ok(series) } else { Err(Error::internal("a malformed record in the table: a series")) }
    }

    /// Adds one failure, on the condition that the failures are still as they were read.
    pub(super) fn count(&self, store: &Store, now: Timestamp) -> UpdateBuilder {
        let failures = self.last_read.failures_at(now).saturating_add(1);
        let kept = self.last_read.known_at.map(|known_at| known_at + KNOWN_FOR);
        let ends_at = kept.map_or(now + FORGOTTEN_AFTER, |kept| kept.max(now + FORGOTTEN_AFTER));
        let update = store
            .update(&self.key)
            .update_expression("SET failures = :next, last_at = :now, #ttl = :ttl")
            .expression_attribute_values(":next", number(failures))
            .expression_attribute_values(":now", time_value(now));
        ending_at(self.if_unchanged(update, ""), ends_at)
    }

    /// Resets the failures and counts the login of a right password. The failures must still be as
    /// they were read, unless this attempt was counted and has the series to itself.
    pub(super) fn reset(&self, store: &Store, is_counted: bool, now: Timestamp) -> UpdateBuilder {
        let (hour, hour_ends_at) = LOGINS.window_at(now);
        let is_new_hour = self.last_read.hour < hour;
        let known = if self.remembers { "known_at = :now, " } else { "" };
        let (logins, in_time) = if is_new_hour {
            ("#hour = :hour, logins = :one, ", "(attribute_not_exists(#hour) OR #hour < :hour)")
        } else {
            ("", "#hour >= :hour AND logins < :max")
        };
        let add = if is_new_hour { "" } else { " ADD logins :one" };
        let update = store
            .update(&self.key)
            .update_expression(format!("SET {known}{logins}#ttl = :ttl REMOVE failures, last_at{add}"))
            .expression_attribute_names("#hour", "hour")
            .expression_attribute_values(":hour", number(hour))
            .expression_attribute_values(":one", number(1));
        let update = if self.remembers { update.expression_attribute_values(":now", time_value(now)) } else { update };
        let update = if is_new_hour { update } else { update.expression_attribute_values(":max", number(LOGINS.max)) };
        let ends_at = if self.remembers { now + KNOWN_FOR } else { hour_ends_at };
        let update = if is_counted { update.condition_expression(in_time) } else { self.if_unchanged(update, in_time) };
        ending_at(update, ends_at)
    }

    /// Ends the failures without a login, and with them the record, unless it holds more.
    pub(super) fn settle(&self, store: &Store, is_counted: bool) -> Settling {
        if self.last_read.known_at.is_some() || self.last_read.logins > 0 {
            let update = store.update(&self.key).update_expression("REMOVE failures, last_at");
            return Settling::Update(if is_counted { update } else { self.if_unchanged(update, "") });
        }
        let delete = store.delete(&self.key);
        Settling::Delete(match self.last_read.last_at {
            _ if is_counted => delete,
            None => delete.condition_expression(NO_FAILURES),
            Some(last_at) => delete
                .condition_expression(SAME_FAILURES)
                .expression_attribute_values(":failures", number(self.last_read.failures))
                .expression_attribute_values(":last_at", time_value(last_at)),
        })
    }

    /// The address that creates an account is known to it from the beginning.
    pub(super) fn introduction(store: &Store, identifier: &str, ip: &IpKey, now: Timestamp) -> UpdateBuilder {
        let update = store
            .update(&Self::address_key(&store.names, identifier, Some(ip)))
            .update_expression("SET known_at = :now, #ttl = :ttl")
            .expression_attribute_values(":now", time_value(now));
        ending_at(update, now + KNOWN_FOR)
    }

    /// Adds the condition that the failures are as they were read, and `further`.
    fn if_unchanged(&self, update: UpdateBuilder, further: &str) -> UpdateBuilder {
        let and = if further.is_empty() { "" } else { " AND " };
        match self.last_read.last_at {
            None => update.condition_expression(format!("{NO_FAILURES}{and}{further}")),
            Some(last_at) => update
                .condition_expression(format!("{SAME_FAILURES}{and}{further}"))
                .expression_attribute_values(":failures", number(self.last_read.failures))
                .expression_attribute_values(":last_at", time_value(last_at)),
        }
    }
}

const NO_FAILURES: &str = "attribute_not_exists(failures)";
const SAME_FAILURES: &str = "failures = :failures AND last_at = :last_at";

/// The write that ends a series.
pub(super) enum Settling {
    Update(UpdateBuilder),
    Delete(DeleteBuilder),
}

/// The ceiling under one identifier of an account.
#[derive(Debug)]
pub(super) struct CeilingCounter {
    pub key: String,
    /// The record that was read last. `None` if there is none.
    pub last_read: Option<Ceiling>,
}

impl CeilingCounter {
    pub(super) fn key(names: &Pseudonyms, identifier: &str) -> String {
        limit_key(names, "ceiling", &[identifier])
    }

    /// Adds one failure below the ceiling, or one attempt beyond it. The first needs the count to
    /// be below the ceiling, whatever it is: callers that fail at once do not refuse each other.
    pub(super) fn count(&self, store: &Store, has_failed: bool, now: Timestamp) -> UpdateBuilder {
        let update = store.update(&self.key).expression_attribute_values(":now", time_value(now));
        let update = match self.last_read {
            Some(old) if old.is_forgotten(now) => update
                .update_expression("SET failures = :one, last_at = :now, #ttl = :ttl REMOVE slow, slow_at")
                .condition_expression("last_at = :last_at")
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":last_at", time_value(old.last_at)),
            Some(reached) if reached.is_reached(has_failed, now) => {
                let same = if reached.slow == 0 { "attribute_not_exists(slow)" } else { "slow = :slow" };
                let update = update
                    .update_expression("SET slow = :next, slow_at = :now, #ttl = :ttl")
                    .condition_expression(format!("failures >= :max AND {same}"))
                    .expression_attribute_values(":max", number(Ceiling::max(has_failed)))
                    .expression_attribute_values(":next", number(reached.slow.saturating_add(1)));
                if reached.slow == 0 {
                    update
                } else {
                    update.expression_attribute_values(":slow", number(reached.slow))
                }
            }
            _ => update
                .update_expression("SET last_at = :now, #ttl = :ttl ADD failures :one")
                .condition_expression("attribute_not_exists(failures) OR failures < :max")
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":max", number(Ceiling::max(has_failed))),
        };
        ending_at(update, now + FORGOTTEN_AFTER)
    }

    /// Ends the count after a success, on the condition that the ceiling is not reached, unless
    /// this attempt was counted.
    pub(super) fn reset(&self, store: &Store, is_counted: bool, has_failed: bool, now: Timestamp) -> DeleteBuilder {
        const BELOW: &str = "attribute_not_exists(pk) OR failures < :max OR (last_at <= :old AND (attribute_not_exists(slow_at) OR slow_at <= :old))";
        let delete = store.delete(&self.key);
        if is_counted {
            return delete;
        }
        let forgotten = i64::try_from(FORGOTTEN_AFTER.as_millis()).unwrap_or(i64::MAX);
        delete
            .condition_expression(BELOW)
            .expression_attribute_values(":max", number(Ceiling::max(has_failed)))
            .expression_attribute_values(":old", number(now.milliseconds().saturating_sub(forgotten)))
    }
}

/// Adds the time at which DynamoDB deletes the record.
pub(super) fn ending_at(update: UpdateBuilder, ends_at: Timestamp) -> UpdateBuilder {
    update.expression_attribute_names("#ttl", TTL).expression_attribute_values(":ttl", number(ends_at.seconds()))
}

/// The identifiers of an account, with the one that a request named first. The account is counted
/// under each of them, so that the answers under each are the same.
pub(super) fn identifiers<'a>(named: &'a Identifier, user: Option<&'a User>) -> impl Iterator<Item = &'a str> {
    let others = user.into_iter().flat_map(User::identifiers).filter(|other| *other != named.key());
    [named.key()].into_iter().chain(others)
}

/// The key of a limit's record: every one is made here. The `subject` is an HMAC. People may type
/// anything into the field for their e-mail address, and the table should not tell who failed to
/// log in. A handler loads the keys first. A store without keys, as in tests of the store alone,
/// uses a plain hash.
pub(super) fn limit_key(names: &Pseudonyms, kind: &str, subject: &[&str]) -> String {
    format!("LIMIT#{kind}#{}", names.digest(kind, subject).unwrap_or_else(|| hash(subject)))
}
