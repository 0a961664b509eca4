//! The rules for a finished custom token. One list serves for the tokens of this service and for
//! tokens from elsewhere that somebody asks about.

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
/// The accepted lives of a token from elsewhere, in seconds. Firebase has no minimum.
const FOREIGN_LIFE_SECONDS: RangeInclusive<i64> = 1..=3600;
/// OpenID Connect's own claims, which `claims` may not set. The list is on the Identity Platform
/// page.
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
    /// Finds the reason why Firebase refuses this custom token. Firebase itself only says that the
    /// token is invalid.
    ///
    /// # Errors
    ///
    /// A sentence about the first broken rule: the fault, and the remedy.
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

/// A rule. It returns a sentence if the rule is broken.
type Rule<T> = fn(&T) -> Result<(), String>;

/// A token, and the values that the rules compare it with.
struct Inspection<'a> {
    account: &'a ServiceAccount,
    token: &'a Jwt,
    now: Timestamp,
    skew: Duration,
    life: RangeInclusive<i64>,
}

impl Inspection<'_> {
    /// The rules, in the order in which broken ones are reported. The issuer comes first, and the
    /// signature last, because every change of the content breaks the signature too.
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
            "Its `alg` is not RS256, and Firebase accepts no other: sign it with the private key of a service account.",
        )?;
        ensure(
            !header.contains_key("kid"),
            "Its header has a `kid`, which marks an ID token and not a custom token: leave it out.",
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
            &format!("It was made by another service account than {email}: sign it with the key of {email}."),
        )
    }

    fn audience(&self) -> Result<(), String> {
        ensure(
            self.claim("aud") == Some(CUSTOM_TOKEN_AUDIENCE),
            &format!("Its `aud` is not the audience of custom tokens: it must be {CUSTOM_TOKEN_AUDIENCE}."),
        )
    }

    fn uid(&self) -> Result<(), String> {
        ensure(self.claim("uid").is_some_and(is_uid), "Its `uid` is not a text of 1 to 128 bytes: set a `uid`.")
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
            "Its `tenant_id` is empty or not text: give the tenant's id, or leave it out.",
        )
    }

    fn signature(&self) -> Result<(), String> {
        ensure(
            self.token.is_signed_by(self.account.key.public()),
            "Its signature is not by this key of the service account: another key signed it, or it was changed after \
             signing. Sign it again with this key.",
        )
    }
}

/// Whether Firebase accepts `text` as a uid.
pub fn is_uid(text: &str) -> bool {
    (1..=UID_BYTES_MAX).contains(&text.len())
}

/// Refuses reserved claims. The sentence names all of them.
pub fn nothing_reserved(claims: &Map<String, Value>) -> Result<(), String> {
    let reserved: Vec<&str> = RESERVED.into_iter().filter(|name| claims.contains_key(*name)).collect();
    ensure(reserved.is_empty(), &format!("These claims are reserved and cannot be set: {}.", reserved.join(", ")))
}

fn ensure(holds: bool, sentence: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(sentence.to_owned()) }
}
