//! Accounts from elsewhere: the account that a record of another system describes, by the rules of
//! this service.

mod fields;
mod hash_config;
mod peers;
mod record;
mod seen;

use std::collections::HashMap;

pub use fields::{Fields, is_email_column};
pub use hash_config::HashConfig;
pub use record::record;
pub use seen::{Field as RepeatedField, Seen};

use crate::{
    account::{
        claims::OwnClaims,
        email::{Email, Username},
        metadata::Metadata,
        roles::Roles,
        user::{self, ROLE_ID_NEW, User},
    },
    error::Field,
    password::StoredHash,
    text::trimmed,
    time::Timestamp,
    token::custom::is_uid,
};

/// The base64 of `REDACTED`, which Firebase writes in place of hashes.
const REDACTED: &str = "UkVEQUNURUQ=";

/// The rules by which records become accounts.
pub struct Rules {
    /// Whether a field beyond the rules is left out, and the account is kept.
    pub lenient: bool,
    /// Whether accounts are imported without their password hashes.
    pub without_passwords: bool,
    /// The parameters of Firebase's hashes.
    pub hash_config: Option<HashConfig>,
    /// The names of roles, so that a record may give a name in the place of a number.
    pub roles: Roles,
    /// The time of the import.
    pub now: Timestamp,
}

/// An account to import.
pub struct Draft {
    /// The account. Its id is empty if the record has none.
    pub user: User,
    /// Sentences about fields that were left out, each with the name of the field.
    pub dropped: Vec<String>,
}

/// Why a record is no account to import.
pub enum Refusal {
    /// A sentence about this record.
    Record(String),
    /// The whole file needs an answer first, or its import would be wrong.
    File(Missing),
}

/// A part without which the password hashes of a file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The parameters of the Firebase project that the hashes are of.
    HashConfig,
    /// The hashes themselves, because Firebase left them out.
    Hashes,
}

impl From<String> for Refusal {
    fn from(sentence: String) -> Self {
        Self::Record(sentence)
    }
}

impl Rules {
    /// Reads the account of a record, and adds the names of values that have no place here to
    /// `unknown`. No sentence quotes a value, because a value in the wrong place may be a hash.
    ///
    /// # Errors
    ///
    /// The rule that the record breaks.
    pub fn draft(&self, mut fields: Fields, unknown: &mut HashMap<String, u64>) -> Result<Draft, Refusal> {
        if fields.is_deleted() {
            return Err("The account is marked as deleted.".to_owned().into());
        }
        let mut dropped = Dropped { lenient: self.lenient, sentences: Vec::new() };
        let email = fields.email()?.filter(|email| !trimmed(email).is_empty()).ok_or(NO_ADDRESS.to_owned())?;
        let email = Email::existing(&email).map_err(|sentence| format!("`email`: {sentence} {OTHER_ADDRESS}"))?;
        let hash = self.hash(&mut fields, &mut dropped)?;
        let username = fields.username()?.map(|text| Username::parse(&text).map_err(about("username"))).transpose();
        let username = dropped.unless_lenient(username)?;
        let metadata = fields.metadata().map(|text| Metadata::parse(&text)).transpose();
        let metadata = dropped.unless_lenient(metadata.map_err(said_of("metadata")))?.unwrap_or_default();
        let name = fields.name(&metadata).and_then(|text| user::name(&text).map_err(about("name")));
        let name = dropped.unless_lenient(name)?;
        let private_metadata = fields.private_metadata().map(|text| Metadata::parse(&text)).transpose();
        let private_metadata =
            dropped.unless_lenient(private_metadata.map_err(said_of("private_metadata")))?.unwrap_or_default();
        let claims = dropped.unless_lenient(claims(&mut fields))?;
        let role_id = fields.role_id(&self.roles);
        let role_id = dropped.unless_lenient(role_id)?.unwrap_or(ROLE_ID_NEW);
        let created_at = self.created_at(&mut fields);
        let created_at = dropped.unless_lenient(created_at)?.unwrap_or(self.now);
        let id = id(&mut fields)?;
        let imported_uid = fields.imported_uid()?.unwrap_or(true) && id.is_some();
        let keeps_id = id.is_some();
        let mut user = User {
            role_id,
            email_verified: fields.email_verified()?,
            disabled: fields.disabled(self.now)?,
            password_hash: hash,
            imported_uid,
            claims,
            ..User::without_password(id.unwrap_or_default(), &email, username.as_ref(), name, created_at)
                .with_metadata(metadata)
                .with_private_metadata(private_metadata)
        };
        if keeps_id {
            // An account with this id may have existed before, with an epoch that counted from 0. A
            // later epoch keeps its sessions ended, and no sign-in from before counts. The same
            // holds for codes and links that were mailed before.
            user.epoch = self.now.milliseconds().unsigned_abs();
            user.proof = user.epoch;
            user.sessions_ended_at = Some(self.now);
        }
        fields.rest().for_each(|name| *unknown.entry(name).or_default() += 1);
        Ok(Draft { user, dropped: dropped.sentences })
    }

    /// The password hash. The hash of Firebase needs the parameters of its project.
    fn hash(&self, fields: &mut Fields, dropped: &mut Dropped) -> Result<Option<StoredHash>, Refusal> {
        let text = fields.password_hash()?;
        let salt = if fields.is_firebase { fields.salt()? } else { None };
        // Django marks an account without a password by a hash that begins so.
        let text = text.filter(|text| !self.without_passwords && !text.trim_start().starts_with('!'));
        let Some(text) = text.filter(|text| !(fields.is_firebase && text.is_empty())) else { return Ok(None) };
        let read = match &self.hash_config {
            _ if !fields.is_firebase || text.starts_with('$') => StoredHash::imported(&text),
            _ if text == REDACTED => return Err(Refusal::File(Missing::Hashes)),
            None => return Err(Refusal::File(Missing::HashConfig)),
            Some(config) => StoredHash::imported(&config.text(&text, &salt.unwrap_or_default())),
        };
        let read = read.map(Some).map_err(|why| format!("`password_hash`: {why}"));
        Ok(dropped.unless_lenient(read)?)
    }

    fn created_at(&self, fields: &mut Fields) -> Result<Option<Timestamp>, String> {
        match fields.created_at()? {
            Some(time) if self.now < time => Err("`created_at` has not come yet.".to_owned()),
            time => Ok(time),
        }
    }
}

const NO_ADDRESS: &str = "`email` is required. People log in by it here, so that an account with a phone number alone, or an \
                          anonymous one, cannot be imported. Add an address to the record, or leave the account out.";
const OTHER_ADDRESS: &str = "Put another address of this person into the file, and import it again. Accounts that are here \
                             already stay as they are.";
fn id(fields: &mut Fields) -> Result<Option<String>, String> {
    let id = fields.id()?;
    if id.as_ref().is_some_and(|id| !is_uid(id) || id.chars().any(char::is_control)) {
        return Err("`id` is not a text of 1 to 128 bytes without control characters.".to_owned());
    }
    Ok(id)
}

fn about(name: &'static str) -> impl Fn(&str) -> String {
    move |sentence| format!("`{name}`: {sentence}")
}

/// The claims of the record, or the custom claims of Firebase. Each that has no place here is left
/// to be named.
fn claims(fields: &mut Fields) -> Result<OwnClaims, String> {
    fields.open_claims();
    let Some(text) = fields.claims() else { return Ok(fields.custom_claims()) };
    OwnClaims::parse(&text).map_err(|wrong| {
        let sentences: Vec<&str> = wrong.iter().map(|field| field.message.as_ref()).collect();
        about("claims")(&sentences.join(" "))
    })
}

fn said_of(name: &'static str) -> impl Fn(Field) -> String {
    move |field| about(name)(&field.message)
}

/// The fields that were left out.
struct Dropped {
    lenient: bool,
    sentences: Vec<String>,
}

impl Dropped {
    /// The value, or the default in place of one beyond the rules if the import is lenient.
    fn unless_lenient<T: Default>(&mut self, read: Result<T, String>) -> Result<T, String> {
        match read {
            Err(sentence) if self.lenient => {
                self.sentences.push(sentence);
                Ok(T::default())
            }
            read => read,
        }
    }
}
