//! Sign-ups: asked about and counted before a password is hashed.

use super::{
    Idempotency, Store,
    accounts::idempotency_key,
    login_key,
    quotas::{QuotaWindow, used_count},
    record,
    transaction::{Condition, Transaction},
};
use crate::{
    account::{
        email::{Email, Username},
        ip::IpKey,
        rate_limit::{REFUSED_SIGN_UPS, SIGN_UPS, mails::MAIL_PAUSE},
    },
    error::Error,
    store::Fingerprint,
    time::Timestamp,
};

/// A request for a new account.
#[derive(Clone, Copy, Debug)]
pub struct SignUpRequest<'a> {
    /// The e-mail address.
    pub email: &'a Email,
    /// The username, if one is wanted.
    pub username: Option<&'a Username>,
    /// The idempotency key of the request.
    pub fingerprint: Option<&'a Fingerprint>,
    /// The IP address of the caller, if the address has a quota.
    pub ip: Option<&'a IpKey>,
}

/// A sign-up that was allowed, or that repeats an earlier one.
#[derive(Debug)]
pub struct SignUp {
    /// The id of the account that the same request made before.
    pub repeats: Option<String>,
    pub(super) ip: Option<IpKey>,
    pub(super) made: Vec<QuotaWindow>,
    pub(super) refused: Vec<QuotaWindow>,
}

impl SignUp {
    /// Whether this caller signed up before in this hour, with or without success.
    pub fn is_of_busy_caller(&self) -> bool {
        self.made.iter().chain(&self.refused).any(|window| window.used > 0)
    }

    /// Refuses a caller that has used up a quota of new accounts, as far as the counts are read.
    ///
    /// # Errors
    ///
    /// 429 with the time until the next window.
    pub fn require_quota(&self, now: Timestamp) -> Result<(), Error> {
        let wait = self.made.iter().chain(&self.refused).filter_map(|window| window.wait(now)).max();
        wait.map_or(Ok(()), |wait| Err(Error::TooManyAttempts(wait)))
    }

    /// The refusal of a new account by the quota with this index, or by one of its mail.
    pub(super) fn used_up(&self, index: usize, now: Timestamp) -> Error {
        let window = self.made.get(index);
        Error::TooManyAttempts(window.map_or(MAIL_PAUSE, |window| window.time_left(now)))
    }
}

impl Store {
    /// Asks whether an account may be created. A refusal is counted here, so that it costs no hash.
    /// The transaction of [`Store::create_user`] decides for good. One round trip, and one more for
    /// a refusal.
    ///
    /// # Errors
    ///
    /// 409 if the e-mail address or the username is taken, or if the idempotency key came with
    /// another request. 429 if the IP address has used up a quota. 503 if DynamoDB fails.
    pub async fn begin_sign_up(&self, request: &SignUpRequest<'_>, now: Timestamp) -> Result<SignUp, Error> {
        let windows = |quota| request.ip.map(|ip| QuotaWindow::all(&self.names, quota, ip, now)).unwrap_or_default();
        let (mut made, mut refused) = (windows(SIGN_UPS), windows(REFUSED_SIGN_UPS));
        let email = login_key(request.email.key());
        let username = request.username.map(|username| login_key(username.as_str()));
        let earlier: Vec<String> = request.fingerprint.into_iter().flat_map(Fingerprint::keys).collect();
        let keys = made.iter().chain(&refused).map(|window| &window.key);
        let keys: Vec<&str> = keys.chain(&earlier).chain([&email]).chain(&username).map(String::as_str).collect();
        let mut found = self.batch_get(&keys).await?;
        for window in made.iter_mut().chain(&mut refused) {
            window.used = used_count(found.get(&window.key))?;
        }
        let mut sign_up = SignUp { repeats: None, ip: request.ip.cloned(), made, refused };
        sign_up.require_quota(now)?;
        for earlier in earlier.iter().filter_map(|key| found.remove(key)) {
            let earlier: Idempotency = record(earlier)?;
            if now < earlier.expires_at && sign_up.repeats.is_none() {
                sign_up.repeats = match request.fingerprint.filter(|made| made.is_of(&earlier)) {
                    Some(_) => Some(earlier.user_id),
                    None => return Err(self.refuse_sign_up(&sign_up, Error::IdempotencyKeyReused, now).await),
                };
            }
        }
        let is_taken = |key: &String| found.contains_key(key);
        match sign_up.repeats {
            Some(_) => Ok(sign_up),
            None if is_taken(&email) => Err(self.refuse_sign_up(&sign_up, Error::Taken("email"), now).await),
            None if username.as_ref().is_some_and(is_taken) => {
                Err(self.refuse_sign_up(&sign_up, Error::Taken("username"), now).await)
            }
            None => Ok(sign_up),
        }
    }

    /// Counts a refused sign-up. Returns `refusal`, or the error that must be told in its place: a
    /// refusal that is not counted tells nothing.
    pub(super) async fn refuse_sign_up(&self, sign_up: &SignUp, refusal: Error, now: Timestamp) -> Error {
        let mut writes = Transaction::default();
        for (index, window) in sign_up.refused.iter().enumerate() {
            if let Err(error) = writes.update(Condition::Quota(index), window.count(self)) {
                return error;
            }
        }
        match self.commit(writes).await {
            Ok(None) => refusal,
            Ok(Some(_)) => {
                let wait = sign_up.refused.iter().map(|window| window.time_left(now)).max();
                Error::TooManyAttempts(wait.unwrap_or_default())
            }
            Err(error) => error,
        }
    }
}

impl Fingerprint {
    pub(super) fn keys(&self) -> [String; 2] {
        [&self.by_address, &self.by_email].map(|scope| idempotency_key(scope))
    }
}
