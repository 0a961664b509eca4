//! The table: its keys, its reads, and the meaning of its errors.
//!
//! | `pk` | record | deleted by |
//! |---|---|---|
//! | `LOGIN#<identifier>` | the account with its password hash, once for each identifier | |
//! | `IDENTITY#<provider>#<hash>` | the same, once for each linked account of a provider | |
//! | `USER#<id>` | the account without its hash | |
//! | `PROFILE#<id>` | name and metadata, from the first change of either on | |
//! | `SESSION#<id>` | a session | TTL |
//! | `IDEMPOTENCY#<hash>` | the account that an idempotency key made | TTL |
//! | `PROOF#<id>` | a proof, which stands behind a mailed code and a link | TTL |
//! | `EXCHANGED#<hash>` | a token of a provider that was exchanged | TTL |
//! | `LIMIT#<kind>#<hash>` | a series, a ceiling, or the count of a quota | TTL |
//! | `MAIL#<id>`, `NULL#<id>` | a mail that waits for its sending, or was sent; a decoy | TTL |
//! | `SYNC#<id>` | an ending that Firebase is not told of yet | once it is told |
//! | `HOOK#<id>` | an event that the webhook is not told of yet | once it is told, or TTL |
//! | `SUPPRESSED#<hash>` | an address that gets no mails | TTL |
//! | `CONFIG#accounts_listed` | the index of accounts has every account | |
//! | `ENDPOINT#<hash>` | an endpoint of the webhook that wants no more calls | |
//!
//! A login finds the whole account under the identifier, in one read. A change of whatever admits
//! writes all records of an account in one transaction. Its condition is that the version is the
//! one that was read. A change of the profile writes the profile alone.

mod account_list;
mod accounts;
mod attempts;
mod changes;
#[cfg(feature = "embedded")]
pub mod embedded;
mod endings;
mod events;
mod exchanges;
mod failures;
mod imports;
mod listing;
mod mail_limits;
mod mails;
mod profiles;
mod proofs;
mod quotas;
mod refreshes;
mod schema;
mod sessions;
mod sign_ups;
mod transaction;
mod upgrade;
mod user_records;

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    error::SdkError,
    types::{AttributeValue, KeysAndAttributes},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time;

pub use account_list::{AccountPage, ListOf};
use accounts::Idempotency;
pub use accounts::{Creation, Fingerprint};
pub use attempts::{Attempt, Client};
pub use endings::{ENDING_PREFIX, Ending};
use events::Events;
pub use events::{ClaimedEvent, EVENT_PREFIX, EventClaim};
pub use exchanges::{Exchange, ExchangeEffect, Exchanged, FoundIdentity, IdentityLookup, Replay};
pub use imports::{IMPORT_BATCH_MAX, Imported};
pub use listing::{Search, UserCounts, UserPage};
pub use profiles::ProfileChange;
pub use proofs::{Beginning, Completed, Completion, FirstMail};
pub use sessions::Rotation;
pub use sign_ups::{SignUp, SignUpRequest};
pub use upgrade::Upgraded;

use profiles::{described, profile_key};
use user_records::{login_record_key, read_login, read_user};

use crate::{
    account::{
        email::Identifier,
        identity::Identity,
        session::{Session, SessionId},
        user::User,
    },
    error::{Error, chain},
    keys::Pseudonyms,
    time::Timestamp,
};

/// The index that lists the sessions of a user. The index is sparse: an ended session is not in it.
pub const SESSIONS_INDEX: &str = "sessions_by_user";
/// The attribute that the index is made of.
pub const SESSION_OF: &str = "session_of";
/// The index that lists accounts by age, and finds them by the beginning of an identifier.
pub const ACCOUNTS_INDEX: &str = "accounts";
/// The attribute that says which list of that index a record is in.
pub const LIST_OF: &str = "list_of";
/// The attribute that orders a list of that index.
pub const LIST_KEY: &str = "list_key";
/// The attribute that says when DynamoDB deletes a record, in seconds since the epoch. DynamoDB
/// deletes late, so the code checks the time too.
pub const TTL: &str = "ttl";

/// The most tries of an operation that DynamoDB did only in part, or that another change overtook.
const TRIES_MAX: u32 = 4;
/// The pause after the first try. Each later pause is longer by the same time.
const PAUSE: Duration = Duration::from_millis(25);

/// The id of no account. A real one is a UUID, or was given by another system.
const NOBODY: &str = "nobody";

/// A random pause of 50 to 149 % of `pause`, so that transactions that met do not meet again.
fn jittered(pause: Duration) -> Duration {
    // Jitter only spreads retries: nothing is lost if somebody guesses it.
    pause / 2 + pause * fastrand::u32(0..100) / 100
}

type Item = HashMap<String, AttributeValue>;

/// The table, through the AWS SDK. On a laptop and in tests, the same code calls an embedded
/// DynamoDB.
#[derive(Clone, Debug)]
pub struct Store {
    client: aws_sdk_dynamodb::Client,
    table: String,
    /// Names people in the log, and subjects in the keys of limits' records.
    names: Pseudonyms,
    /// Whether endings are noted for Firebase.
    notes_endings: bool,
    /// The events that are noted for the webhook. `None` without one.
    events: Option<Events>,
    /// Whether scans are in the order of the keys, as they are in the embedded DynamoDB. A list of
    /// accounts then begins at the first account.
    scans_by_key: bool,
}

impl Store {
    /// A store over the table of this name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            names: Pseudonyms::default(),
            notes_endings: false,
            events: None,
            scans_by_key: false,
        }
    }

    /// The same store, which takes its pseudonyms from `names`.
    #[must_use]
    pub fn naming_by(self, names: Pseudonyms) -> Self {
        Self { names, ..self }
    }

    /// The same store, which notes the end of sessions and of accounts for Firebase, if
    /// `is_wanted`.
    #[must_use]
    pub fn noting_endings(self, is_wanted: bool) -> Self {
        Self { notes_endings: self.notes_endings || is_wanted, ..self }
    }

    /// Reads the account that has this identifier, with its password hash. One round trip, and
    /// another one if the account has a profile.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn user_by(&self, identifier: &Identifier) -> Result<Option<User>, Error> {
        let key = login_key(identifier.key());
        let mut items = self.batch_get(&[&key]).await?;
        match items.remove(&key).map(read_login).transpose()? {
            Some(user) => self.with_profile(user).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads the account with this id, without its password hash. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn user(&self, id: &str) -> Result<Option<User>, Error> {
        let (key, profile) = (user_key(id), profile_key(id));
        let mut items = self.batch_get(&[&key, &profile]).await?;
        described(items.remove(&key).map(read_user), items.remove(&profile))
    }

    /// Reads an account again, with its password hash. `None` if the account was deleted, or if its
    /// e-mail address is another by now. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn credentials(&self, user: &User) -> Result<Option<User>, Error> {
        self.login_record(login_record_key(user), &user.id).await
    }

    /// Reads the account with this id, with its password hash, if it still has the address with
    /// this key. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn owner(&self, email_key: &str, id: &str) -> Result<Option<User>, Error> {
        self.login_record(login_key(email_key), id).await
    }

    /// Reads the account with this id from a record with its hash.
    async fn login_record(&self, key: String, id: &str) -> Result<Option<User>, Error> {
        let profile = profile_key(id);
        let mut items = self.batch_get(&[&key, &profile]).await?;
        let found = described(items.remove(&key).map(read_login), items.remove(&profile))?;
        Ok(found.filter(|found| found.id == id))
    }

    /// Reads the account, without its password hash, and the session with these ids. One round
    /// trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn user_and_session(
        &self,
        user: &str,
        session: SessionId,
    ) -> Result<(Option<User>, Option<Session>), Error> {
        let (user, profile, session) = (user_key(user), profile_key(user), session_key(session));
        let mut items = self.batch_get(&[&user, &profile, &session]).await?;
        let user = described(items.remove(&user).map(read_user), items.remove(&profile))?;
        Ok((user, items.remove(&session).map(record).transpose()?))
    }

    /// Connects to DynamoDB, so that the first request does not wait for it. One round trip, which
    /// reads a record that nobody has.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn connect(&self) -> Result<(), Error> {
        self.batch_get(&[&user_key(NOBODY)]).await.map(drop)
    }

    /// The entries of a list of the index, in their order. A list is short: an entry leaves it once
    /// its work is done. The index of an embedded table never lags.
    async fn listed(&self, list: &str) -> Result<Vec<String>, Error> {
        let query = self.client.query().table_name(&self.table).index_name(ACCOUNTS_INDEX);
        let query = query.key_condition_expression("list_of = :of").expression_attribute_values(":of", text(list));
        let (mut entries, mut from) = (Vec::new(), None);
        loop {
            let page = query.clone().set_exclusive_start_key(from.take()).send().await.map_err(unavailable)?;
            entries.extend(page.items().iter().filter_map(|item| item.get(LIST_KEY)?.as_s().ok().cloned()));
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(entries);
            }
        }
    }

    /// Reads the records under these keys with strong consistency, and returns them by key. Under
    /// load, DynamoDB may answer only a part of them. The rest is then read again.
    async fn batch_get(&self, keys: &[&str]) -> Result<HashMap<String, Item>, Error> {
        let wanted = keys.iter().map(|key| HashMap::from([("pk".to_owned(), text(*key))])).collect();
        let mut wanted = KeysAndAttributes::builder()
            .set_keys(Some(wanted))
            .consistent_read(true)
            .build()
            .map_err(Error::internal)?;
        let mut found = HashMap::new();
        for attempt in 1..=TRIES_MAX {
            let answer =
                self.client.batch_get_item().request_items(&self.table, wanted).send().await.map_err(unavailable)?;
            let answered = answer.responses.and_then(|mut responses| responses.remove(&self.table));
            let rest = answer.unprocessed_keys.and_then(|mut unprocessed| unprocessed.remove(&self.table));
            // Without either list, a record that is missing cannot be told from one that was not
            // read.
            if answered.is_none() && rest.is_none() {
                return Err(Error::unavailable("DynamoDB answered a read with neither records nor unprocessed keys"));
            }
            for item in answered.unwrap_or_default() {
                if let Some(Ok(key)) = item.get("pk").map(|pk| pk.as_s().cloned()) {
                    found.insert(key, item);
                }
            }
            let Some(rest) = rest else { return Ok(found) };
            wanted = rest;
            time::sleep(PAUSE * attempt).await;
        }
        Err(Error::unavailable("DynamoDB answered only a part of a read, several times"))
    }
}

fn user_key(id: &str) -> String {
    format!("USER#{id}")
}

fn login_key(identifier: &str) -> String {
    format!("LOGIN#{identifier}")
}

/// The beginning of the keys of identities.
const IDENTITY_PREFIX: &str = "IDENTITY#";

fn identity_key(identity: &Identity) -> String {
    format!("{IDENTITY_PREFIX}{}#{}", identity.provider, identity.hash)
}

fn session_key(id: SessionId) -> String {
    format!("SESSION#{id}")
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn time_value(time: Timestamp) -> AttributeValue {
    number(time.milliseconds())
}

fn item(key: String, record: impl Serialize) -> Result<Item, Error> {
    let mut item: Item = serde_dynamo::to_item(record).map_err(Error::internal)?;
    item.insert("pk".to_owned(), text(key));
    Ok(item)
}

/// Reads a record. A malformed record is a 500: a fault of this service, not of its caller. The log
/// has the reason, without the record.
fn record<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    serde_dynamo::from_item(item).map_err(|error| Error::internal(format!("a malformed record in the table: {error}")))
}

/// Turns a failure of DynamoDB, or of the connection to it, into a 503. A missing table and a
/// refused credential are faults of the deployment.
fn unavailable<E, R>(error: SdkError<E, R>) -> Error
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    Error::unavailable(format!("DynamoDB: {}", chain(&error)))
}
