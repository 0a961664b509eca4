//! Claims of an account: one JSON object that whoever runs the service writes, and that goes into
//! tokens.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

use crate::{account::metadata::Metadata, error::Field, jose::members::members};

/// The most bytes of the claims, as JSON without white space. Firebase has the same limit.
pub const BYTES_MAX: usize = 1_000;
/// The longest name of a claim, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// The names that OpenID Connect and Firebase keep for themselves.
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
/// The names that tokens of this service have for other things.
const OWN: [&str; 13] = [
    "act",
    "crit",
    "email",
    "email_verified",
    "kid",
    "name",
    "role",
    "role_id",
    "sid",
    "typ",
    "uid",
    "user_id",
    "username",
];

/// The claims of an account, as JSON text without white space, so that numbers keep their digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnClaims(String);

impl Default for OwnClaims {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl fmt::Debug for OwnClaims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OwnClaims({} bytes)", self.0.len())
    }
}

impl OwnClaims {
    /// Reads claims from the text of a JSON object.
    ///
    /// # Errors
    ///
    /// Every mistake: the text is no JSON object, is too deep or too long, or has names that cannot
    /// be used.
    pub fn parse(text: &str) -> Result<Self, Vec<Field>> {
        let read = Metadata::parse(text).map_err(|field| vec![field.renamed("claims")])?;
        let text = read.text();
        let mut wrong = Vec::new();
        if text.len() > BYTES_MAX {
            wrong.push(Field::new("claims", "claims_too_large", "The claims of an account have at most 1,000 bytes."));
        }
        for (name, _) in members(text.as_bytes()).unwrap_or_default() {
            if !is_name(&name) {
                let message = "A claim's name has at most 64 letters, digits and signs of _ . : / + -.";
                wrong.push(Field::new("claims", "invalid_claim_name", message));
            } else if is_reserved(&name) {
                let message = format!("The claim {name} is reserved, and has its meaning already.");
                wrong.push(Field::new(format!("claims.{name}"), "reserved_claim", message));
            }
        }
        wrong.dedup();
        if wrong.is_empty() { Ok(Self(text.to_owned())) } else { Err(wrong) }
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0 == "{}"
    }

    /// The members, for a token. A name that became reserved since is left out, so that no claim
    /// displaces one of the service.
    pub fn members(&self) -> Vec<(String, Box<RawValue>)> {
        let mut members = members(self.0.as_bytes()).unwrap_or_default();
        members.retain(|(name, _)| !is_reserved(name));
        members
    }
}

/// The object itself, for an answer in JSON.
pub fn as_object<S: Serializer>(claims: &OwnClaims, serializer: S) -> Result<S::Ok, S::Error> {
    serde_json::from_str::<&RawValue>(&claims.0).map_err(S::Error::custom)?.serialize(serializer)
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/+-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits)
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || OWN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(String, &'static str)> {
        OwnClaims::parse(text).unwrap_err().into_iter().map(|field| (field.field, field.code)).collect()
    }

    #[test]
    fn claims_are_kept_as_they_are_written_within_their_bounds() {
        let claims =
            OwnClaims::parse(r#"{ "plan": "pro", "n": 113774264463038321964, "https://x.example/a": [1.10] }"#)
                .unwrap();
        assert_eq!(claims.text(), r#"{"plan":"pro","n":113774264463038321964,"https://x.example/a":[1.10]}"#);
        let of_bytes = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        assert_eq!(OwnClaims::parse(&of_bytes(BYTES_MAX)).unwrap().text().len(), BYTES_MAX);
        assert_eq!(codes(&of_bytes(BYTES_MAX + 1)), [("claims".to_owned(), "claims_too_large")]);
    }

    #[test]
    fn every_reserved_name_is_refused_by_name_and_all_at_once() {
        let all: Vec<String> = RESERVED.iter().chain(&OWN).map(|name| format!("\"{name}\":1")).collect();
        let refused = codes(&format!("{{{},\"plan\":1,\"a b\":1,\"\":1}}", all.join(",")));
        for name in RESERVED.iter().chain(&OWN) {
            assert!(refused.contains(&(format!("claims.{name}"), "reserved_claim")), "{name}: {refused:?}");
        }
        assert_eq!(refused.len(), RESERVED.len() + OWN.len() + 1, "{refused:?}");
        assert!(refused.contains(&("claims".to_owned(), "invalid_claim_name")));
    }

    #[test]
    fn whatever_is_no_object_or_too_deep_is_refused() {
        for (text, code) in [
            ("[1]", "invalid_type"),
            ("7", "invalid_type"),
            ("{", "invalid_json"),
            (r#"{"a":1,"a":2}"#, "invalid_json"),
            (r#"{"a":[[[[[1]]]]]}"#, "metadata_too_deep"),
        ] {
            assert_eq!(codes(text), [("claims".to_owned(), code)], "{text}");
        }
    }

    #[test]
    fn a_stored_claim_that_is_reserved_by_now_displaces_nothing() {
        let stored: OwnClaims = serde_json::from_str(r#""{\"sub\":\"root\",\"plan\":1}""#).unwrap();
        let names: Vec<String> = stored.members().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["plan"]);
    }
}
