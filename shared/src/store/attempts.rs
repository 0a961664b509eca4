//! Attempts at passwords: read with the account they are at, counted with what they lead to.
//!
//! An answer is given only after the count that allows it was written, on the condition that it is still the one that was read. However
//! many attempts run at once, in however many processes, no more of them learn anything than the limits allow.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Store,
    failures::Series,
    login_key,
    quotas::{Window, used},
    record, session_key,
    transaction::{Guard, Refused, Transaction},
};
use crate::{
    account::{
        email::Identifier,
        ip::Address,
        rate_limit::{FAILED_LOGINS, Failures},
        session::{Session, SessionId},
        user::User,
    },
    error::Error,
    password::StoredHash,
    telemetry::log,
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
    series: Vec<Series>,
    /// What its address may still do.
    window: Option<Window>,
    /// Whether its series were read. Of one that was not, nothing is known yet.
    is_read: bool,
    is_counted: bool,
    /// How long it took to read it: longer, by a little, where there is an account.
    pub read_in: Duration,
}

/// Whom an attempt is counted by.
#[derive(Clone, Copy, Debug)]
pub struct Guesser<'a> {
    /// A session that the client had; it counts if it is of the account, even if it was logged out since.
    pub device: Option<SessionId>,
    /// Where the client is, if it is held against that.
    pub address: Option<&'a Address>,
}

impl Attempt {
    /// An attempt that nothing is held against, as `RATE_LIMITS=off` has it.
    fn unlimited(user: Option<User>, identity: String, read_in: Duration) -> Self {
        Self { user, identity, series: Vec::new(), window: None, is_read: true, is_counted: false, read_in }
    }

    /// An attempt by somebody who is logged in as `user`, of which nothing is known yet; by the session, or if there is none, as
    /// with Firebase, by the account.
    pub fn by_owner(user: &User, session: Option<SessionId>, limited: bool) -> Self {
        let attempt = Self::unlimited(Some(user.clone()), log::pseudonym(&user.email_key), Duration::ZERO);
        let series = limited.then(|| Series::of_owner(user, session));
        Self { series: series.into_iter().collect(), is_read: false, ..attempt }
    }

    /// What the password is held against.
    pub fn hash(&self) -> Option<StoredHash> {
        self.user.as_ref()?.password_hash.clone()
    }

    /// The longest of its series, as far as they are known.
    fn longest(&self, now: Timestamp) -> Option<Failures> {
        let known = self.series.iter().filter_map(|series| series.seen).filter(|seen| !seen.is_forgotten(now));
        known.max_by_key(|seen| (seen.failures, seen.last_at))
    }

    /// How long it has to wait, as far as is known.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let by_series = self.series.iter().filter_map(|series| series.seen?.wait(now)).max();
        by_series.max(self.window.as_ref().and_then(|window| window.wait(now)))
    }

    /// Takes in what was found in the place of what was known.
    fn overtaken(&mut self, refused: Refused) -> Result<(), Error> {
        match (refused.guard, &mut self.window) {
            (Guard::Quota, Some(window)) => window.used = window.max,
            (Guard::Failures(index), _) => {
                if let Some(series) = self.series.get_mut(index) {
                    series.seen = refused.found.map(record).transpose()?;
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
        guesser: Option<Guesser<'_>>,
        now: Timestamp,
    ) -> Result<Attempt, Error> {
        let began = Instant::now();
        let login = login_key(identifier.key());
        let identity = log::pseudonym(identifier.key());
        let Some(Guesser { device, address }) = guesser else {
            let user = self.user_by(identifier).await?;
            return Ok(Attempt::unlimited(user, identity, began.elapsed()));
        };
        let strangers = Series::key_of_account(identifier.key());
        let mut window = address.map(|address| Window::new(&FAILED_LOGINS, address, now));
        let device = device.map(|id| (session_key(id), Series::key_of_device(id)));
        let mut keys = vec![login.as_str(), &strangers];
        keys.extend(window.iter().map(|window| window.key.as_str()));
        keys.extend(device.iter().flat_map(|(session, series)| [session.as_str(), series]));
        let mut items = self.batch_get(&keys).await?;
        if let Some(window) = &mut window {
            window.used = used(items.get(&window.key))?;
        }
        let user: Option<User> = items.remove(&login).map(record).transpose()?;
        let mut known = None;
        if let (Some((session, series)), Some(user)) = (device, &user) {
            let session: Option<Session> = items.remove(&session).map(record).transpose()?;
            known = session.filter(|session| session.is_of(user) && now < session.expires_at).map(|_| series);
        }
        // A client that logged in before is held against nothing but its own failures.
        let (keys, window) = match known {
            Some(series) => (vec![series], None),
            None => (Series::keys_of_account(identifier, user.as_ref()), window),
        };
        // That under the others is taken to be the same; if it is not, that shows when it is written.
        let seen = keys.first().and_then(|key| items.remove(key)).map(record).transpose()?;
        let series = keys.into_iter().map(|key| Series { key, seen }).collect();
        Ok(Attempt { user, identity, series, window, is_read: true, is_counted: false, read_in: began.elapsed() })
    }

    /// Lets an attempt go on, or not. After many failures, or where it is not known how many there were, it is counted as another one
    /// before its password is looked at, so that of many at once one goes on; then that is one round trip, otherwise none.
    ///
    /// # Errors
    ///
    /// 429 if it has to wait; 503 if DynamoDB fails.
    pub async fn claim(&self, attempt: &mut Attempt, now: Timestamp) -> Result<(), Error> {
        if let Some(wait) = attempt.wait(now) {
            return Err(Error::TooManyAttempts(wait));
        }
        if !attempt.is_read || attempt.longest(now).is_some_and(|seen| seen.are_many(now)) {
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
        if attempt.is_counted || attempt.series.is_empty() {
            return Ok(());
        }
        for _ in 0..ROUNDS_MAX {
            if let Some(wait) = attempt.wait(now) {
                return Err(Error::TooManyAttempts(wait));
            }
            let mut writes = Transaction::default();
            let failures = Failures::with_another(attempt.longest(now), now);
            for (index, series) in attempt.series.iter().enumerate() {
                let (condition, values) = series.as_it_was_read();
                let put = self.put(series.item(failures)?).set_condition_expression(condition);
                writes.put(Guard::Failures(index), put.set_expression_attribute_values(values))?;
            }
            if let Some(window) = &attempt.window {
                writes.update(Guard::Quota, self.use_up(window))?;
            }
            match self.commit(writes).await? {
                None => {
                    attempt.is_counted = true;
                    return Ok(());
                }
                Some(refused) => attempt.overtaken(refused)?,
            }
        }
        Err(overtaken_too_often())
    }

    /// Ends the series of failures of an attempt with the right password, and stores its session and its `renewed` account with
    /// that, if there are any. One round trip, and one more for each change that was faster.
    ///
    /// # Errors
    ///
    /// 429 if failures at the same time were so many that this attempt was none; 503 if DynamoDB fails.
    pub async fn succeed(
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
                writes.put(Guard::Version, self.put(Self::session_item(session)?))?;
            }
            self.end_series(&mut writes, attempt)?;
            if let (Some(before), Some(after)) = (&attempt.user, renewed) {
                self.replace(&mut writes, before, after)?;
            }
            match self.commit(writes).await? {
                None => return Ok(()),
                // Another login was faster, or another change that knows better.
                Some(Refused { guard: Guard::Version, .. }) => renewed = None,
                Some(refused) => attempt.overtaken(refused)?,
            }
        }
        Err(overtaken_too_often())
    }

    /// Adds the end of the series of failures. An attempt that was counted has it to itself.
    pub(super) fn end_series(&self, writes: &mut Transaction, attempt: &Attempt) -> Result<(), Error> {
        for (index, series) in attempt.series.iter().enumerate() {
            let (condition, values) = if attempt.is_counted { (None, None) } else { series.as_it_was_read() };
            let delete = self.delete(&series.key).set_condition_expression(condition);
            writes.delete(Guard::Failures(index), delete.set_expression_attribute_values(values))?;
        }
        Ok(())
    }
}

fn overtaken_too_often() -> Error {
    Error::unavailable("an attempt was overtaken by others, many times")
}

#[cfg(test)]
mod tests;
