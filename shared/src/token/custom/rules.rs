//! The rules of a finished custom token: one list, for those made here and for those that somebody asks about.

#[cfg(test)]
mod tests;

use std::{ops::RangeInclusive, time::Duration};

use serde_json::{Map, Value};

use crate::keys::service_account::ServiceAccount;
use crate::{
    jose::{jwt::Jwt, kind::CUSTOM_TOKEN_AUDIENCE},
    time::Timestamp,
};

/// The longest uid, in bytes.
const UID_BYTES_MAX: usize = 128;
/// The life of a token made elsewhere, in seconds: Firebase asks for no shortest one.
const FOREIGN_LIFE_SECONDS: RangeInclusive<i64> = 1..=3600;
/// OpenID Connect's own claims, which `claims` may not set. The list of the Identity Platform page.
pub const RESERVED: [&str; 16] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "cnf",
    "exp",
    "firebase",
    "iat",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "sub",
];

impl ServiceAccount {
    /// Finds out why Firebase does not take this custom token, of which it only says that it is invalid.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks: what is wrong, and what to do.
    pub fn inspect_custom_token(&self, token: &Jwt, now: Timestamp, skew: Duration) -> Result<(), String> {
        self.check(token, now, skew, FOREIGN_LIFE_SECONDS)
    }

    pub(super) fn check(
        &self,
        token: &Jwt,
        now: Timestamp,
        skew: Duration,
        life: RangeInclusive<i64>,
    ) -> Result<(), String> {
        let inspection = Inspection { account: self, token, now, skew, life };
        Inspection::RULES.into_iter().try_for_each(|rule| rule(&inspection))
    }
}

/// Refuses with the sentence that says what is wrong.
type Rule<T> = fn(&T) -> Result<(), String>;

/// A token beside what it is measured against.
struct Inspection<'a> {
    account: &'a ServiceAccount,
    token: &'a Jwt,
    now: Timestamp,
    skew: Duration,
    life: RangeInclusive<i64>,
}

impl Inspection<'_> {
    /// In the order in which they are told: who made it, what it says, for how long, and the signature last, since no change of
    /// the rest leaves that whole.
    const RULES: [Rule<Self>; 10] = [
        Self::header,
        Self::one_issuer,
        Self::this_issuer,
        Self::audience,
        Self::uid,
        Self::life,
        Self::time,
        Self::claims,
        Self::tenant,
        Self::signature,
    ];

    fn claim(&self, name: &str) -> Option<&str> {
        self.token.claims.get(name).and_then(Value::as_str)
    }

    fn header(&self) -> Result<(), String> {
        let header = self.token.header();
        ensure(
            header.get("alg").and_then(Value::as_str) == Some("RS256"),
            "Its `alg` is not RS256, and Firebase takes no other: sign it with the private key of a service account.",
        )?;
        ensure(
            !header.contains_key("kid"),
            "Its header has a `kid`, and a custom token is told from an ID token by having none: leave it out.",
        )
    }

    fn one_issuer(&self) -> Result<(), String> {
        ensure(
            self.claim("iss").is_some() && self.claim("iss") == self.claim("sub"),
            "Its `iss` and `sub` are not the same text: both must be the e-mail address of the service account.",
        )
    }

    fn this_issuer(&self) -> Result<(), String> {
        let email = &self.account.email;
        ensure(
            self.claim("iss") == Some(email),
            &format!("It was made by another service account than {email}: sign it with the key of that one."),
        )
    }

    fn audience(&self) -> Result<(), String> {
        ensure(
            self.claim("aud") == Some(CUSTOM_TOKEN_AUDIENCE),
            &format!("Its `aud` is not that of a custom token: it must be {CUSTOM_TOKEN_AUDIENCE}."),
        )
    }

    fn uid(&self) -> Result<(), String> {
        ensure(self.claim("uid").is_some_and(is_uid), "Its `uid` is not a text of 1 to 128 bytes: give it one.")
    }

    fn life(&self) -> Result<(), String> {
        let (Some(iat), Some(exp)) = (self.token.time("iat"), self.token.time("exp")) else {
            return Err("Its `iat` and `exp` must be whole numbers: seconds since 1970, not milliseconds.".to_owned());
        };
        let (least, most) = (self.life.start(), self.life.end());
        ensure(
            self.life.contains(&(exp.seconds() - iat.seconds())),
            &format!("It lives too long or not at all: `exp` must be {least} to {most} seconds after `iat`."),
        )
    }

    fn time(&self) -> Result<(), String> {
        ensure(
            self.token.time("iat").is_some_and(|iat| iat.seconds() <= (self.now + self.skew).seconds()),
            "Its `iat` is in the future: set the clock of the machine that made it.",
        )?;
        let Some(expiry) = self.token.time("exp").filter(|expiry| self.now >= *expiry + self.skew) else {
            return Ok(());
        };
        let expired = expiry.readable();
        Err(format!("It expired at {expired}: make a custom token right before it is used."))
    }

    fn claims(&self) -> Result<(), String> {
        match self.token.claims.get("claims") {
            None => Ok(()),
            Some(Value::Object(claims)) => nothing_reserved(claims),
            Some(_) => Err("Its `claims` are not a JSON object: give one, or leave them out.".to_owned()),
        }
    }

    fn tenant(&self) -> Result<(), String> {
        ensure(
            !self.token.claims.contains_key("tenant_id") || self.claim("tenant_id").is_some_and(|id| !id.is_empty()),
            "Its `tenant_id` is empty or no text: give the tenant's id, or leave it out.",
        )
    }

    fn signature(&self) -> Result<(), String> {
        ensure(
            self.token.is_signed_by(self.account.key.public()),
            "Its signature is not by this key of the service account: another key made it, or it was changed since. Make it \
             anew with this key.",
        )
    }
}

/// Whether Firebase takes `text` for a uid.
pub fn is_uid(text: &str) -> bool {
    (1..=UID_BYTES_MAX).contains(&text.len())
}

/// Refuses reserved claims, all at once.
pub fn nothing_reserved(claims: &Map<String, Value>) -> Result<(), String> {
    let reserved: Vec<&str> = RESERVED.into_iter().filter(|name| claims.contains_key(*name)).collect();
    ensure(reserved.is_empty(), &format!("These claims are reserved and cannot be set: {}.", reserved.join(", ")))
}

fn ensure(holds: bool, sentence: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(sentence.to_owned()) }
}
