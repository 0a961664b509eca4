//! Attempts at passwords: read together with the account, and counted together with their outcome.
//!
//! An attempt is answered only after a write, on the condition that the counts still allow it.
//! Attempts may run at once in any number of processes, and no more of them learn anything than the
//! limits allow.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Store,
    failures::{CeilingCounter, SeriesCounter, Settling, identifiers},
    login_key,
    profiles::{described, profile_key},
    quotas::{QuotaWindow, used_count},
    record, session_key,
    transaction::{Condition, FailedCondition, Transaction},
    user_records::{login_record_key, read_login},
};
use crate::{
    account::{
        email::Identifier,
        event::EventType,
        ip::IpKey,
        rate_limit::FAILED_LOGINS,
        session::{Session, SessionId},
        user::User,
    },
    error::Error,
    password::StoredHash,
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
    /// The series of the caller: none without limits, otherwise one, or one for each identifier of
    /// the account. All of them are equal, unless an identifier is new.
    series: Vec<SeriesCounter>,
    /// The ceiling of an unknown caller, for each identifier of the account.
    ceilings: Vec<CeilingCounter>,
    /// The quota of failed logins of an unknown caller, for its IP address and the networks around.
    windows: Vec<QuotaWindow>,
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
    fn unlimited(user: Option<User>, identity: String) -> Self {
        Self {
            user,
            identity,
            series: Vec::new(),
            ceilings: Vec::new(),
            windows: Vec::new(),
            is_counted: false,
            read_time: Duration::ZERO,
        }
    }

    /// The hash to check the password against.
    pub fn hash(&self) -> Option<StoredHash> {
        self.user.as_ref()?.password_hash.clone()
    }

    /// The time to the next window, if the IP address has used up its failures. A wrong password is
    /// then told this.
    pub fn quota_wait(&self, now: Timestamp) -> Option<Duration> {
        self.windows.iter().filter_map(|window| window.wait(now)).max()
    }

    /// Whether this caller failed lately, at this account or at any other.
    pub fn is_of_failed_caller(&self, now: Timestamp) -> bool {
        self.has_failed(now) || self.windows.iter().any(|window| window.used > 0)
    }

    /// Whether this caller has failed at this account already.
    fn has_failed(&self, now: Timestamp) -> bool {
        self.series.iter().any(|series| series.last_read.failures_at(now) > 0)
    }

    /// Whether such attempts go one at a time, so that each is counted before its password is
    /// checked.
    fn goes_alone(&self, now: Timestamp) -> bool {
        let has_failed = self.has_failed(now);
        self.series.iter().any(|series| series.last_read.has_many_failures(now))
            || self.ceilings.iter().filter_map(|ceiling| ceiling.last_read).any(|read| read.is_reached(has_failed, now))
    }

    /// The time that the attempt must still wait, as far as the counts are known.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let has_failed = self.has_failed(now);
        let by_series = self.series.iter().filter_map(|series| series.last_read.wait(now)).max();
        // The place for the answer's `next`, once mail exists: a code by e-mail is a way that
        // strangers cannot take.
        let by_ceiling = self.ceilings.iter().filter_map(|ceiling| ceiling.last_read?.wait(has_failed, now)).max();
        let by_quota = if has_failed { self.quota_wait(now) } else { None };
        let by_hard_quota = self.windows.iter().filter_map(|window| window.hard_wait(now)).max();
        by_series.max(by_ceiling).max(by_quota).max(by_hard_quota)
    }

    /// The time that an attempt with the right password must still wait. A counted attempt has
    /// waited already.
    fn wait_of_success(&self, now: Timestamp) -> Option<Duration> {
        if self.is_counted {
            self.series.iter().filter_map(|series| series.last_read.wait_for_logins(now)).max()
        } else {
            self.wait(now)
        }
    }

    /// Takes over the counts that a failed condition found.
    fn lost_race(&mut self, failed: FailedCondition) -> Result<(), Error> {
        let FailedCondition { condition, found } = failed;
        match condition {
            Condition::Quota(index) => {
                self.windows.get_mut(index).map_or(Ok(()), |window| window.found(found.as_ref()))?;
            }
            Condition::Failures(index) => {
                if let Some(series) = self.series.get_mut(index) {
                    series.last_read = SeriesCounter::series(found)?;
                }
            }
            Condition::Ceiling(index) => {
                if let Some(ceiling) = self.ceilings.get_mut(index) {
                    ceiling.last_read = found.map(record).transpose()?;
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
        let identity = self.names.of(identifier.key());
        let Some(Client { device, ip }) = client else {
            let login = login_key(identifier.key());
            let user = self.batch_get(&[&login]).await?.remove(&login).map(read_login).transpose()?;
            return Ok(Attempt { read_time: began.elapsed(), ..Attempt::unlimited(user, identity) });
        };
        let login = login_key(identifier.key());
        let address = SeriesCounter::address_key(&self.names, identifier.key(), ip);
        let ceiling = CeilingCounter::key(&self.names, identifier.key());
        let mut windows = ip.map(|ip| QuotaWindow::all(&self.names, FAILED_LOGINS, ip, now)).unwrap_or_default();
        let device = device.map(|id| (session_key(id), SeriesCounter::device_key(&self.names, id)));
        let mut keys = vec![login.as_str(), &address, &ceiling];
        keys.extend(windows.iter().map(|window| window.key.as_str()));
        keys.extend(device.iter().flat_map(|(session, series)| [session.as_str(), series]));
        let mut items = self.batch_get(&keys).await?;
        for window in &mut windows {
            window.used = used_count(items.get(&window.key))?;
        }
        let user = items.remove(&login).map(read_login).transpose()?;
        let last_read = items.remove(&ceiling).map(record).transpose()?;
        let by_address = SeriesCounter::series(items.remove(&address))?;
        let mut attempt = Attempt::unlimited(user, identity);
        let user = attempt.user.as_ref();
        if let (Some((session, key)), Some(user)) = (device, user) {
            let session: Option<Session> = items.remove(&session).map(record).transpose()?;
            if session.is_some_and(|session| session.is_of(user) && now < session.expires_at) {
                // For a client that logged in before, only its own failures count.
                let last_read = SeriesCounter::series(items.remove(&key))?;
                attempt.series.push(SeriesCounter { key, last_read, remembers: false });
            }
        }
        if attempt.series.is_empty() {
            // The counters under other identifiers are assumed to be equal. If one is not, the
            // condition of the write fails.
            attempt.series.extend(identifiers(identifier, user).map(|identifier| SeriesCounter {
                key: SeriesCounter::address_key(&self.names, identifier, ip),
                last_read: by_address,
                remembers: ip.is_some(),
            }));
            // An address of an earlier login is held to its own series alone, too.
            if !by_address.is_known(now) {
                let ceilings = identifiers(identifier, user)
                    .map(|identifier| CeilingCounter { key: CeilingCounter::key(&self.names, identifier), last_read });
                attempt.ceilings.extend(ceilings);
                attempt.windows = windows;
            }
        }
        attempt.read_time = began.elapsed();
        Ok(attempt)
    }

    /// An attempt by somebody who is logged in as `user`. Its series is the session's, or the
    /// account's if there is no session, as with Firebase. Reads the account again, with its hash.
    /// One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails, or if the account was deleted or its sessions ended meanwhile.
    pub async fn attempt_of_owner(
        &self,
        user: &User,
        session: Option<SessionId>,
        is_limited: bool,
    ) -> Result<Attempt, Error> {
        let began = Instant::now();
        let (login, profile) = (login_record_key(user), profile_key(&user.id));
        let key = SeriesCounter::owner_key(&self.names, user, session);
        let mut keys = vec![login.as_str(), &profile];
        keys.extend(is_limited.then_some(key.as_str()));
        let mut items = self.batch_get(&keys).await?;
        let found = described(items.remove(&login).map(read_login), items.remove(&profile))?;
        let found = found.filter(|found| found.id == user.id && found.epoch == user.epoch);
        let found = found.ok_or_else(|| Error::unavailable("another request changed the account meanwhile"))?;
        let mut attempt = Attempt::unlimited(Some(found), self.names.of(&user.email_key));
        if is_limited {
            let last_read = SeriesCounter::series(items.remove(&key))?;
            attempt.series.push(SeriesCounter { key, last_read, remembers: false });
        }
        attempt.read_time = began.elapsed();
        Ok(attempt)
    }

    /// Refuses an attempt that must wait. After many failures it counts the attempt as a failure
    /// *before* the password is checked. Only one of many parallel attempts is then checked. One
    /// round trip in that case, otherwise none.
    ///
    /// # Errors
    ///
    /// 429 if the attempt must wait, 503 if DynamoDB fails.
    pub async fn reserve(&self, attempt: &mut Attempt, now: Timestamp) -> Result<(), Error> {
        if let Some(wait) = attempt.wait(now) {
            return Err(Error::TooManyAttempts(wait));
        }
        if attempt.goes_alone(now) { self.count_failure(attempt, now).await } else { Ok(()) }
    }

    /// Counts an attempt as a failure, unless it is counted already. One round trip, and one more
    /// for each attempt that comes first.
    ///
    /// # Errors
    ///
    /// 429 if so many others failed meanwhile that this attempt must not be told its outcome, 503
    /// if DynamoDB fails.
    pub async fn count_failure(&self, attempt: &mut Attempt, now: Timestamp) -> Result<(), Error> {
        if attempt.is_counted || attempt.series.is_empty() {
            return Ok(());
        }
        for _ in 0..RACES_MAX {
            if let Some(wait) = attempt.wait(now) {
                return Err(Error::TooManyAttempts(wait));
            }
            let mut writes = Transaction::default();
            for (index, series) in attempt.series.iter().enumerate() {
                writes.update(Condition::Failures(index), series.count(self, now))?;
            }
            let has_failed = attempt.has_failed(now);
            for (index, ceiling) in attempt.ceilings.iter().enumerate() {
                writes.update(Condition::Ceiling(index), ceiling.count(self, has_failed, now))?;
            }
            for (index, window) in attempt.windows.iter().enumerate() {
                writes.update(Condition::Quota(index), window.count(self))?;
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

    /// Ends the series of an attempt with the right password. Stores the session and the
    /// `rewritten` account in the same transaction, if they are given. One round trip, and one
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
        mut rewritten: Option<&User>,
        now: Timestamp,
    ) -> Result<(), Error> {
        for _ in 0..RACES_MAX {
            if let Some(wait) = attempt.wait_of_success(now) {
                return Err(Error::TooManyAttempts(wait));
            }
            let mut writes = Transaction::default();
            if let Some(session) = session {
                writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
            }
            self.end_series(&mut writes, attempt, session.is_some(), now)?;
            if let (Some(before), Some(after)) = (&attempt.user, rewritten) {
                self.replace(&mut writes, before, after)?;
            }
            if let (Some(_), Some(user)) = (session, rewritten.or(attempt.user.as_ref())) {
                let version = user.version + u64::from(rewritten.is_some());
                self.note_event(&mut writes, EventType::UserSignedIn, user, version)?;
            }
            match self.commit(writes).await? {
                None => return Ok(()),
                // Another login or change came first, and its account stays.
                Some(FailedCondition { condition: Condition::Version, .. }) => rewritten = None,
                Some(failed) => attempt.lost_race(failed)?,
            }
        }
        Err(lost_race_too_often())
    }

    /// Adds the end of a series. An attempt that was counted has its counters to itself, so their
    /// reset needs no condition.
    fn end_series(
        &self,
        writes: &mut Transaction,
        attempt: &Attempt,
        is_login: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        for (index, series) in attempt.series.iter().enumerate() {
            let condition = Condition::Failures(index);
            if is_login {
                writes.update(condition, series.reset(self, attempt.is_counted, now))?;
                continue;
            }
            match series.settle(self, attempt.is_counted) {
                Settling::Update(update) => writes.update(condition, update)?,
                Settling::Delete(delete) => writes.delete(condition, delete)?,
            }
        }
        for (index, ceiling) in attempt.ceilings.iter().enumerate() {
            let reset = ceiling.reset(self, attempt.is_counted, attempt.has_failed(now), now);
            writes.delete(Condition::Ceiling(index), reset)?;
        }
        for window in attempt.windows.iter().filter(|_| attempt.is_counted) {
            writes.update(Condition::Version, window.uncount(self))?;
        }
        Ok(())
    }
}

fn lost_race_too_often() -> Error {
    Error::unavailable("other attempts at the same account came first, many times")
}

#[cfg(test)]
mod tests;
