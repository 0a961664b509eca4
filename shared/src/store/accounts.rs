//! New accounts in the table. Each is stored in one transaction, which keeps identifiers unique.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{
    FirstMail, SignUp, Store,
    failures::SeriesCounter,
    item, profile_key, record, text, time_value,
    transaction::{Condition, FailedCondition, Transaction},
    user_records::{NEW, record_keys, user_record},
};
use crate::{
    account::{email::Email, event::EventType, ip::IpKey, rate_limit::mails::MAIL_PAUSE, session::Session, user::User},
    error::Error,
    time::Timestamp,
};

/// An idempotency key and the request that came with it. The password is left out: it is compared
/// with the hash of the account that the key made.
///
/// The key is remembered twice. Under the caller's IP address, another request with the same key is
/// refused. Under the e-mail address, a client repeats its request from another address. A key of
/// somebody else is neither, so that it collides with nothing and reveals nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub(super) by_address: String,
    pub(super) by_email: String,
    request: String,
    expires_at: Timestamp,
}

impl Fingerprint {
    /// The fingerprint of `key` from this IP address for this e-mail address, with these other
    /// fields, kept until `expires_at`.
    pub fn new(key: &str, ip: Option<&IpKey>, email: &Email, fields: &[&str], expires_at: Timestamp) -> Self {
        Self {
            by_address: hash(&["address", ip.map_or("", IpKey::as_str), key]),
            by_email: hash(&["email", email.key(), key]),
            request: hash(&[&[email.key()], fields].concat()),
            expires_at,
        }
    }

    /// Whether this request made the record.
    pub(super) fn is_of(&self, earlier: &Idempotency) -> bool {
        self.request == earlier.request
    }
}

/// SHA-256 of texts. Each text comes after its length, so that no two lists have the same hash.
pub(super) fn hash(texts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in texts {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Idempotency {
    request: String,
    pub user_id: String,
    pub expires_at: Timestamp,
    ttl: i64,
}

/// The outcome of creating an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// The account and the session are stored.
    Created,
    /// The idempotency key made this account before, with the same fields. Nothing was stored.
    Repeated {
        /// The id of the account.
        user_id: String,
    },
}

impl Store {
    /// Stores a new account, with its first session and its first mail if it has them, all or
    /// nothing. Counts the account in the quotas of `sign_up`, and the mail in those of mails. One
    /// round trip, and one more if that is refused.
    ///
    /// # Errors
    ///
    /// 409 if an identifier is taken, or if the idempotency key came with another request. 429 if
    /// the IP address has used up a quota. 503 if DynamoDB fails.
    pub async fn create_user(
        &self,
        user: &User,
        session: Option<&Session>,
        fingerprint: Option<&Fingerprint>,
        sign_up: Option<&SignUp>,
        mail: Option<&FirstMail>,
        now: Timestamp,
    ) -> Result<Creation, Error> {
        let mut writes = Transaction::default();
        // The key comes first, because a repeated request fails on the identifiers too.
        if let Some(fingerprint) = fingerprint {
            self.remember(&mut writes, fingerprint, user, now)?;
        }
        self.put_new(&mut writes, user)?;
        if let Some(session) = session {
            writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        }
        self.count_new(&mut writes, sign_up, mail, now)?;
        if let Some(ip) = sign_up.and_then(|sign_up| sign_up.ip.as_ref()).filter(|_| session.is_some()) {
            for identifier in user.identifiers() {
                writes.update(Condition::Version, SeriesCounter::introduction(self, identifier, ip, now))?;
            }
        }
        let refusal = match self.commit(writes).await? {
            None => return Ok(Creation::Created),
            Some(FailedCondition { condition: Condition::Idempotency, found: Some(earlier) }) => {
                let earlier: Idempotency = record(earlier)?;
                if fingerprint.is_some_and(|fingerprint| fingerprint.is_of(&earlier)) {
                    return Ok(Creation::Repeated { user_id: earlier.user_id });
                }
                Error::IdempotencyKeyReused
            }
            // The record is this very account: the write was sent twice, and its first answer was
            // lost.
            Some(FailedCondition { found: Some(found), .. }) if found.get("id") == Some(&text(&user.id)) => {
                return Ok(Creation::Created);
            }
            Some(FailedCondition { condition: Condition::Quota(index), .. }) => {
                let waiting = Error::TooManyAttempts(MAIL_PAUSE);
                return Err(sign_up.map_or(waiting, |sign_up| sign_up.used_up(index, now)));
            }
            // Another request has mailed the address since the limits were read.
            Some(FailedCondition { condition: Condition::Pause, .. }) => {
                return Err(Error::TooManyAttempts(MAIL_PAUSE));
            }
            Some(FailedCondition { condition, .. }) => refusal(condition),
        };
        match sign_up {
            Some(sign_up) => Err(self.refuse_sign_up(sign_up, refusal, now).await),
            None => Err(refusal),
        }
    }

    /// Adds the records of a new account.
    pub(super) fn put_new(&self, writes: &mut Transaction, user: &User) -> Result<(), Error> {
        for (condition, key) in record_keys(user) {
            writes.put(condition, self.put(user_record(key, user)?).condition_expression(NEW))?;
        }
        self.note_event(writes, EventType::UserCreated, user, user.version)?;
        self.put_profile(writes, user)
    }

    /// Counts a new account in the quotas of its caller, and adds its first mail.
    pub(super) fn count_new(
        &self,
        writes: &mut Transaction,
        sign_up: Option<&SignUp>,
        mail: Option<&FirstMail>,
        now: Timestamp,
    ) -> Result<(), Error> {
        for (index, window) in sign_up.iter().flat_map(|sign_up| &sign_up.made).enumerate() {
            writes.update(Condition::Quota(index), window.count(self))?;
        }
        match mail {
            Some(mail) => mail.put(self, writes, sign_up.map_or(0, |sign_up| sign_up.made.len()), now),
            None => Ok(()),
        }
    }

    /// Adds the records of an idempotency key.
    fn remember(
        &self,
        writes: &mut Transaction,
        fingerprint: &Fingerprint,
        user: &User,
        now: Timestamp,
    ) -> Result<(), Error> {
        for key in fingerprint.keys() {
            let idempotency = Idempotency {
                request: fingerprint.request.clone(),
                user_id: user.id.clone(),
                expires_at: fingerprint.expires_at,
                ttl: fingerprint.expires_at.seconds(),
            };
            let put = self
                .put(item(key, idempotency)?)
                // TTL deletes late, so the condition checks the time.
                .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
                .expression_attribute_values(":now", time_value(now));
            writes.put(Condition::Idempotency, put)?;
        }
        Ok(())
    }

    /// Stores an imported account, without a session. One round trip.
    ///
    /// # Errors
    ///
    /// 409 if the id or an identifier is taken, 503 if DynamoDB fails.
    pub async fn import_user(&self, user: &User) -> Result<(), Error> {
        let mut writes = Transaction::default();
        for (condition, key) in record_keys(user) {
            writes.put(condition, self.put(user_record(key, user)?).condition_expression(NEW))?;
        }
        self.note_event(&mut writes, EventType::UserCreated, user, user.version)?;
        // A deletion may have left the profile of an earlier account with this id.
        if user.has_profile {
            self.put_profile(&mut writes, user)?;
        } else {
            writes.delete(Condition::Profile, self.delete(&profile_key(&user.id)))?;
        }
        match self.commit(writes).await? {
            None => Ok(()),
            Some(FailedCondition { condition: Condition::Version, .. }) => Err(Error::Taken("id")),
            Some(FailedCondition { condition, .. }) => Err(refusal(condition)),
        }
    }
}

pub(super) fn idempotency_key(scope: &str) -> String {
    format!("IDEMPOTENCY#{scope}")
}

pub(super) fn refusal(condition: Condition) -> Error {
    match condition {
        Condition::Email => Error::Taken("email"),
        Condition::Username => Error::Taken("username"),
        Condition::Identity => Error::IdentityTaken,
        Condition::Idempotency => Error::IdempotencyKeyReused,
        Condition::Version
        | Condition::Exchange
        | Condition::Profile
        | Condition::Failures(_)
        | Condition::Ceiling(_)
        | Condition::Import(_)
        | Condition::Proof
        | Condition::Pause
        | Condition::Quota(_) => Error::unavailable("another request changed the account meanwhile"),
    }
}
