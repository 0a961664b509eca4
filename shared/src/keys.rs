//! Keys: the key set that signs access and refresh tokens, the Firebase service account, and where both come from.

mod loading;

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Header, jwk::JwkSet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use loading::{Keys, Loaded, Source, read_file};

use crate::{
    clock::Timestamp,
    error::Error,
    rsa::{self, RsaKey},
    token::{self, Token},
};

/// Bytes of an HMAC key (RFC 2104 section 3: no less than the hash's output).
const HMAC_KEY_BYTES: usize = 32;

/// The key set as it is kept: in one secret, or in one file of the data folder.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeySet {
    keys: Vec<KeyRecord>,
}

#[derive(Clone, Serialize, Deserialize)]
struct KeyRecord {
    kid: String,
    #[serde(flatten)]
    material: Material,
    /// Times in milliseconds since the epoch.
    created_at: Timestamp,
    /// When it may first sign.
    not_before: Timestamp,
    /// From when on it is refused; absent while it is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired_at: Option<Timestamp>,
}

/// A record carries its algorithm, so that a token's header never chooses how a key is used.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "alg")]
enum Material {
    /// Signs access tokens.
    #[serde(rename = "RS256")]
    Rsa { private_key: String },
    /// Signs refresh tokens.
    #[serde(rename = "HS256")]
    Hmac { secret: String },
}

impl KeySet {
    /// A set of one key of each use, good from now on.
    ///
    /// # Errors
    ///
    /// The random source failed.
    pub fn generate(now: Timestamp) -> Result<Self, Error> {
        let private_key = RsaKey::generate().map_err(Error::internal)?;
        let kid = RsaKey::from_pem(&private_key).map_err(Error::internal)?.thumbprint();
        let mut secret = [0; HMAC_KEY_BYTES];
        let mut refresh_kid = [0; 8];
        for bytes in [secret.as_mut_slice(), &mut refresh_kid] {
            #[expect(clippy::disallowed_methods, reason = "a key set is made before there is an App")]
            rand::fill(bytes).map_err(Error::internal)?;
        }
        let record =
            |kid: String, material| KeyRecord { kid, material, created_at: now, not_before: now, retired_at: None };
        Ok(Self {
            keys: vec![
                record(kid, Material::Rsa { private_key }),
                record(URL_SAFE_NO_PAD.encode(refresh_kid), Material::Hmac { secret: URL_SAFE_NO_PAD.encode(secret) }),
            ],
        })
    }

    /// The document to keep.
    ///
    /// # Errors
    ///
    /// None that can be made to happen.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map_err(Error::internal)
    }
}

/// A key set, parsed for use.
pub struct KeyRing {
    access: Vec<Held<RsaKey>>,
    refresh: Vec<Held<hmac::Key>>,
}

/// A key and its times.
#[derive(Debug)]
pub struct Held<K> {
    /// Its id.
    pub kid: String,
    /// The key itself.
    pub key: K,
    not_before: Timestamp,
    retired_at: Option<Timestamp>,
}

impl<K> Held<K> {
    fn is_live(&self, now: Timestamp) -> bool {
        self.retired_at.is_none_or(|retired| now < retired)
    }

    fn may_sign(&self, now: Timestamp) -> bool {
        self.is_live(now) && self.not_before <= now
    }
}

impl KeyRing {
    /// Reads the document of a [`KeySet`].
    ///
    /// # Errors
    ///
    /// A sentence that never quotes the document.
    pub fn parse(text: &str) -> Result<Self, String> {
        let set: KeySet =
            serde_json::from_str(text).map_err(|_| "The signing keys are not a key set as Latchkey writes it.")?;
        let mut ring = Self { access: Vec::new(), refresh: Vec::new() };
        for KeyRecord { kid, material, not_before, retired_at, .. } in set.keys {
            match material {
                Material::Rsa { private_key } => {
                    let key = RsaKey::from_pem(&private_key)
                        .map_err(|refusal| format!("The private key `{kid}` of the signing keys {refusal}."))?;
                    ring.access.push(Held { kid, key, not_before, retired_at });
                }
                Material::Hmac { secret } => {
                    let bytes = URL_SAFE_NO_PAD.decode(secret).unwrap_or_default();
                    if bytes.len() < HMAC_KEY_BYTES {
                        return Err(format!("The secret `{kid}` of the signing keys is not 32 bytes in base64url."));
                    }
                    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
                    ring.refresh.push(Held { kid, key, not_before, retired_at });
                }
            }
        }
        ring.access.sort_by_key(|key| std::cmp::Reverse(key.not_before));
        ring.refresh.sort_by_key(|key| std::cmp::Reverse(key.not_before));
        if ring.access.is_empty() || ring.refresh.is_empty() {
            return Err("The signing keys have no RS256 key, or no HS256 key.".to_owned());
        }
        Ok(ring)
    }

    /// The newest key that may sign access tokens at `now`.
    ///
    /// # Errors
    ///
    /// 503: all are retired or of the future.
    pub fn signing(&self, now: Timestamp) -> Result<&Held<RsaKey>, Error> {
        self.access
            .iter()
            .find(|key| key.may_sign(now))
            .ok_or_else(|| Error::unavailable("no key of the set may sign access tokens now"))
    }

    /// Signs with the newest keys and verifies it; gives the id of the one for access tokens.
    ///
    /// # Errors
    ///
    /// 503: no key may sign, or what one signs does not verify.
    pub fn self_test(&self, now: Timestamp) -> Result<&str, Error> {
        let Held { kid, key, .. } = self.signing(now)?;
        self.refresh_signing(now)?;
        let token = token::sign(&Header::new(rsa::ALGORITHM), &Map::<String, Value>::new(), key)?;
        match Token::parse(&token) {
            Ok(token) if token.is_signed_by(key.public()) => Ok(kid),
            _ => Err(Error::unavailable(format!("what the key {kid} signs does not verify: it is damaged"))),
        }
    }

    /// The key that `kid` names, unless it is retired.
    pub fn verifying(&self, kid: &str, now: Timestamp) -> Option<&Held<RsaKey>> {
        self.access.iter().find(|key| key.kid == kid && key.is_live(now))
    }

    /// The newest key that may sign refresh tokens at `now`.
    ///
    /// # Errors
    ///
    /// 503: all are retired or of the future.
    pub fn refresh_signing(&self, now: Timestamp) -> Result<&hmac::Key, Error> {
        self.refresh
            .iter()
            .find(|key| key.may_sign(now))
            .map(|key| &key.key)
            .ok_or_else(|| Error::unavailable("no key of the set may sign refresh tokens now"))
    }

    /// The keys whose refresh tokens are taken at `now`, newest first.
    pub fn refresh_verifying(&self, now: Timestamp) -> impl Iterator<Item = &hmac::Key> {
        self.refresh.iter().filter(move |key| key.is_live(now)).map(|key| &key.key)
    }

    /// The public keys, the one that signs first; one that will sign later is there already.
    pub fn jwks(&self, now: Timestamp) -> JwkSet {
        let (current, rest): (Vec<_>, Vec<_>) =
            self.access.iter().filter(|key| key.is_live(now)).partition(|key| key.may_sign(now));
        JwkSet { keys: current.into_iter().chain(rest).map(|key| key.key.jwk(&key.kid)).collect() }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyRing")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn ring(set: &KeySet) -> KeyRing {
        KeyRing::parse(&set.to_json().unwrap()).unwrap()
    }

    /// `base` with a second RSA key of these times.
    fn with_key(mut base: KeySet, not_before: Timestamp, retired_at: Option<Timestamp>) -> (KeySet, String) {
        let mut record = KeySet::generate(NOW).unwrap().keys.swap_remove(0);
        record.not_before = not_before;
        record.retired_at = retired_at;
        let kid = record.kid.clone();
        base.keys.push(record);
        (base, kid)
    }

    #[test]
    fn a_generated_set_signs_at_once() {
        let ring = ring(&KeySet::generate(NOW).unwrap());
        let kid = &ring.signing(NOW).unwrap().kid;
        assert!(ring.verifying(kid, NOW).is_some());
        assert!(ring.refresh_signing(NOW).is_ok());
        assert_eq!(ring.self_test(NOW).unwrap(), kid);
    }

    #[test]
    fn a_key_of_the_future_is_published_but_does_not_sign() {
        let later = NOW + Duration::from_secs(300);
        let (set, kid) = with_key(KeySet::generate(NOW).unwrap(), later, None);
        let ring = ring(&set);
        assert_ne!(ring.signing(NOW).unwrap().kid, kid);
        assert_eq!(ring.signing(later).unwrap().kid, kid);
        let published = |now| ring.jwks(now).keys.into_iter().map(|key| key.common.key_id.unwrap()).collect::<Vec<_>>();
        assert_eq!(published(NOW).last(), Some(&kid));
        assert_eq!(published(later).first(), Some(&kid));
    }

    #[test]
    fn a_retired_key_is_refused_and_not_published() {
        let (set, kid) = with_key(KeySet::generate(NOW).unwrap(), NOW, Some(NOW + Duration::from_secs(1)));
        let ring = ring(&set);
        let after = NOW + Duration::from_secs(1);
        assert!(ring.verifying(&kid, NOW).is_some());
        assert!(ring.verifying(&kid, after).is_none());
        assert_eq!(ring.jwks(after).keys.len(), 1);
    }

    #[test]
    fn a_set_that_cannot_work_is_refused_with_a_sentence() {
        let set = serde_json::to_value(KeySet::generate(NOW).unwrap()).unwrap();
        let broken = |change: &dyn Fn(&mut Value)| {
            let mut set = set.clone();
            change(&mut set);
            KeyRing::parse(&set.to_string()).unwrap_err()
        };
        assert!(KeyRing::parse("").unwrap_err().contains("not a key set"));
        assert!(broken(&|set| set["keys"][0]["private_key"] = "x".into()).contains("is not PEM text"));
        assert!(broken(&|set| set["keys"][1]["secret"] = "c2hvcnQ".into()).contains("32 bytes"));
        assert!(broken(&|set| set["keys"] = serde_json::json!([])).contains("no RS256 key"));
    }

    #[test]
    fn the_public_document_has_public_members_only() {
        let ring = ring(&KeySet::generate(NOW).unwrap());
        let jwks = serde_json::to_value(ring.jwks(NOW)).unwrap();
        let members: Vec<_> = jwks["keys"][0].as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
    }
}
