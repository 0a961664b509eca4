//! Tokens of providers that are exchanged for sessions: each once, together with whatever the
//! exchange changes.

use serde::{Deserialize, Serialize};

use super::{
    FirstMail, SignUp, Store, TTL,
    changes::written,
    described, identity_key, item, login_key,
    mails::mail_item,
    number, profile_key,
    quotas::{QuotaWindow, used_count},
    record,
    transaction::{Condition, FailedCondition, Transaction},
    user_key,
    user_records::{NEW, read_login, read_user},
};
use crate::{
    account::{
        email::Email,
        event::EventType,
        identity::Identity,
        ip::IpKey,
        rate_limit::{REFUSED_SIGN_UPS, SIGN_UPS},
        session::{Session, SessionId},
        user::User,
    },
    error::Error,
    mail::outgoing::OutgoingMail,
    time::Timestamp,
};

/// The seconds that a record outlives its token. DynamoDB may delete records at any time from then
/// on, and a token is accepted for a few minutes more.
const KEPT_SECONDS: i64 = 3_600;

/// The things that an exchange reads.
#[derive(Clone, Copy, Debug)]
pub struct IdentityLookup<'a> {
    /// The identity of the token.
    pub identity: &'a Identity,
    /// The id that an account has if the token is of the deployment's own Firebase project.
    pub uid: Option<&'a str>,
    /// The address in the token.
    pub email: Option<&'a Email>,
    /// The IP address that new accounts count for.
    pub ip: Option<&'a IpKey>,
}

/// The accounts that an exchange may be about.
#[derive(Debug)]
pub struct FoundIdentity {
    /// The account with the identity. Its profile is not read yet.
    pub owner: Option<User>,
    /// The account with the uid, without its password hash.
    pub by_uid: Option<User>,
    /// The account with the address. Its profile is not read yet.
    pub by_address: Option<User>,
    /// The quotas of new accounts.
    pub sign_up: SignUp,
}

/// A token that is exchanged.
#[derive(Clone, Copy, Debug)]
pub struct Exchanged<'a> {
    /// The hash of the token.
    pub hash: &'a str,
    /// Its end.
    pub expires_at: Timestamp,
}

/// The effect of an exchange, beside the session.
pub enum ExchangeEffect<'a> {
    /// The account stays as it is.
    None,
    /// The account changes, and mails tell of it.
    Change {
        /// The account, as it was read.
        before: &'a User,
        /// The account after the change.
        after: &'a User,
        /// The mails.
        mails: &'a [OutgoingMail],
    },
    /// The account is new.
    New {
        /// The account.
        user: &'a User,
        /// Its quotas.
        sign_up: &'a SignUp,
        /// The mail that verifies its address.
        mail: Option<&'a FirstMail>,
    },
}

/// The outcome of an exchange.
#[derive(Debug)]
pub enum Exchange {
    /// Everything is written. The account after a change.
    Done(Option<Box<User>>),
    /// The token was exchanged before, and nothing is written.
    Used(Replay),
    /// Another request changed an account first, and nothing is written.
    Overtaken,
}

/// The first exchange of a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replay {
    /// The account.
    pub user_id: String,
    /// The session. `None` if the account waits for the verification of its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The time.
    pub used_at: Timestamp,
}

impl Store {
    /// Reads the accounts that an exchange may be about, and the quotas of new accounts. One round
    /// trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn find_identity(&self, lookup: &IdentityLookup<'_>, now: Timestamp) -> Result<FoundIdentity, Error> {
        let windows = |quota| lookup.ip.map(|ip| QuotaWindow::all(&self.names, quota, ip, now)).unwrap_or_default();
        let (mut made, mut refused) = (windows(SIGN_UPS), windows(REFUSED_SIGN_UPS));
        let identity = identity_key(lookup.identity);
        let by_uid = lookup.uid.map(|uid| (user_key(uid), profile_key(uid)));
        let address = lookup.email.map(|email| login_key(email.key()));
        let keys = made.iter().chain(&refused).map(|window| window.key.as_str()).chain([identity.as_str()]);
        let keys = keys.chain(by_uid.iter().flat_map(|(user, profile)| [user.as_str(), profile]));
        let keys: Vec<&str> = keys.chain(address.as_deref()).collect();
        let mut items = self.batch_get(&keys).await?;
        for window in made.iter_mut().chain(&mut refused) {
            window.used = used_count(items.get(&window.key))?;
        }
        let by_uid = match by_uid {
            Some((user, profile)) => described(items.remove(&user).map(read_user), items.remove(&profile))?,
            None => None,
        };
        Ok(FoundIdentity {
            owner: items.remove(&identity).map(read_login).transpose()?,
            by_uid,
            by_address: address.and_then(|key| items.remove(&key)).map(read_login).transpose()?,
            sign_up: SignUp { repeats: None, ip: lookup.ip.cloned(), made, refused },
        })
    }

    /// Stores the session of a token that is exchanged for `user`, and the effect on the account,
    /// all or nothing. A token is exchanged once. One round trip.
    ///
    /// # Errors
    ///
    /// 429 if the caller has used up the quota of new accounts. 503 if DynamoDB fails.
    pub async fn exchange(
        &self,
        token: &Exchanged<'_>,
        user: &User,
        session: Option<&Session>,
        effect: &ExchangeEffect<'_>,
        now: Timestamp,
    ) -> Result<Exchange, Error> {
        let mut writes = Transaction::default();
        // The first write tells, if the answer is lost, whether the transaction was written.
        if let Some(session) = session {
            writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        }
        let replay = Replay { user_id: user.id.clone(), session: session.map(|session| session.id), used_at: now };
        let mut used = item(exchanged_key(token), replay)?;
        used.insert(TTL.to_owned(), number(token.expires_at.seconds().saturating_add(KEPT_SECONDS)));
        writes.put(Condition::Exchange, self.put(used).condition_expression(NEW))?;
        let signed_in = match effect {
            ExchangeEffect::None => Some((user, user.version)),
            ExchangeEffect::Change { before, after, .. } => Some((*after, before.version.saturating_add(1))),
            ExchangeEffect::New { .. } => None,
        };
        if let Some((user, version)) = signed_in.filter(|_| session.is_some()) {
            self.note_event(&mut writes, EventType::UserSignedIn, user, version)?;
        }
        match effect {
            ExchangeEffect::None => {}
            ExchangeEffect::Change { before, after, mails } => {
                for mail in *mails {
                    writes.put(Condition::Version, self.put(mail_item(mail)?))?;
                }
                self.replace(&mut writes, before, after)?;
            }
            ExchangeEffect::New { user, sign_up, mail } => {
                self.put_new(&mut writes, user)?;
                self.count_new(&mut writes, Some(sign_up), *mail, now)?;
            }
        }
        let failed = self.commit_telling_all(writes).await?;
        let quota = failed.iter().find_map(|failed| match failed.condition {
            Condition::Quota(index) => Some(index),
            _ => None,
        });
        let used = failed.iter().find(|failed| failed.condition == Condition::Exchange);
        match (used, quota, effect) {
            (Some(FailedCondition { found: Some(found), .. }), ..) => Ok(Exchange::Used(record(found.clone())?)),
            (None, None, ExchangeEffect::Change { before, after, .. }) if failed.is_empty() => {
                Ok(Exchange::Done(Some(Box::new(written(before, (*after).clone())))))
            }
            (None, None, _) if failed.is_empty() => Ok(Exchange::Done(None)),
            (None, Some(index), ExchangeEffect::New { sign_up, .. }) => Err(sign_up.used_up(index, now)),
            _ => Ok(Exchange::Overtaken),
        }
    }

    /// Counts a refusal that tells that somebody has the address. Returns `refusal`, or the error
    /// that must be told in its place. One round trip.
    pub async fn refuse_exchange(&self, sign_up: &SignUp, refusal: Error, now: Timestamp) -> Error {
        self.refuse_sign_up(sign_up, refusal, now).await
    }
}

fn exchanged_key(token: &Exchanged<'_>) -> String {
    format!("EXCHANGED#{}", token.hash)
}
