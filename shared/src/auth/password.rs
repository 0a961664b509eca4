//! A password: one attempt at it, from reading the failure counters to recording the outcome.

use tokio::time::Instant;

use crate::{
    App,
    account::{
        email::{Email, Identifier},
        ip::IpKey,
        lock::AccountLock,
        session::{Session, SessionId},
        user::User,
    },
    auth::{legacy, session_object::refresh_token},
    error::Error,
    password::{Checked, Hasher, Password, Priority, StoredHash, Verdict},
    store::{self, Client},
    telemetry::{audit, log},
    time::{Timestamp, pad},
    token::pasted::Pasted,
};

/// The purpose of an attempt: the words of its audit events.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    failed: &'static str,
    limited: &'static str,
    /// Whether an outdated hash is replaced after the right password.
    rehashes: bool,
    /// Whether the system that people come from is asked about an address without an account.
    migrates: bool,
    /// The answer to a wrong password. A 401 would ask somebody who is logged in to log in again.
    wrong: fn() -> Error,
}

/// A login.
pub const LOGIN: Purpose = Purpose {
    failed: "login_failed",
    limited: "login_limited",
    rehashes: true,
    migrates: true,
    wrong: || Error::Credentials,
};
/// A logged-in person gives the password again.
pub const CONFIRMATION: Purpose = Purpose {
    failed: "confirmation_failed",
    limited: "confirmation_limited",
    rehashes: false,
    migrates: false,
    wrong: || Error::PasswordIncorrect,
};

/// Somebody who has the link of a mail gives the password of the account too.
pub const LINK: Purpose = Purpose {
    failed: "confirmation_failed",
    limited: "confirmation_limited",
    rehashes: false,
    migrates: false,
    wrong: || Error::Credentials,
};

/// The client that failures are counted against. `None` if rate limits are off.
///
/// `earlier` is the refresh token of an earlier session of this client. A token that cannot be
/// judged now counts as none, so that a login does not depend on it.
pub async fn client<'a>(app: &App, ip: Option<&'a IpKey>, earlier: Option<&str>) -> Option<Client<'a>> {
    if !app.config().accounts.rate_limits {
        return None;
    }
    let device = match earlier.map(Pasted::refresh_token) {
        Some(Ok(pasted)) => {
            refresh_token(app, pasted.text(), app.now()).await.ok().flatten().map(|token| token.session)
        }
        Some(Err(_)) | None => None,
    };
    Some(Client { device, ip })
}

/// The hasher for a caller at this address, and the caller's turn for as long as the hash takes.
///
/// One hash of an address at a time has the usual priority, unless the caller failed lately. All
/// others wait behind. An attack from some addresses, at any speed, therefore has no more turns
/// before an owner than it has addresses.
pub fn hasher_for(app: &App, ip: Option<&IpKey>, has_failed: bool) -> (Hasher, Option<AccountLock>) {
    let turn = ip.filter(|_| !has_failed).and_then(|ip| app.locks().try_lock(format!("hash {}", ip.as_str())));
    let is_usual = turn.is_some() || (ip.is_none() && !has_failed);
    let priority = if is_usual { Priority::Usual } else { Priority::Low };
    (app.hasher().with_priority(priority), turn)
}

/// One attempt at an account's password, whether or not the account exists.
///
/// No answer tells a right password from a wrong one before [`Attempt::check`] or
/// [`Attempt::finish`] has written a count that allows the answer. A handler therefore tells and
/// signs nothing between the two.
pub struct Attempt<'a> {
    app: &'a App,
    purpose: Purpose,
    stored: store::Attempt,
    lock: Option<AccountLock>,
    ip: Option<IpKey>,
    /// The address that the system that people come from is asked about.
    email: Option<Email>,
    began: Instant,
    /// The account with a hash of today's parameters, if its hash or its records are outdated.
    rewritten: Option<User>,
}

impl<'a> Attempt<'a> {
    /// Locks the account for this client within the process, then reads the account and its failure
    /// counters. One round trip.
    ///
    /// Without the lock, parallel guesses would each compute a hash before the first failure is
    /// counted.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn begin(
        app: &'a App,
        identifier: &Identifier,
        client: Option<Client<'_>>,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let began = Instant::now();
        let lock = match &client {
            Some(client) => Some(app.locks().lock(lock_key(identifier, client)).await),
            None => None,
        };
        let stored = app.store().attempt(identifier, client, app.now()).await?;
        let email = match identifier {
            Identifier::Email(email) => Some(email.clone()),
            Identifier::Username(_) => None,
        };
        let ip = client.and_then(|client| client.ip.cloned());
        Ok(Self { app, purpose, stored, lock, ip, email, began, rewritten: None })
    }

    /// An attempt by a person who is logged in as `user`. Failures are counted by the session; a
    /// Firebase sign-in has none, so that they are counted by the account. One round trip, since
    /// the record behind a token has no hash.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails, or if the account was deleted or its sessions ended meanwhile.
    pub async fn by_owner(app: &'a App, user: &User, session: Option<SessionId>) -> Result<Self, Error> {
        let stored = app.store().attempt_of_owner(user, session, app.config().accounts.rate_limits).await?;
        let began = Instant::now();
        Ok(Self { app, purpose: CONFIRMATION, stored, lock: None, ip: None, email: None, began, rewritten: None })
    }

    /// The account, if it exists.
    pub fn account(&self) -> Option<&User> {
        self.stored.user.as_ref()
    }

    /// The pseudonym of the account, for the log.
    pub fn identity(&self) -> &str {
        &self.stored.identity
    }

    /// Checks the password. A missing account, or one without a password, takes the same work and
    /// is counted alike. A failure is counted, audited and padded to the usual time before it is
    /// returned.
    ///
    /// # Errors
    ///
    /// 401 if the password is wrong. 429 if the client has to wait; then nothing was hashed, unless
    /// other attempts ran at the same time. 429 also if the password is wrong and the IP address
    /// has used up its failures. 503 if the attempt cannot be counted.
    pub async fn check(&mut self, password: Password) -> Result<User, Error> {
        let reserved = self.app.store().reserve(&mut self.stored, self.app.now()).await;
        self.audit_if_limited(reserved)?;
        let has_failed = self.stored.is_of_failed_caller(self.app.now());
        let (hasher, turn) = hasher_for(self.app, self.ip.as_ref(), has_failed);
        let checked = hasher.check(password.clone(), self.stored.hash()).await?;
        drop(turn);
        let Some(user) = self.stored.user.clone().filter(|_| checked.verdict.is_right()) else {
            return match self.moved(&password).await? {
                Some(user) => Ok(self.stored.user.insert(user).clone()),
                None => Err(self.fail(&checked).await),
            };
        };
        if self.purpose.rehashes && checked.verdict == Verdict::Outdated {
            // A right password stays right if its new hash cannot be made now.
            let hash = self.rehash(password).await.inspect_err(log::fault).ok();
            self.rewritten = hash.map(|hash| User { password_hash: Some(hash), ..user.clone() });
        } else if self.purpose.rehashes && user.origin.is_outdated {
            self.rewritten = Some(user.clone());
        }
        Ok(user)
    }

    /// The account that comes from another system with this password, if that system is asked.
    async fn moved(&self, password: &Password) -> Result<Option<User>, Error> {
        match &self.email {
            Some(email) if self.purpose.migrates && self.stored.user.is_none() && legacy::is_on(self.app) => {
                legacy::moved(self.app, email, password).await
            }
            _ => Ok(None),
        }
    }

    async fn rehash(&self, password: Password) -> Result<StoredHash, Error> {
        self.app.hasher().hash(password, self.app.random()?).await
    }

    /// Counts, audits and pads a wrong password.
    async fn fail(&mut self, checked: &Checked) -> Error {
        // Counts before the padding. A late answer shows that the password is wrong, and without
        // this order the caller could hang up before the failure is counted.
        let began = Instant::now();
        let counted = self.app.store().count_failure(&mut self.stored, self.app.now()).await;
        if let Err(error) = self.audit_if_limited(counted) {
            return error;
        }
        self.audit(self.purpose.failed);
        // Released before the padding: the next attempt need not wait for it.
        drop(self.lock.take());
        self.app.hasher().pad_to_floor(checked, self.stored.read_time + began.elapsed()).await;
        if self.purpose.migrates && legacy::is_on(self.app) {
            pad(self.began.elapsed(), legacy::FAILURE_TIME).await;
        }
        self.stored.quota_wait(self.app.now()).map_or_else(self.purpose.wrong, Error::TooManyAttempts)
    }

    /// Records the success, the new `session` and, if its hash or its records were outdated, the
    /// rewritten account in one transaction. Returns the account with its profile, which is read
    /// beside that write. One round trip, and one more for each change that was faster.
    ///
    /// # Errors
    ///
    /// 429 if many attempts failed at the same time, so that this attempt is refused. 503 if
    /// DynamoDB fails.
    pub async fn finish(&mut self, user: &User, session: Option<&Session>, now: Timestamp) -> Result<User, Error> {
        let store = self.app.store();
        let record = store.record_success(&mut self.stored, session, self.rewritten.as_ref(), now);
        let (recorded, named) = tokio::join!(record, store.with_profile(user.clone()));
        self.audit_if_limited(recorded)?;
        named
    }

    /// Records an audit event of this attempt.
    pub fn audit(&self, event: &'static str) {
        let user = self.stored.user.as_ref().map(|user| self.app.pseudonym(&user.id)).unwrap_or_default();
        audit::record(event, &self.stored.identity, &user);
    }

    fn audit_if_limited(&self, outcome: Result<(), Error>) -> Result<(), Error> {
        if matches!(outcome, Err(Error::TooManyAttempts(_))) {
            self.audit(self.purpose.limited);
        }
        outcome
    }
}

/// Asks a person who is logged in as `user` for the password again, before a change that cannot be
/// undone. The token may have been stolen. The series of failures ends with the verdict, so that a
/// right password never counts as a failure, whatever becomes of the change. Returns the account as
/// the password was checked with it, and the account's pseudonym for the log.
///
/// # Errors
///
/// 403 for a wrong password, 429 after many, 503 if DynamoDB fails.
pub async fn confirm(
    app: &App,
    user: &User,
    session: Option<SessionId>,
    password: Password,
) -> Result<(User, String), Error> {
    let mut attempt = Attempt::by_owner(app, user, session).await?;
    let user = attempt.check(password).await?;
    let user = attempt.finish(&user, None, app.now()).await?;
    Ok((user, attempt.identity().to_owned()))
}

/// The key of the lock: one for each series, so that nobody waits for the attempts of others.
fn lock_key(identifier: &Identifier, client: &Client<'_>) -> String {
    let device = client.device.map(|id| id.to_string()).unwrap_or_default();
    let ip = client.ip.map_or("", IpKey::as_str);
    format!("login {device} {ip} {}", identifier.key())
}
