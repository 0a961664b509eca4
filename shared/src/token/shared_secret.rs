//! The rules of tokens that are signed with a shared secret (HS256), as Bubble's JWT plugins make
//! them.
//!
//! Everybody who knows the secret can say anything in such a token. The token is good between
//! servers that trust each other, and opens nothing of the account behind it.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    error::Field,
    jose::{
        jwt::{Jwt, time_flaw, whole_seconds},
        number,
    },
    keys::shared_secret::SharedSecrets,
    time::Timestamp,
    token::problem::{Findings, Problem, Times},
};

/// The life of a token without another setting, as in Bubble's plugin.
pub const LIFE_DEFAULT: Duration = Duration::from_secs(60 * 60);
/// The longest life of a token.
pub const LIFE_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Whether these rules judge a token. Its algorithm decides, whatever else its maker wrote into it.
/// Tokens of Firebase and of this service keep their rules, so that a secret never makes one.
pub fn is_meant(token: &Jwt) -> bool {
    token.is_hmac() && !token.kind().has_rules_of_its_own()
}

/// The claims of a genuine token, with defaults for missing ones: its maker decides what to write.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `sub`, or else `user_id` or `uid`, as builders call the id. A number is told as
    /// [`number::plain`] does. Empty if the token has none of the three.
    pub uid: String,
    /// `email`.
    pub email: String,
    /// `email_verified`.
    pub email_verified: bool,
    /// `name`.
    pub name: String,
    /// `role_id`.
    pub role_id: u32,
    /// `iat`, if it is a time.
    pub issued_at: Option<Timestamp>,
    /// `exp`; a token without one never expires.
    pub expires_at: Option<Timestamp>,
    /// `iss` and `sid`, which tokens of this service's sessions have.
    pub session: Option<(String, String)>,
}

const INVALID: &str = "token_invalid";
/// Its maker decides which times a token has.
const TIMES: Times = Times {
    required: &[],
    optional: &["exp", "nbf"],
    starts: &["iat", "nbf"],
    refusal: INVALID,
    expired: ("token_expired", "The token has expired."),
};

/// Finds everything that is wrong with a token that a secret should have signed, in the order of
/// the rules. The signature comes before the claims: nothing in a forged token is worth telling.
/// `skew` is allowed on every time. Without `secrets` the signature is not checked.
pub fn examine(secrets: Option<&SharedSecrets>, token: &Jwt, now: Timestamp, skew: Duration) -> Findings {
    let mut content = Vec::new();
    if token.header_text("alg") != Some("HS256") {
        let message = "The token's algorithm is not HS256, the only one that is accepted with a shared secret.";
        content.push(Problem::new("wrong_algorithm", message, INVALID));
    }
    if token.header().contains_key("crit") {
        let message = "The token has critical header parameters that this service does not know.";
        content.push(Problem::new("critical_header", message, INVALID));
    }
    let is_forged = content.is_empty() && secrets.is_some_and(|secrets| !secrets.signed(token));
    let signature = is_forged.then(|| {
        let message = "The token's signature is wrong: it was signed with another secret, or changed since.";
        Problem::new("unknown_key", message, INVALID)
    });
    Findings { content, signature, times: TIMES.problems(token, now, skew), ..Findings::default() }
}

impl Claims {
    /// The claims of a token in which nothing is wrong.
    pub fn of(token: &Jwt) -> Self {
        let text = |claim: &str| token.text(claim).unwrap_or_default().to_owned();
        let role_id = token.claims.get("role_id").and_then(number::whole).and_then(|id| u32::try_from(id).ok());
        Self {
            uid: uid(&token.claims),
            email: text("email"),
            email_verified: token.email_verified(),
            name: text("name"),
            role_id: role_id.unwrap_or_default(),
            issued_at: token.time("iat"),
            expires_at: token.expires_at(),
            session: token.text("iss").map(str::to_owned).zip(token.text("sid").map(str::to_owned)),
        }
    }
}

/// The user id in a token, by the first of the names that builders give it.
pub fn uid(claims: &Map<String, Value>) -> String {
    let known = ["sub", "user_id", "uid"].into_iter().filter_map(|name| claims.get(name));
    let mut texts = known.filter_map(|value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number::plain(number)),
        _ => None,
    });
    texts.next().unwrap_or_default()
}

/// Completes claims that are to be signed, and returns them with the expiry. A missing `iat`
/// becomes
/// `now`, and a missing `exp` becomes `life` after `now`.
///
/// # Errors
///
/// The mistake in a time: `exp` beside a life, or a time that is no whole number of seconds. Also
/// an `exp` that is past or further away than [`LIFE_MAX`], and an `nbf` that is not before `exp`.
/// Also an `iat` that [`examine`] would not accept yet.
pub fn complete(
    mut claims: Map<String, Value>,
    life: Option<Duration>,
    now: Timestamp,
    skew: Duration,
) -> Result<(Map<String, Value>, Timestamp), Field> {
    let refuse = |code, message: &str| Field::new("payload", code, message);
    let given = |claims: &Map<String, Value>, name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            let flaw = time_flaw(Some(value));
            let message = format!("`{name}` in the payload {flaw}. It must be a whole number of seconds since 1970.");
            whole_seconds(value).map(Some).ok_or_else(|| Field::new("payload", "invalid_time", message))
        }
    };
    let (issued, start, expiry) = (given(&claims, "iat")?, given(&claims, "nbf")?, given(&claims, "exp")?);
    if expiry.is_some() && life.is_some() {
        return Err(refuse(
            "ambiguous",
            "The payload has an `exp` of its own: leave it out, or leave out the expiry beside it.",
        ));
    }
    let issuing = now.floor();
    let expiry = expiry.unwrap_or(issuing + life.unwrap_or(LIFE_DEFAULT));
    if expiry <= now || expiry > issuing + LIFE_MAX {
        return Err(refuse("invalid_time", "The token must expire in the future, and within 366 days."));
    }
    if start.is_some_and(|start| start >= expiry) {
        return Err(refuse("invalid_time", "`nbf` in the payload must be before the token expires."));
    }
    if issued.is_some_and(|issued| issued > now + skew) {
        let message = "`iat` in the payload is in the future: for a token that is good from then on, send `nbf`.";
        return Err(refuse("invalid_time", message));
    }
    claims.insert("iat".to_owned(), issued.unwrap_or(issuing).seconds().into());
    claims.insert("exp".to_owned(), expiry.seconds().into());
    Ok((claims, expiry))
}

#[cfg(test)]
mod tests;
