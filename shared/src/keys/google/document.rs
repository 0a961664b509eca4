//! The answer of the certificate endpoint: the keys and their lifetime.
//!
//! `Cache-Control` and `Age` are read here: the crate `headers` would come into each function for
//! these two alone.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::{Map, Value};
use x509_cert::{
    Certificate,
    der::{Decode, SliceReader, asn1::UintRef},
    spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned},
};

use crate::{
    fetch::Fetched,
    jose::{
        json,
        jwk::{self, KEYS_MAX, KeyDocument},
        jws::{Flaw, VerifyingKey},
    },
};

/// The lifetime of keys whose answer names none.
const LIFETIME_DEFAULT: Duration = Duration::from_secs(3_600);
/// The longest lifetime, whatever the answer says. A mistake in a header must not keep a withdrawn
/// key alive.
const LIFETIME_MAX: Duration = Duration::from_secs(86_400);
/// The shortest lifetime. A set of keys without any lifetime could not show that another key is
/// unknown.
const LIFETIME_MIN: Duration = Duration::from_secs(1);
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Reads a whole answer: the keys and their lifetime.
///
/// # Errors
///
/// As [`read`]; also if the status is not 200.
pub fn understand(answer: &Fetched) -> Result<(KeyDocument, Duration), String> {
    understand_keys(answer, is_rsa)
}

/// Reads a whole answer like [`understand`], with every kind of public key.
pub(super) fn understand_any(answer: &Fetched) -> Result<(KeyDocument, Duration), String> {
    understand_keys(answer, |key| !matches!(key, VerifyingKey::Hs256(_)))
}

fn understand_keys(answer: &Fetched, is_wanted: fn(&VerifyingKey) -> bool) -> Result<(KeyDocument, Duration), String> {
    if answer.status == StatusCode::OK {
        Ok((read_keys(&answer.body, is_wanted)?, lifetime(&answer.headers)))
    } else {
        Err(format!("answered with status {}", answer.status))
    }
}

fn is_rsa(key: &VerifyingKey) -> bool {
    matches!(key, VerifyingKey::Rs256(_))
}

/// Reads the keys from a body: an X.509 map `{kid: PEM}` or a JWK set, told apart by the content.
///
/// # Errors
///
/// A phrase that follows "the server" and quotes nothing. The body has neither form, or holds no
/// key that can be used.
pub fn read(body: &[u8]) -> Result<KeyDocument, String> {
    read_keys(body, is_rsa)
}

fn read_keys(body: &[u8], is_wanted: fn(&VerifyingKey) -> bool) -> Result<KeyDocument, String> {
    let document = json::object(body).map_err(|refusal| format!("sent a body that {refusal}"))?;
    if document.contains_key("error") {
        return Err("sent an error instead of keys".to_owned());
    }
    let mut read = if document.get("keys").is_some_and(Value::is_array) {
        jwk::set(&document).map_err(|refusal| format!("sent a document that {refusal}"))?
    } else {
        certificates(&document)?
    };
    // A published secret is not secret: anybody could sign with it.
    read.keys.retain(|(_, key)| is_wanted(key));
    if read.keys.is_empty() {
        return Err(format!("sent a document without a key that can be used: {}", read.told()));
    }
    Ok(read)
}

fn certificates(document: &Map<String, Value>) -> Result<KeyDocument, String> {
    if document.len() > KEYS_MAX {
        return Err("sent more than 100 certificates".to_owned());
    }
    let mut read = KeyDocument::default();
    for (kid, value) in document {
        match value.as_str().ok_or(Flaw::Damaged("is not text")).and_then(public_key) {
            Ok(key) => read.keys.push((kid.clone(), key)),
            Err(flaw) => read.flawed.push((kid.clone(), flaw)),
        }
    }
    Ok(read)
}

/// The public key of a certificate in PEM. The dates and the signature of the certificate are
/// ignored, as in Google's SDKs. The TLS connection vouches for the certificate, for the lifetime
/// of the answer.
fn public_key(text: &str) -> Result<VerifyingKey, Flaw> {
    const DAMAGED: Flaw = Flaw::Damaged("is damaged");
    let block = pem::parse(text).map_err(|_| Flaw::Damaged("is not PEM text"))?;
    if block.tag() != "CERTIFICATE" {
        return Err(Flaw::Damaged("is PEM of something else"));
    }
    let certificate = Certificate::from_der(block.contents()).map_err(|_| DAMAGED)?;
    rsa_key(certificate.tbs_certificate().subject_public_key_info())
}

/// The RSA key of a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
///
/// # Errors
///
/// As [`VerifyingKey::rsa`], or the key is no RSA key.
pub fn rsa_key(key: &SubjectPublicKeyInfoOwned) -> Result<VerifyingKey, Flaw> {
    const DAMAGED: Flaw = Flaw::Damaged("is damaged");
    if key.algorithm.oid != RSA_ENCRYPTION {
        return Err(Flaw::Unsuitable("is not an RSA key"));
    }
    let bytes = key.subject_public_key.as_bytes().ok_or(DAMAGED)?;
    let (modulus, exponent) = rsa_public_key(bytes).map_err(|_| DAMAGED)?;
    VerifyingKey::rsa(modulus, exponent)
}

/// `RSAPublicKey` (RFC 8017 section A.1.1): modulus and exponent.
fn rsa_public_key(der: &[u8]) -> Result<(&[u8], &[u8]), x509_cert::der::Error> {
    use x509_cert::der::Reader;
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|inside| {
        let modulus = UintRef::decode(inside)?;
        let exponent = UintRef::decode(inside)?;
        Ok::<_, x509_cert::der::Error>((modulus.as_bytes(), exponent.as_bytes()))
    })?;
    reader.finish()?;
    Ok(parts)
}

/// The time for which the keys of an answer may be kept: `max-age` of `Cache-Control` less `Age`
/// (RFC 9111 section 4.2). The first of several `max-age` counts; a value that is no number is
/// ignored.
pub fn lifetime(headers: &HeaderMap) -> Duration {
    let max_age = texts(headers, header::CACHE_CONTROL)
        .flat_map(directives)
        .find_map(|(name, value)| name.eq_ignore_ascii_case("max-age").then(|| seconds(value?)).flatten());
    let left = max_age.map_or(LIFETIME_DEFAULT, |max_age| max_age.saturating_sub(age(headers)));
    left.clamp(LIFETIME_MIN, LIFETIME_MAX)
}

/// The time that an answer lay in a cache on its way: `Age` (RFC 9111 section 5.1).
pub fn age(headers: &HeaderMap) -> Duration {
    texts(headers, header::AGE).find_map(|value| seconds(value.trim())).unwrap_or_default()
}

fn texts(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// The directives `name[=value]`, divided by commas outside quotes. A quoted value loses its
/// quotes.
fn directives(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut quoted = false;
    text.split(move |letter| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    })
    .map(|directive| match directive.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
        None => (directive.trim(), None),
    })
}

/// Reads delta-seconds: digits alone. A number that does not fit becomes the largest one.
fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::certificate;

    fn map(entries: Value) -> Result<KeyDocument, String> {
        read(entries.to_string().as_bytes())
    }

    #[test]
    fn both_forms_are_read_and_told_by_the_body() {
        let (pem, jwk) = (certificate(0).pem(), certificate(0).jwk("a"));
        for document in [json!({"a": pem}), json!({"keys": [jwk]})] {
            let read = map(document).unwrap();
            assert_eq!((read.keys.len(), read.keys[0].0.as_str()), (1, "a"));
            assert!(read.flawed.is_empty());
        }
    }

    #[test]
    fn a_broken_certificate_among_good_ones_is_told_and_costs_no_other() {
        let pem = certificate(0).pem();
        let public = pem.replace("CERTIFICATE", "PUBLIC KEY");
        let damaged = pem.replacen("MII", "AII", 1);
        let read = map(json!({"good": pem, "text": "x", "public": public, "damaged": damaged, "number": 1})).unwrap();
        assert_eq!(read.keys.len(), 1);
        assert_eq!(
            read.told(),
            "the key \"damaged\" is damaged; the key \"number\" is not text; the key \"public\" is PEM of something else; \
             the key \"text\" is not PEM text"
        );
    }

    #[test]
    fn what_has_no_keys_is_refused_and_not_quoted() {
        let pem = certificate(0).pem();
        for (body, words) in [
            ("<html>hunter2</html>".to_owned(), "not valid JSON"),
            (json!([{"a": pem}]).to_string(), "not a JSON object"),
            ("{}".to_owned(), "without a key"),
            (r#"{"keys":[]}"#.to_owned(), "without a key"),
            (json!({"error": {"code": 500}, "a": pem}).to_string(), "an error"),
            (json!({"a": "hunter2"}).to_string(), "is not PEM text"),
            (format!(r#"{{"a":{pem:?},"a":{pem:?}}}"#), "a key twice"),
            (json!({"keys": [{"kid": "s", "kty": "oct", "k": "A".repeat(43)}]}).to_string(), "without a key"),
        ] {
            let refusal = read(body.as_bytes()).unwrap_err();
            assert!(refusal.contains(words) && !refusal.contains("hunter2"), "{body}: {refusal}");
        }
        let many: Map<String, Value> = (0..=KEYS_MAX).map(|n| (n.to_string(), json!(pem))).collect();
        assert!(map(Value::Object(many)).unwrap_err().contains("more than 100"));
    }

    #[test]
    fn the_lifetime_is_max_age_less_age() {
        let lifetime_of = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            lifetime(&HeaderMap::from_iter(headers)).as_secs()
        };
        for (value, seconds) in [
            ("public, max-age=19204, must-revalidate, no-transform", 19_204),
            ("max-age=1", 1),
            ("MAX-AGE = 60", 60),
            ("max-age=\"60\"", 60),
            ("private=\"a, max-age=9\", max-age=60", 60),
            ("max-age=60, max-age=90", 60),
            ("max-age=0", 1),
            ("max-age=99999999999999999999999", 86_400),
            ("no-cache", 3_600),
            ("max-age=-1", 3_600),
            ("max-age=1e3", 3_600),
            ("max-age", 3_600),
            ("max-age=", 3_600),
            ("x-max-age=5", 3_600),
            ("s-maxage=5", 3_600),
            ("", 3_600),
        ] {
            assert_eq!(lifetime_of(&[("cache-control", value)]), seconds, "{value}");
        }
        assert_eq!(lifetime_of(&[]), 3_600);
        assert_eq!(lifetime_of(&[("cache-control", "max-age=100"), ("age", "40")]), 60);
        assert_eq!(lifetime_of(&[("cache-control", "max-age=100"), ("age", "140")]), 1);
        assert_eq!(lifetime_of(&[("cache-control", "max-age=100"), ("age", "x")]), 100);
    }
}
