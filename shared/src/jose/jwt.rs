//! JSON Web Tokens (RFC 7519): signed claims. The kind of a token is known before it is verified.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Header;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    error::{Error, TokenRefusal},
    jose::{
        json,
        jws::{Jws, VerifyingKey},
        kind::{ID_TOKEN_ISSUER, Kind, is_hmac},
        rsa::RsaKey,
    },
    time::{Timestamp, YEAR_10000},
};

/// The refusal of a token without a signature.
pub const UNSIGNED: &str = "The token has no signature. Tokens of the Firebase Auth emulator have none, and are accepted \
                            only where FIREBASE_AUTH_EMULATOR_HOST is set.";

/// A token whose parts are decoded and not verified yet.
pub struct Jwt {
    /// The claims (RFC 7519 section 4).
    pub claims: Map<String, Value>,
    jws: Jws,
}

impl Jwt {
    /// Decodes a signed token: a [`Jws`] whose payload is a JSON object without duplicate keys.
    ///
    /// # Errors
    ///
    /// A sentence for the caller that never quotes `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let token = Self::parse_unsigned(text)?;
        if token.is_unsigned() { Err(UNSIGNED.to_owned()) } else { Ok(token) }
    }

    /// Decodes a token like [`Jwt::parse`], with or without a signature. An unsigned token proves
    /// nothing.
    ///
    /// # Errors
    ///
    /// As [`Jwt::parse`].
    pub fn parse_unsigned(text: &str) -> Result<Self, String> {
        let jws = Jws::parse(text)?;
        if jws.payload.is_empty() {
            return Err("A part of the token is empty.".to_owned());
        }
        let claims = json::object(&jws.payload).map_err(|refusal| format!("The token's payload {refusal}."))?;
        Ok(Self { claims, jws })
    }

    /// The JOSE header (RFC 7515 section 4).
    pub fn header(&self) -> &Map<String, Value> {
        &self.jws.header
    }

    /// Whether the signature is empty.
    pub fn is_unsigned(&self) -> bool {
        self.jws.is_unsigned()
    }

    /// The text that is signed, which tells tokens apart. See [`Jws::signing_input`].
    pub fn signing_input(&self) -> &str {
        self.jws.signing_input()
    }

    /// Why a signature is wrong: the sentence for the caller.
    pub fn wrong_signature(&self) -> &'static str {
        if self.jws.is_cut() {
            "The token's signature is wrong: its end is missing, so the token was cut off."
        } else {
            "The token's signature is wrong."
        }
    }

    /// Whether the signature is by `key` and its algorithm. See [`Jws::is_signed_by`].
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        self.jws.is_signed_by(key)
    }

    /// The kind that the token claims to be.
    pub fn kind(&self) -> Kind {
        Kind::of(self.header(), &self.claims)
    }

    /// A claim, if it is text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// A member of the header, if it is text.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header().get(name).and_then(Value::as_str)
    }

    /// The Firebase project in `iss`. None if `iss` does not name Firebase Auth.
    pub fn issuing_project(&self) -> Option<&str> {
        self.text("iss")?.strip_prefix(ID_TOKEN_ISSUER)
    }

    /// `email_verified`. False if the claim is missing or not a boolean.
    pub fn email_verified(&self) -> bool {
        self.claims.get("email_verified").and_then(Value::as_bool).unwrap_or_default()
    }

    /// `firebase.sign_in_provider`. `unknown` if it is missing or not text.
    pub fn sign_in_provider(&self) -> &str {
        let provider = self.claims.get("firebase").and_then(|firebase| firebase.get("sign_in_provider"));
        provider.and_then(Value::as_str).unwrap_or("unknown")
    }

    /// `act.sub`: whoever acts in the place of the subject (RFC 8693 section 4.1).
    pub fn actor(&self) -> Option<&str> {
        self.claims.get("act")?.get("sub")?.as_str()
    }

    /// `firebase.tenant`. `None` if it is missing or null; empty if it is not text.
    pub fn tenant(&self) -> Option<&str> {
        let tenant = self.claims.get("firebase")?.get("tenant").filter(|tenant| !tenant.is_null())?;
        Some(tenant.as_str().unwrap_or_default())
    }

    /// The line about the token's expiry. Empty if `exp` cannot be read.
    pub fn report(&self, now: Timestamp) -> String {
        self.expires_at().map(|expiry| report(expiry, now)).unwrap_or_default()
    }

    /// `exp`, if it is a date.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.time("exp")
    }

    /// A `NumericDate` claim (RFC 7519 section 2) in the years 1970–9999. It must be a whole number
    /// of seconds, as in the tokens of Firebase and of this service. Tokens with a shared secret
    /// come from any program, so a fraction is accepted there.
    pub fn time(&self, claim: &str) -> Option<Timestamp> {
        let value = self.claims.get(claim)?;
        if self.is_hmac() {
            let seconds = value.as_f64().filter(|seconds| (0.0..YEAR_10000 as f64).contains(seconds))?;
            // Exact: the milliseconds of these years are far below 2^53.
            return Some(Timestamp::from_milliseconds((seconds * 1000.0) as i64));
        }
        whole_seconds(value)
    }

    /// Whether `alg` names an algorithm with a shared secret.
    pub fn is_hmac(&self) -> bool {
        self.header_text("alg").is_some_and(is_hmac)
    }
}

/// The flaw of a time that is not a whole number of seconds since 1970: a phrase that follows its
/// name.
pub fn time_flaw(value: Option<&Value>) -> &'static str {
    let seconds = match value {
        None => return "is missing",
        Some(Value::Null) => return "is null",
        Some(Value::String(_)) => return "is text",
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => return "is no number",
        Some(Value::Number(number)) => number.as_f64().unwrap_or(f64::INFINITY),
    };
    let limit = YEAR_10000 as f64;
    match seconds {
        _ if seconds < 0.0 => "is before 1970",
        _ if seconds < limit => "is written with a fraction or an exponent",
        _ if seconds < limit * 1e3 => "is in milliseconds",
        _ if seconds < limit * 1e6 => "is in microseconds",
        _ if seconds < limit * 1e9 => "is in nanoseconds",
        _ => "is after the year 9999",
    }
}

/// A whole number of seconds since 1970, before the year 10000.
pub fn whole_seconds(value: &Value) -> Option<Timestamp> {
    value.as_i64().filter(|seconds| (0..YEAR_10000).contains(seconds)).map(Timestamp::from_seconds)
}

impl TokenRefusal {
    /// Adds the line about the expiry of `token`.
    pub fn about(mut self, token: &Jwt, now: Timestamp) -> Self {
        self.report = token.report(now);
        self
    }
}

/// Prints a name only: the parts together are a token that somebody could use.
impl fmt::Debug for Jwt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Jwt")
    }
}

/// The line `Expires: 2026-05-27 15:00:00 UTC — 47 minutes ago`, in the largest sensible unit. In
/// the second of its expiry a token has already expired.
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

/// Signs `header` and `claims` by RS256.
///
/// # Errors
///
/// 500 if the claims cannot be written as JSON or the random source fails.
pub fn sign(header: &Header, claims: &impl Serialize, key: &RsaKey) -> Result<String, Error> {
    let input = signing_input(header, claims)?;
    let signature = key.sign(input.as_bytes()).map_err(Error::internal)?;
    Ok(signed(input, &signature))
}

/// The text that is signed: `header` and `claims` (RFC 7515 section 5.1).
///
/// # Errors
///
/// 500 if the claims cannot be written as JSON.
pub fn signing_input(header: &Header, claims: &impl Serialize) -> Result<String, Error> {
    let header = serde_json::to_vec(header).map_err(Error::internal)?;
    let claims = serde_json::to_vec(claims).map_err(Error::internal)?;
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)))
}

/// The token of a signing input and its signature.
pub fn signed(mut input: String, signature: &[u8]) -> String {
    input.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut input);
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_is_decoded() {
        let token = Jwt::parse(&text(r#"{"alg":"RS256"}"#, r#"{"exp":1779894000}"#)).unwrap();
        assert_eq!(token.header().get("alg").unwrap(), "RS256");
        assert_eq!(token.expires_at().unwrap().rfc3339(), "2026-05-27T15:00:00Z");
    }

    #[test]
    fn a_payload_that_is_not_a_strict_object_and_a_missing_signature_are_refused() {
        for bad in [text("{}", "1"), text("{}", r#"{"sub":"a","sub":"b"}"#), text("{}", r#"{"sub":"a"} x"#)] {
            assert!(Jwt::parse_unsigned(&bad).unwrap_err().contains("payload"), "{bad}");
        }
        assert!(Jwt::parse_unsigned(&text("{}", "")).unwrap_err().contains("part of the token is empty"));
        let unsigned = text("{}", "{}").replace("c2ln", "");
        assert!(Jwt::parse(&unsigned).unwrap_err().contains("has no signature"));
        assert!(Jwt::parse_unsigned(&unsigned).unwrap().is_unsigned());
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
    fn a_time_that_is_no_date_is_told_as_what_it_is() {
        for (value, flaw) in [
            ("null", "is null"),
            ("\"1779894000\"", "is text"),
            ("[1779894000]", "is no number"),
            ("1779894000.5", "is written with a fraction or an exponent"),
            ("1779894000.0", "is written with a fraction or an exponent"),
            ("1779894000000", "is in milliseconds"),
            ("1779894000000000", "is in microseconds"),
            ("1779894000000000000", "is in nanoseconds"),
            ("1e99", "is after the year 9999"),
            ("1e999", "is after the year 9999"),
            ("-1", "is before 1970"),
        ] {
            assert_eq!(time_flaw(Some(&serde_json::from_str(value).unwrap())), flaw, "{value}");
        }
        assert_eq!(time_flaw(None), "is missing");
    }

    #[test]
    fn dates_must_be_whole_seconds_of_a_year_people_live_in() {
        let claims = |exp: &str| Jwt::parse(&text("{}", &format!(r#"{{"exp":{exp}}}"#))).unwrap().expires_at();
        assert!(claims("0").is_some());
        for exp in ["-1", "1.5", "1e3", "\"1\"", "null", "true", "253402300800", "99999999999999999999"] {
            assert!(claims(exp).is_none(), "{exp}");
        }
    }
}
