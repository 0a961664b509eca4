//! Attempts at passwords: read together with the account, and counted together with their outcome.
//!
//! An attempt is answered only after a write, on the condition that the count is still the one that
//! was read. Attempts may run at once in any number of processes, and no more of them learn
//! anything than the limits allow.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Store,
    failures::FailureCounter,
    login_key,
    quotas::{QuotaWindow, used_count},
    record, session_key,
    transaction::{Condition, FailedCondition, Transaction},
};
use crate::{
    account::{
        email::Identifier,
        ip::IpKey,
        rate_limit::{FAILED_LOGINS, Failures},
        session::{Session, SessionId},
        user::User,
    },
    error::Error,
    password::StoredHash,
    telemetry::audit,
    time::Timestamp,
};

/// The most tries to count an attempt that others overtake. Each of the others raises the count,
/// and a high count refuses the attempt.
const RACES_MAX: u32 = 16;

/// An attempt at the password of an account, which need not exist.
#[derive(Debug)]
pub struct Attempt {
    /// The account, if there is one.
    pub user: Option<User>,
    /// The pseudonym of the identifier, for the log.
    pub identity: String,
    /// The failure counters of the attempt: none without limits, otherwise one, or one for each
    /// identifier of the account. All of them are equal, unless an identifier is new.
    counters: Vec<FailureCounter>,
    /// The quota of failed logins of the client's IP address.
    window: Option<QuotaWindow>,
    /// Whether the counters were read. Until then nothing is known about them.
    counters_known: bool,
    /// Whether the attempt was counted as a failure.
    is_counted: bool,
    /// The time that reading took, which is a little longer if there is an account.
    pub read_time: Duration,
}

/// The client that failures are counted against.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// A session that the client had. It counts if it belongs to the account, even after a logout.
    pub device: Option<SessionId>,
    /// The IP address of the client, if the address has a quota.
    pub ip: Option<&'a IpKey>,
}

impl Attempt {
    /// An attempt without limits, as with `RATE_LIMITS=off`.
    fn unlimited(user: Option<User>, identity: String, read_time: Duration) -> Self {
        Self { user, identity, counters: Vec::new(), window: None, counters_known: true, is_counted: false, read_time }
    }

    /// An attempt by somebody who is logged in as `user`. Its counter is the session's, or the
    /// account's if there is no session, as with Firebase. The counter is not read yet.
    pub fn by_owner(user: &User, session: Option<SessionId>, limited: bool) -> Self {
        let attempt = Self::unlimited(Some(user.clone()), audit::pseudonym(&user.email_key), Duration::ZERO);
        let counter = limited.then(|| FailureCounter::for_owner(user, session));
        Self { counters: counter.into_iter().collect(), counters_known: false, ..attempt }
    }

    /// The hash to check the password against.
    pub fn hash(&self) -> Option<StoredHash> {
        self.user.as_ref()?.password_hash.clone()
    }

    /// The highest count, as far as the counters are known.
    fn highest(&self, now: Timestamp) -> Option<Failures> {
        let counts = self.counters.iter().filter_map(|counter| counter.last_read);
        counts.filter(|count| !count.is_forgotten(now)).max_by_key(|count| (count.failures, count.last_at))
    }

    /// The time that the attempt must still wait, as far as the counters are known.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let by_counters = self.counters.iter().filter_map(|counter| counter.last_read?.wait(now)).max();
        by_counters.max(self.window.as_ref().and_then(|window| window.wait(now)))
    }

    /// Updates the counters after a failed condition check.
    fn lost_race(&mut self, failed: FailedCondition) -> Result<(), Error> {
        match (failed.condition, &mut self.window) {
            (Condition::Quota, Some(window)) => window.used = window.max,
            (Condition::Failures(index), _) => {
                if let Some(counter) = self.counters.get_mut(index) {
                    counter.last_read = failed.found.map(record).transpose()?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Store {
    /// Reads the account that has this identifier, and the counters that hold for `client`. One
    /// round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn attempt(
        &self,
        identifier: &Identifier,
        client: Option<Client<'_>>,
        now: Timestamp,
    ) -> Result<Attempt, Error> {
        let began = Instant::now();
        let login = login_key(identifier.key());
        let identity = audit::pseudonym(identifier.key());
        let Some(Client { device, ip }) = client else {
            let user = self.user_by(identifier).await?;
            return Ok(Attempt::unlimited(user, identity, began.elapsed()));
        };
        let account_counter = FailureCounter::account_key(identifier.key());
        let mut window = ip.map(|ip| QuotaWindow::new(&FAILED_LOGINS, ip, now));
        let device = device.map(|id| (session_key(id), FailureCounter::device_key(id)));
        let mut keys = vec![login.as_str(), &account_counter];
        keys.extend(window.iter().map(|window| window.key.as_str()));
        keys.extend(device.iter().flat_map(|(session, counter)| [session.as_str(), counter]));
        let mut items = self.batch_get(&keys).await?;
        if let Some(window) = &mut window {
            window.used = used_count(items.get(&window.key))?;
        }
        let user: Option<User> = items.remove(&login).map(record).transpose()?;
        let mut own_counter = None;
        if let (Some((session, counter)), Some(user)) = (device, &user) {
            let session: Option<Session> = items.remove(&session).map(record).transpose()?;
            own_counter = session.filter(|session| session.is_of(user) && now < session.expires_at).map(|_| counter);
        }
        // For a client that logged in before, only its own failures count.
        let (keys, window) = match own_counter {
            Some(counter) => (vec![counter], None),
            None => (FailureCounter::account_keys(identifier, user.as_ref()), window),
        };
        // The other counters are assumed to be equal. If one is not, the condition of the write
        // fails.
        let last_read = keys.first().and_then(|key| items.remove(key)).map(record).transpose()?;
        let counters = keys.into_iter().map(|key| FailureCounter { key, last_read }).collect();
        Ok(Attempt {
            user,
            identity,
            counters,
            window,
            counters_known: true,
            is_counted: false,
            read_time: began.elapsed(),
        })
    }

    /// Refuses an attempt that must wait. After many failures, or if the counters are not known, it
    /// counts the attempt as a failure *before* the password is checked. Only one of many parallel
    /// attempts is then checked. One round trip in that case, otherwise none.
    ///
    /// # Errors
    ///
    /// 429 if the attempt must wait, 503 if DynamoDB fails.
    pub async fn reserve(&self, attempt: &mut Attempt, now: Timestamp) -> Result<(), Error> {
        if let Some(wait) = attempt.wait(now) {
            return Err(Error::TooManyAttempts(wait));
        }
        if !attempt.counters_known || attempt.highest(now).is_some_and(|count| count.are_many(now)) {
            self.count_failure(attempt, now).await
        } else {
            Ok(())
        }
    }

    /// Counts an attempt as a failure, unless it is counted already. One round trip, and one more
    /// for each attempt that comes first.
    ///
    /// # Errors
    ///
    /// 429 if so many others failed meanwhile that this attempt must not be told its outcome, 503
    /// if DynamoDB fails.
    pub async fn count_failure(&self, attempt: &mut Attempt, now: Timestamp) -> Result<(), Error> {
        if attempt.is_counted || attempt.counters.is_empty() {
            return Ok(());
        }
        for _ in 0..RACES_MAX {
            if let Some(wait) = attempt.wait(now) {
                return Err(Error::TooManyAttempts(wait));
            }
            let mut writes = Transaction::default();
            let failures = Failures::with_another(attempt.highest(now), now);
            for (index, counter) in attempt.counters.iter().enumerate() {
                let (condition, values) = counter.unchanged_condition();
                let put = self.put(counter.item(failures)?).set_condition_expression(condition);
                writes.put(Condition::Failures(index), put.set_expression_attribute_values(values))?;
            }
            if let Some(window) = &attempt.window {
                writes.update(Condition::Quota, self.count_use(window))?;
            }
            match self.commit(writes).await? {
                None => {
                    attempt.is_counted = true;
                    return Ok(());
                }
                Some(failed) => attempt.lost_race(failed)?,
            }
        }
        Err(lost_race_too_often())
    }

    /// Resets the failure counters of an attempt with the right password. Stores the session and
    /// the `rehashed` account in the same transaction, if they are given. One round trip, and one
    /// more for each change that comes first.
    ///
    /// # Errors
    ///
    /// 429 if so many others failed meanwhile that this attempt must not be told its outcome, 503
    /// if DynamoDB fails.
    pub async fn record_success(
        &self,
        attempt: &mut Attempt,
        session: Option<&Session>,
        mut rehashed: Option<&User>,
        now: Timestamp,
    ) -> Result<(), Error> {
        for _ in 0..RACES_MAX {
            if let Some(wait) = attempt.wait(now).filter(|_| !attempt.is_counted) {
                return Err(Error::TooManyAttempts(wait));
            }
            let mut writes = Transaction::default();
            if let Some(session) = session {
                writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
            }
            self.reset_counters(&mut writes, attempt)?;
            if let (Some(before), Some(after)) = (&attempt.user, rehashed) {
                self.replace(&mut writes, before, after)?;
            }
            match self.commit(writes).await? {
                None => return Ok(()),
                // Another login or change came first, and its account stays.
                Some(FailedCondition { condition: Condition::Version, .. }) => rehashed = None,
                Some(failed) => attempt.lost_race(failed)?,
            }
        }
        Err(lost_race_too_often())
    }

    /// Adds the reset of the failure counters. An attempt that was counted has the counters to
    /// itself, so its reset needs no condition.
    pub(super) fn reset_counters(&self, writes: &mut Transaction, attempt: &Attempt) -> Result<(), Error> {
        for (index, counter) in attempt.counters.iter().enumerate() {
            let (condition, values) = if attempt.is_counted { (None, None) } else { counter.unchanged_condition() };
            let delete = self.delete(&counter.key).set_condition_expression(condition);
            writes.delete(Condition::Failures(index), delete.set_expression_attribute_values(values))?;
        }
        Ok(())
    }
}

fn lost_race_too_often() -> Error {
    Error::unavailable("other attempts at the same account came first, many times")
}

#[cfg(test)]
mod tests;
