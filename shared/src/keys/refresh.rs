//! The keys of refresh tokens.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{
    Pseudonyms,
    published::newest_first,
    ring::TimedKey,
    set::{HMAC_KEY_BYTES, KeyRecord, KeySet, Material},
};
use crate::{error::Error, time::Timestamp};

/// The keys of refresh tokens of a set, newest first, and the key of pseudonyms.
pub struct RefreshKeys {
    keys: Vec<TimedKey<hmac::Key>>,
    pseudonym_key: hmac::Key,
}

impl RefreshKeys {
    /// Parses the document of a [`KeySet`], or of its part [`Part::Refresh`](super::Part::Refresh).
    ///
    /// # Errors
    ///
    /// A sentence that never quotes the document.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::of(&KeySet::parse(text)?)
    }

    pub(super) fn of(set: &KeySet) -> Result<Self, String> {
        let mut keys = Vec::new();
        for KeyRecord { kid, material, term, .. } in &set.keys {
            match material {
                Material::Hmac { secret: Some(secret) } => {
                    let bytes = URL_SAFE_NO_PAD.decode(&**secret).unwrap_or_default();
                    if bytes.len() < HMAC_KEY_BYTES {
                        return Err(format!("The secret `{kid}` of the signing keys is not 32 bytes in base64url."));
                    }
                    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
                    keys.push(TimedKey { kid: kid.clone(), key, term: *term });
                }
                Material::Hmac { secret: None } if term.retired_at.is_none() => {
                    return Err(format!("The key `{kid}` of the signing keys is in use and has no private part."));
                }
                Material::Hmac { .. } | Material::Rsa { .. } => {}
            }
        }
        newest_first(&mut keys);
        if keys.is_empty() {
            return Err("The signing keys have no HS256 key.".to_owned());
        }
        let bytes = set.pseudonym_secret().and_then(|text| URL_SAFE_NO_PAD.decode(&*text).ok()).map(Zeroizing::new);
        let bytes = bytes.filter(|bytes| bytes.len() >= HMAC_KEY_BYTES);
        let bytes = bytes.ok_or("The key of pseudonyms of the signing keys is not 32 bytes in base64url.")?;
        Ok(Self { keys, pseudonym_key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// The maker of pseudonyms under the key of this set.
    pub fn pseudonyms(&self) -> Pseudonyms {
        Pseudonyms::with_key(self.pseudonym_key.clone())
    }

    /// The key of pseudonyms.
    pub(super) fn pseudonym_key(&self) -> &hmac::Key {
        &self.pseudonym_key
    }

    /// The key that signed at `made_at`, when a refresh token was first made. A client that asks
    /// for the token again therefore gets the same text. If that key is retired, the newest key
    /// that may sign at `now` replaces it.
    ///
    /// # Errors
    ///
    /// 503 if every key is retired or may sign only later.
    pub fn signing(&self, made_at: Timestamp, now: Timestamp) -> Result<&hmac::Key, Error> {
        let live = || self.keys.iter().filter(|key| key.term.is_live(now));
        let then = live().find(|key| key.term.not_before.is_some_and(|start| start <= made_at));
        then.or_else(|| live().find(|key| key.term.may_sign(now)))
            .map(|key| &key.key)
            .ok_or_else(|| Error::unavailable("no key of the set may sign refresh tokens now"))
    }

    /// The keys whose refresh tokens are accepted at `now`, newest first.
    pub fn verifying(&self, now: Timestamp) -> impl Iterator<Item = &hmac::Key> {
        self.keys.iter().filter(move |key| key.term.is_live(now)).map(|key| &key.key)
    }
}

impl fmt::Debug for RefreshKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefreshKeys")
    }
}
