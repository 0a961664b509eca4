//! Attempts at passwords: read with the account they are at, counted with what they lead to.
//!
//! An answer is given only after the count that allows it was written, on the condition that it is still the one that was read. However
//! many attempts run at once, in however many processes, no more of them learn anything than the limits allow.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Store,
    failures::FailureCounter,
    login_key,
    quotas::{QuotaWindow, used},
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

/// How often an attempt that others overtook is counted again. Each of them made the series longer, and a long one ends it.
const ROUNDS_MAX: u32 = 16;

/// An attempt at the password of an account, whether or not there is one.
#[derive(Debug)]
pub struct Attempt {
    /// The account.
    pub user: Option<User>,
    /// Whose account it is at, for the log.
    pub identity: String,
    /// The series it is counted in: none without limits, else one, or one under each identifier of the account. They are the same,
    /// unless an identifier is new.
    counter: Vec<FailureCounter>,
    /// What its address may still do.
    window: Option<QuotaWindow>,
    /// Whether its series were read. Of one that was not, nothing is known yet.
    counters_known: bool,
    is_counted: bool,
    /// How long it took to read it: longer, by a little, where there is an account.
    pub read_time: Duration,
}

/// Whom an attempt is counted by.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// A session that the client had; it counts if it is of the account, even if it was logged out since.
    pub device: Option<SessionId>,
    /// Where the client is, if it is held against that.
    pub address: Option<&'a IpKey>,
}

impl Attempt {
    /// An attempt that nothing is held against, as `RATE_LIMITS=off` has it.
    fn unlimited(user: Option<User>, identity: String, read_time: Duration) -> Self {
        Self { user, identity, counter: Vec::new(), window: None, counters_known: true, is_counted: false, read_time }
    }

    /// An attempt by somebody who is logged in as `user`, of which nothing is known yet; by the session, or if there is none, as
    /// with Firebase, by the account.
    pub fn by_owner(user: &User, session: Option<SessionId>, limited: bool) -> Self {
        let attempt = Self::unlimited(Some(user.clone()), audit::pseudonym(&user.email_key), Duration::ZERO);
        let counter = limited.then(|| FailureCounter::for_owner(user, session));
        Self { counter: counter.into_iter().collect(), counters_known: false, ..attempt }
    }

    /// What the password is held against.
    pub fn hash(&self) -> Option<StoredHash> {
        self.user.as_ref()?.password_hash.clone()
    }

    /// The longest of its series, as far as they are known.
    fn highest(&self, now: Timestamp) -> Option<Failures> {
        let known = self.counter.iter().filter_map(|counter| counter.seen).filter(|seen| !seen.is_forgotten(now));
        known.max_by_key(|seen| (seen.failures, seen.last_at))
    }

    /// How long it has to wait, as far as is known.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let by_series = self.counter.iter().filter_map(|counter| counter.seen?.wait(now)).max();
        by_series.max(self.window.as_ref().and_then(|window| window.wait(now)))
    }

    /// Takes in what was found in the place of what was known.
    fn lost_race(&mut self, refused: FailedCondition) -> Result<(), Error> {
        match (refused.guard, &mut self.window) {
            (Condition::Quota, Some(window)) => window.used = window.max,
            (Condition::Failures(index), _) => {
                if let Some(counter) = self.counter.get_mut(index) {
                    counter.seen = refused.found.map(record).transpose()?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Store {
    /// Reads the account behind an identifier and what the limits hold against who attempts its password. One round trip.
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
        let Some(Client { device, address }) = client else {
            let user = self.user_by(identifier).await?;
            return Ok(Attempt::unlimited(user, identity, began.elapsed()));
        };
        let account_counter = FailureCounter::account_key(identifier.key());
        let mut window = address.map(|address| QuotaWindow::new(&FAILED_LOGINS, address, now));
        let device = device.map(|id| (session_key(id), FailureCounter::device_key(id)));
        let mut keys = vec![login.as_str(), &account_counter];
        keys.extend(window.iter().map(|window| window.key.as_str()));
        keys.extend(device.iter().flat_map(|(session, counter)| [session.as_str(), counter]));
        let mut items = self.batch_get(&keys).await?;
        if let Some(window) = &mut window {
            window.used = used(items.get(&window.key))?;
        }
        let user: Option<User> = items.remove(&login).map(record).transpose()?;
        let mut known = None;
        if let (Some((session, counter)), Some(user)) = (device, &user) {
            let session: Option<Session> = items.remove(&session).map(record).transpose()?;
            known = session.filter(|session| session.is_of(user) && now < session.expires_at).map(|_| counter);
        }
        // A client that logged in before is held against nothing but its own failures.
        let (keys, window) = match known {
            Some(counter) => (vec![counter], None),
            None => (FailureCounter::account_keys(identifier, user.as_ref()), window),
        };
        // That under the others is taken to be the same; if it is not, that shows when it is written.
        let seen = keys.first().and_then(|key| items.remove(key)).map(record).transpose()?;
        let counter = keys.into_iter().map(|key| FailureCounter { key, seen }).collect();
        Ok(Attempt {
            user,
            identity,
            counter,
            window,
            counters_known: true,
            is_counted: false,
            read_time: began.elapsed(),
        })
    }

    /// Lets an attempt go on, or not. After many failures, or where it is not known how many there were, it is counted as another one
    /// before its password is looked at, so that of many at once one goes on; then that is one round trip, otherwise none.
    ///
    /// # Errors
    ///
    /// 429 if it has to wait; 503 if DynamoDB fails.
    pub async fn reserve(&self, attempt: &mut Attempt, now: Timestamp) -> Result<(), Error> {
        if let Some(wait) = attempt.wait(now) {
            return Err(Error::TooManyAttempts(wait));
        }
        if !attempt.counters_known || attempt.highest(now).is_some_and(|seen| seen.are_many(now)) {
            self.count_failure(attempt, now).await
        } else {
            Ok(())
        }
    }

    /// Counts an attempt as a failure, unless it was already. One round trip, and one more for each attempt that was faster.
    ///
    /// # Errors
    ///
    /// 429 if others at the same time were so many that this one tells nothing; 503 if DynamoDB fails.
    pub async fn count_failure(&self, attempt: &mut Attempt, now: Timestamp) -> Result<(), Error> {
        if attempt.is_counted || attempt.counter.is_empty() {
            return Ok(());
        }
        for _ in 0..ROUNDS_MAX {
            if let Some(wait) = attempt.wait(now) {
                return Err(Error::TooManyAttempts(wait));
            }
            let mut writes = Transaction::default();
            let failures = Failures::with_another(attempt.highest(now), now);
            for (index, counter) in attempt.counter.iter().enumerate() {
                let (condition, values) = counter.unchanged_condition();
                let put = self.put(counter.item(failures)?).set_condition_expression(condition);
                writes.put(Condition::Failures(index), put.set_expression_attribute_values(values))?;
            }
            if let Some(window) = &attempt.window {
                writes.update(Condition::Quota, self.use_up(window))?;
            }
            match self.commit(writes).await? {
                None => {
                    attempt.is_counted = true;
                    return Ok(());
                }
                Some(refused) => attempt.lost_race(refused)?,
            }
        }
        Err(lost_race_too_often())
    }

    /// Ends the series of failures of an attempt with the right password, and stores its session and its `renewed` account with
    /// that, if there are any. One round trip, and one more for each change that was faster.
    ///
    /// # Errors
    ///
    /// 429 if failures at the same time were so many that this attempt was none; 503 if DynamoDB fails.
    pub async fn record_success(
        &self,
        attempt: &mut Attempt,
        session: Option<&Session>,
        mut renewed: Option<&User>,
        now: Timestamp,
    ) -> Result<(), Error> {
        for _ in 0..ROUNDS_MAX {
            if let Some(wait) = attempt.wait(now).filter(|_| !attempt.is_counted) {
                return Err(Error::TooManyAttempts(wait));
            }
            let mut writes = Transaction::default();
            if let Some(session) = session {
                writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
            }
            self.reset_counters(&mut writes, attempt)?;
            if let (Some(before), Some(after)) = (&attempt.user, renewed) {
                self.replace(&mut writes, before, after)?;
            }
            match self.commit(writes).await? {
                None => return Ok(()),
                // Another login was faster, or another change that knows better.
                Some(FailedCondition { guard: Condition::Version, .. }) => renewed = None,
                Some(refused) => attempt.lost_race(refused)?,
            }
        }
        Err(lost_race_too_often())
    }

    /// Adds the end of the series of failures. An attempt that was counted has it to itself.
    pub(super) fn reset_counters(&self, writes: &mut Transaction, attempt: &Attempt) -> Result<(), Error> {
        for (index, counter) in attempt.counter.iter().enumerate() {
            let (condition, values) = if attempt.is_counted { (None, None) } else { counter.unchanged_condition() };
            let delete = self.delete(&counter.key).set_condition_expression(condition);
            writes.delete(Condition::Failures(index), delete.set_expression_attribute_values(values))?;
        }
        Ok(())
    }
}

fn lost_race_too_often() -> Error {
    Error::unavailable("an attempt was overtaken by others, many times")
}

#[cfg(test)]
mod tests;
