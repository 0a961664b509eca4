//! JSON Web Tokens as text: read strictly, told apart by kind before anything is verified, signed.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, Header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    clock::Timestamp,
    error::Error,
    json,
    rsa::{self, RsaKey},
};

/// The longest token that is read, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A token whose parts were decoded, and nothing verified yet.
pub struct Token {
    /// The JOSE header (RFC 7515 section 4).
    pub header: Map<String, Value>,
    /// The claims (RFC 7519 section 4).
    pub claims: Map<String, Value>,
    signed: String,
    signature: String,
}

impl Token {
    /// Takes compact serialisation apart (RFC 7515 section 7.1): three parts, base64url without padding, white space or
    /// loose trailing bits, of which two are JSON objects without a key given twice.
    ///
    /// # Errors
    ///
    /// A sentence for the caller that never quotes the token.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err("The token is longer than 16 KiB.".to_owned());
        }
        let parts: Vec<&str> = text.split('.').collect();
        let &[header, claims, signature] = parts.as_slice() else {
            return Err(format!("A JWT has three parts divided by dots; this text has {}.", parts.len()));
        };
        if header.is_empty() || claims.is_empty() || signature.is_empty() {
            return Err("A part of the token is empty.".to_owned());
        }
        decode(signature, "signature")?;
        Ok(Self {
            header: object(header, "header")?,
            claims: object(claims, "payload")?,
            signed: format!("{header}.{claims}"),
            signature: signature.to_owned(),
        })
    }

    /// Whether the signature is one of `key`, an RSA key, by RS256, whatever the header says.
    pub fn is_signed_by(&self, key: &DecodingKey) -> bool {
        jsonwebtoken::crypto::verify(&self.signature, self.signed.as_bytes(), key, rsa::ALGORITHM).unwrap_or(false)
    }

    /// What this token claims to be.
    pub fn kind(&self) -> Kind {
        let text = |object: &Map<String, Value>, key: &str| {
            object.get(key).and_then(Value::as_str).map(str::to_owned).unwrap_or_default()
        };
        let issuer = text(&self.claims, "iss");
        if text(&self.header, "typ").eq_ignore_ascii_case(ACCESS_TOKEN_TYPE) {
            Kind::AccessToken
        } else if text(&self.claims, "aud") == CUSTOM_TOKEN_AUDIENCE {
            Kind::FirebaseCustomToken
        } else if issuer.starts_with("https://securetoken.google.com/") {
            Kind::FirebaseIdToken
        } else if issuer.starts_with("https://session.firebase.google.com/") {
            Kind::FirebaseSessionCookie
        } else {
            Kind::Unknown
        }
    }

    /// `exp` as a time, if it is a whole number of seconds that is a date.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.seconds("exp")
    }

    /// A `NumericDate` claim: a whole number of seconds in the years 1970–9999.
    pub fn seconds(&self, claim: &str) -> Option<Timestamp> {
        const YEAR_10000: i64 = 253_402_300_800;
        let seconds = self.claims.get(claim)?.as_i64()?;
        (0..YEAR_10000).contains(&seconds).then(|| Timestamp::from_seconds(seconds))
    }
}

/// `typ` of access tokens (RFC 9068 section 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// `aud` of Firebase custom tokens.
pub const CUSTOM_TOKEN_AUDIENCE: &str =
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";

/// What a token claims to be, told before anything is verified, so that the answer can say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This service's own.
    AccessToken,
    /// From `getIdToken()` of a Firebase SDK.
    FirebaseIdToken,
    /// For `signInWithCustomToken()`.
    FirebaseCustomToken,
    /// From `createSessionCookie()` of a Firebase Admin SDK.
    FirebaseSessionCookie,
    /// None of these.
    Unknown,
}

impl Kind {
    /// With its article, for a sentence.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::AccessToken => "an access token of this service",
            Self::FirebaseIdToken => "a Firebase ID token",
            Self::FirebaseCustomToken => "a Firebase custom token",
            Self::FirebaseSessionCookie => "a Firebase session cookie",
            Self::Unknown => "a token of an unknown kind",
        }
    }
}

/// Why a token is refused: a stable code and a sentence, both for the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One of those in the HTTP contract.
    pub code: &'static str,
    /// A sentence that never quotes the token.
    pub message: String,
    /// The line about its expiry, empty where that could not be read.
    pub report: String,
}

impl Refusal {
    /// A refusal of `token` by `code`.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), report: String::new() }
    }

    /// The same with the line about the token's expiry.
    pub fn about(mut self, token: &Token, now: Timestamp) -> Self {
        self.report = token.expires_at().map(|expiry| report(expiry, now)).unwrap_or_default();
        self
    }
}

/// Its parts together are a token that somebody could use.
impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token")
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

/// `Expires: 2026-05-27 15:00:00 UTC — 47 minutes ago`, in the largest sensible unit. At its expiry a token is expired.
pub fn report(expiry: Timestamp, now: Timestamp) -> String {
    let seconds = expiry.seconds() - now.seconds();
    let (amount, unit) = match seconds.unsigned_abs() {
        s @ 0..60 => (s, "second"),
        s @ 60..3_600 => (s / 60, "minute"),
        s @ 3_600..86_400 => (s / 3_600, "hour"),
        s => (s / 86_400, "day"),
    };
    let plural = if amount == 1 { "" } else { "s" };
    let when = if seconds > 0 { format!("in {amount} {unit}{plural}") } else { format!("{amount} {unit}{plural} ago") };
    format!("Expires: {} — {when}", expiry.readable())
}

/// Signs `claims` under `header` by RS256.
///
/// # Errors
///
/// 500 if the claims cannot be written as JSON or the random source fails.
pub fn sign(header: &Header, claims: &impl Serialize, key: &RsaKey) -> Result<String, Error> {
    let header = serde_json::to_vec(header).map_err(Error::internal)?;
    let claims = serde_json::to_vec(claims).map_err(Error::internal)?;
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(token.as_bytes()).map_err(Error::internal)?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

fn decode(part: &str, name: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| format!("The token's {name} is not base64url without padding."))
}

fn object(part: &str, name: &str) -> Result<Map<String, Value>, String> {
    json::object(&decode(part, name)?).map_err(|refusal| format!("The token's {name} {refusal}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_is_taken_apart() {
        let token = Token::parse(&text(r#"{"alg":"RS256"}"#, r#"{"exp":1779894000}"#)).unwrap();
        assert_eq!(token.header.get("alg").unwrap(), "RS256");
        assert_eq!(token.expires_at().unwrap().rfc3339(), "2026-05-27T15:00:00Z");
    }

    #[test]
    fn text_that_is_no_strict_token_is_refused() {
        let good = text("{}", "{}");
        for bad in [
            String::new(),
            "..".to_owned(),
            "a.b".to_owned(),
            format!("{good}.x"),
            format!("{good} "),
            format!(" {good}"),
            format!("{good}="),
            good.replace("c2ln", ""),
            good.replace("c2ln", "c2l+"),
            good.replace("c2ln", "c2lnZh"),
            good.replace("c2ln", &"A".repeat(TOKEN_BYTES_MAX)),
            text("[]", "{}"),
            text("{}", "1"),
            text("{}", r#"{"sub":"a","sub":"b"}"#),
            text(r#"{"alg":"RS256","alg":"none"}"#, "{}"),
        ] {
            assert!(Token::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        let kind = |header: &str, claims: &str| Token::parse(&text(header, claims)).unwrap().kind();
        assert_eq!(kind(r#"{"typ":"at+jwt"}"#, "{}"), Kind::AccessToken);
        assert_eq!(kind("{}", &format!(r#"{{"aud":"{CUSTOM_TOKEN_AUDIENCE}"}}"#)), Kind::FirebaseCustomToken);
        assert_eq!(kind("{}", r#"{"iss":"https://securetoken.google.com/p"}"#), Kind::FirebaseIdToken);
        assert_eq!(kind("{}", r#"{"iss":"https://session.firebase.google.com/p"}"#), Kind::FirebaseSessionCookie);
        assert_eq!(kind("{}", "{}"), Kind::Unknown);
    }

    #[test]
    fn the_report_names_the_largest_sensible_unit() {
        let expiry = Timestamp::from_seconds(1_779_894_000);
        let line = |offset: i64| report(expiry, Timestamp::from_seconds(1_779_894_000 + offset));
        assert_eq!(line(47 * 60 + 59), "Expires: 2026-05-27 15:00:00 UTC — 47 minutes ago");
        assert_eq!(line(-13 * 60), "Expires: 2026-05-27 15:00:00 UTC — in 13 minutes");
        assert_eq!(line(0), "Expires: 2026-05-27 15:00:00 UTC — 0 seconds ago");
        assert_eq!(line(-1), "Expires: 2026-05-27 15:00:00 UTC — in 1 second");
        assert_eq!(line(7_200), "Expires: 2026-05-27 15:00:00 UTC — 2 hours ago");
        assert_eq!(line(-86_400), "Expires: 2026-05-27 15:00:00 UTC — in 1 day");
    }

    #[test]
    fn dates_must_be_whole_seconds_of_a_year_people_live_in() {
        let claims = |exp: &str| Token::parse(&text("{}", &format!(r#"{{"exp":{exp}}}"#))).unwrap().expires_at();
        assert!(claims("0").is_some());
        for exp in ["-1", "1.5", "1e3", "\"1\"", "null", "true", "253402300800", "99999999999999999999"] {
            assert!(claims(exp).is_none(), "{exp}");
        }
    }
}
