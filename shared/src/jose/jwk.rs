//! JSON Web Keys (RFC 7517) for verifying signatures. A key verifies only if its own members `use`,
//! `key_ops` and `alg` allow it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::jose::jws::{Flaw, VerifyingKey};

/// The most keys that a document may hold.
pub const KEYS_MAX: usize = 100;

/// The keys of a document, usable ones and others.
#[derive(Debug, Default)]
pub struct KeyDocument {
    /// The keys by their ids.
    pub keys: Vec<(String, VerifyingKey)>,
    /// The keys that cannot be used, by their ids. The id is empty if the key has none. The usable
    /// keys are accepted all the same.
    pub flawed: Vec<(String, Flaw)>,
}

impl KeyDocument {
    /// Describes the flaw of each key in [`flawed`](Self::flawed), for the log.
    pub fn told(&self) -> String {
        let flaws: Vec<String> =
            self.flawed.iter().map(|(kid, flaw)| format!("the key {kid:?} {}", flaw.phrase())).collect();
        flaws.join("; ")
    }

    /// The ids of the keys that could not be read.
    pub fn damaged(&self) -> impl Iterator<Item = &String> {
        self.flawed.iter().filter(|(_, flaw)| matches!(flaw, Flaw::Damaged(_))).map(|(kid, _)| kid)
    }
}

/// Reads a JWK set. Skips each key that is not for RS256, ES256 or HS256 signatures, as section 5
/// asks.
///
/// # Errors
///
/// A phrase that follows "the document": the document has no array of keys, too many keys, or two
/// keys with the same id. Secrets beside public keys are refused too, because one of both kinds
/// must be a mistake.
pub fn set(document: &Map<String, Value>) -> Result<KeyDocument, &'static str> {
    let keys = document.get("keys").and_then(Value::as_array).ok_or("has no array `keys`")?;
    if keys.len() > KEYS_MAX {
        return Err("holds more than 100 keys");
    }
    let is_secret = |key: &Value| key.get("kty").is_some_and(|kty| kty == "oct");
    if keys.iter().any(is_secret) && !keys.iter().all(is_secret) {
        return Err("has secret keys beside public keys");
    }
    let mut read = KeyDocument::default();
    for key in keys {
        let Some(kid) = key.get("kid").and_then(Value::as_str).filter(|kid| !kid.is_empty()) else {
            read.flawed.push((String::new(), Flaw::Damaged("has no kid")));
            continue;
        };
        if read.keys.iter().any(|(known, _)| known == kid) {
            return Err("has two keys with the same kid");
        }
        match key_of(key) {
            Ok(Some(key)) => read.keys.push((kid.to_owned(), key)),
            Ok(None) => {}
            Err(flaw) => read.flawed.push((kid.to_owned(), flaw)),
        }
    }
    Ok(read)
}

/// Reads one key. None if the key is not for RS256, ES256 or HS256 signatures.
fn key_of(jwk: &Value) -> Result<Option<VerifyingKey>, Flaw> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let algorithm = match text("kty").ok_or(Flaw::Damaged("has no kty"))? {
        "RSA" => "RS256",
        "oct" => "HS256",
        "EC" if text("crv") == Some("P-256") => "ES256",
        _ => return Ok(None),
    };
    let use_allows = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    let algorithm_allows = jwk.get("alg").is_none_or(|alg| alg == algorithm);
    // The private half of a key has the operation `sign`, and the public half has `verify`.
    let operations_allow = jwk
        .get("key_ops")
        .is_none_or(|operations| operations.as_array().is_some_and(|all| all.iter().any(|op| op == "verify")));
    if !(use_allows && algorithm_allows && operations_allow) {
        return Ok(None);
    }
    let member = |name: &str| {
        text(name)
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .ok_or(Flaw::Damaged("lacks a member, or the member is not base64url"))
    };
    match algorithm {
        "RS256" => VerifyingKey::rsa(&member("n")?, &member("e")?),
        "ES256" => VerifyingKey::p256(&member("x")?, &member("y")?),
        _ => VerifyingKey::secret(&member("k")?),
    }
    .map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::rsa::RsaKey;

    fn read(keys: Value) -> Result<KeyDocument, &'static str> {
        set(json!({"keys": keys}).as_object().unwrap())
    }

    fn with(name: &str, value: Value) -> Value {
        let mut key =
            serde_json::to_value(RsaKey::from_pem(&RsaKey::generate().unwrap()).unwrap().public_half().jwk("a"))
                .unwrap();
        key[name] = value;
        key
    }

    #[test]
    fn a_key_is_read_by_its_id_and_a_broken_key_beside_it_is_reported() {
        let mut small = with("n", json!("AQAB"));
        small["kid"] = json!("c");
        let read = read(json!([with("kid", json!("a")), small, {"kid": "b", "kty": "RSA"}])).unwrap();
        assert_eq!((read.keys.len(), read.flawed.len()), (1, 2));
        assert_eq!((read.keys[0].0.as_str(), read.keys[0].1.algorithm()), ("a", "RS256"));
        assert!(
            read.told().ends_with(r#"the key "b" lacks a member, or the member is not base64url"#),
            "{}",
            read.told()
        );
    }

    #[test]
    fn a_key_for_another_use_is_skipped() {
        for key in [
            with("use", json!("enc")),
            with("alg", json!("RSA-OAEP")),
            with("alg", json!("RS512")),
            with("kty", json!("EC")),
            with("key_ops", json!(["encrypt"])),
            with("key_ops", json!("verify")),
        ] {
            let read = read(json!([key])).unwrap();
            assert!(read.keys.is_empty() && read.flawed.is_empty(), "{read:?}");
        }
        assert_eq!(read(json!([with("key_ops", json!(["verify"]))])).unwrap().keys.len(), 1);
    }

    #[test]
    fn a_document_that_must_be_a_mistake_is_refused() {
        let secret = json!({"kid": "s", "kty": "oct", "k": URL_SAFE_NO_PAD.encode([1; 32])});
        assert_eq!(read(json!([secret])).unwrap().keys[0].1.algorithm(), "HS256");
        assert!(read(json!([secret, with("kid", json!("b"))])).is_err());
        assert!(read(json!([with("kid", json!("a")), with("kid", json!("a"))])).is_err());
        assert!(read(json!("keys")).is_err());
        assert!(set(&Map::new()).is_err());
        assert!(read(Value::Array(vec![json!({}); KEYS_MAX + 1])).is_err());
    }
}
