//! The rules for a finished custom token. One list serves for the tokens of this service and for
//! tokens from elsewhere that somebody asks about.

#[cfg(test)]
mod tests;

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use serde_json::{Map, Value};

/// OpenID Connect's own claims, which `claims` may not set. The list is on the Identity Platform
/// page.
pub use crate::account::claims::RESERVED;
use crate::keys::service_account::ServiceAccount;
use crate::{
    error::Error,
    jose::{
        jws::VerifyingKey,
        jwt::{Jwt, time_flaw, whole_seconds},
        kind::{CUSTOM_TOKEN_AUDIENCE, audience_name},
    },
    time::Timestamp,
};

/// The longest uid, in bytes.
const UID_BYTES_MAX: usize = 128;
/// The accepted lives of a token from elsewhere, in seconds. Firebase has no minimum.
const FOREIGN_LIFE_SECONDS: RangeInclusive<i64> = 1..=3600;
/// The most bytes of a foreign name that an answer quotes.
const SHOWN_BYTES_MAX: usize = 80;
/// The claims beside `claims` that mean something to Firebase, and two of RFC 7519 that do no harm.
const TOP_LEVEL: [&str; 10] = ["iss", "sub", "aud", "iat", "exp", "uid", "claims", "tenant_id", "nbf", "jti"];
impl ServiceAccount {
    /// Finds the reason why Firebase refuses this custom token: a sentence about the first broken
    /// rule, with the fault and the remedy. `None` for a good token. Firebase itself only says that
    /// the token is invalid.
    ///
    /// # Errors
    ///
    /// 503 if another service holds the account's key, and does not tell its public half.
    pub async fn inspect_custom_token(
        &self,
        token: &Jwt,
        now: Timestamp,
        skew: Duration,
    ) -> Result<Option<String>, Error> {
        let keys = self.signer.public_keys(now).await?;
        Ok(self.check(token, &keys, now, skew, FOREIGN_LIFE_SECONDS).err())
    }

    pub(super) fn check(
        &self,
        token: &Jwt,
        keys: &[Arc<VerifyingKey>],
        now: Timestamp,
        skew: Duration,
        life: RangeInclusive<i64>,
    ) -> Result<(), String> {
        let inspection = Inspection { account: Some((&self.email, keys)), token, now, skew, life };
        Inspection::RULES.into_iter().try_for_each(|rule| rule(&inspection))
    }
}

/// The broken rules of a custom token, as far as they can be seen without the key of its service
/// account. Each sentence names the fault and the remedy.
pub fn flaws(token: &Jwt, now: Timestamp, skew: Duration) -> Vec<String> {
    let inspection = Inspection { account: None, token, now, skew, life: FOREIGN_LIFE_SECONDS };
    Inspection::RULES.into_iter().filter_map(|rule| rule(&inspection).err()).collect()
}

/// Sentences about parts of a custom token that Firebase accepts, with another effect than their
/// maker expects.
pub fn warnings(token: &Jwt) -> Vec<String> {
    let mut warnings = Vec::new();
    if token.header().contains_key("kid") {
        let warning = "Its header has a `kid`, which the Admin SDKs leave out: other programs take the token for an ID \
                       token then. Firebase is reported to accept it.";
        warnings.push(warning.to_owned());
    }
    let ignored: Vec<&str> =
        token.claims.keys().map(String::as_str).filter(|claim| !TOP_LEVEL.contains(claim)).map(shown).collect();
    if !ignored.is_empty() {
        let names = ignored.join(", ");
        warnings.push(format!("Firebase ignores what stands beside `claims`: put it into `claims`. It is: {names}."));
    }
    if let Some(Value::Object(claims)) = token.claims.get("claims") {
        warnings.extend(super::claim_warnings(claims));
    }
    warnings
}

/// The beginning of a foreign name, which an answer may quote.
fn shown(name: &str) -> &str {
    name.get(..SHOWN_BYTES_MAX).unwrap_or(name)
}

/// A rule. It returns a sentence if the rule is broken.
type Rule<T> = fn(&T) -> Result<(), String>;

/// A token, and the values that the rules compare it with.
struct Inspection<'a> {
    /// The e-mail address and the public keys of the account that should have made the token.
    /// `None` if nobody knows the account.
    account: Option<(&'a String, &'a [Arc<VerifyingKey>])>,
    token: &'a Jwt,
    now: Timestamp,
    skew: Duration,
    life: RangeInclusive<i64>,
}

impl Inspection<'_> {
    /// The rules, in the order in which broken ones are reported. The issuer comes first, and the
    /// signature last, because every change of the content breaks the signature too.
    const RULES: [Rule<Self>; 10] = [
        Self::algorithm,
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
        self.token.text(name)
    }

    fn algorithm(&self) -> Result<(), String> {
        ensure(
            self.token.header_text("alg") == Some("RS256"),
            "Its `alg` is not RS256, and Firebase accepts no other: sign it with the private key of a service account.",
        )
    }

    fn one_issuer(&self) -> Result<(), String> {
        ensure(
            self.claim("iss").is_some() && self.claim("iss") == self.claim("sub"),
            "Its `iss` and `sub` are not the same text: both must be the e-mail address of the service account.",
        )
    }

    fn this_issuer(&self) -> Result<(), String> {
        let Some((email, _)) = self.account else { return Ok(()) };
        ensure(
            self.claim("iss") == Some(email),
            &format!("It was made by another service account than {email}: sign it with the key of {email}."),
        )
    }

    fn audience(&self) -> Result<(), String> {
        let audience = match self.token.claims.get("aud") {
            Some(Value::String(audience)) if audience == CUSTOM_TOKEN_AUDIENCE => return Ok(()),
            Some(Value::String(audience)) => match audience_name(audience) {
                Some(name) => format!(", but {name}"),
                None if self.claim("iss").is_some_and(|email| email.contains(&format!("@{audience}."))) => {
                    ", but the id of the project, as in an ID token".to_owned()
                }
                None => String::new(),
            },
            Some(Value::Array(_)) => ", but a list".to_owned(),
            None | Some(_) => " (it is missing or not text)".to_owned(),
        };
        Err(format!("Its `aud` is not the audience of custom tokens{audience}: it must be {CUSTOM_TOKEN_AUDIENCE}."))
    }

    fn uid(&self) -> Result<(), String> {
        let what = match self.token.claims.get("uid") {
            Some(Value::String(uid)) if is_uid(uid) => return Ok(()),
            Some(Value::String(uid)) if uid.is_empty() => "it is empty".to_owned(),
            Some(Value::String(uid)) => format!("it has {} bytes", uid.len()),
            Some(Value::Number(_)) => "it is a number, so put it into quotes".to_owned(),
            Some(_) => "it is neither text nor a number".to_owned(),
            None if ["user_id", "userId", "id"].iter().any(|name| self.token.claims.contains_key(*name)) => {
                "it is missing, and no other name of the id counts".to_owned()
            }
            None => "it is missing".to_owned(),
        };
        Err(format!("Its `uid` is not a text of 1 to {UID_BYTES_MAX} bytes: {what}."))
    }

    fn life(&self) -> Result<(), String> {
        for claim in ["iat", "exp"] {
            let value = self.token.claims.get(claim);
            if value.and_then(whole_seconds).is_none() {
                let flaw = time_flaw(value);
                return Err(format!(
                    "Its `{claim}` {flaw}: `iat` and `exp` must be whole numbers of seconds since 1970."
                ));
            }
        }
        let (Some(iat), Some(exp)) = (self.token.time("iat"), self.token.time("exp")) else { return Ok(()) };
        let (least, most, life) = (self.life.start(), self.life.end(), exp.seconds() - iat.seconds());
        let what = if life > *most { "too long" } else { "too short or not at all" };
        ensure(
            self.life.contains(&life),
            &format!("It lives {what}: `exp` is {life} seconds after `iat`, and must be {least} to {most}."),
        )
    }

    fn time(&self) -> Result<(), String> {
        ensure(
            self.token.time("iat").is_none_or(|iat| iat.seconds() <= (self.now + self.skew).seconds()),
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
        let Some((_, keys)) = self.account else { return Ok(()) };
        ensure(
            keys.iter().any(|key| self.token.is_signed_by(key)),
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
