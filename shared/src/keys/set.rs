//! The key set as it is stored, in one secret or in one file, with its history.

mod changes;
mod parts;

use std::fmt;

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use changes::Change;
pub use parts::Part;

use super::pseudonyms;
use crate::{error::Error, jose::rsa::RsaKey, text, time::Timestamp};

/// The size of an HMAC key, in bytes. RFC 2104 section 3 asks for at least the size of the hash's
/// output.
pub(super) const HMAC_KEY_BYTES: usize = 32;
/// The longest value that Secrets Manager accepts, in bytes.
const DOCUMENT_BYTES_MAX: usize = 65_536;

/// The key set as it is stored: the whole set with every private key, or a [`Part`] of it.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct KeySet {
    /// The number of changes since the set was made. A part has the generation of the set that it
    /// was made from.
    #[serde(default)]
    pub(super) generation: u64,
    /// The secrets with the parts of this set.
    #[serde(default, skip_serializing_if = "PartIds::is_empty")]
    pub(super) parts: PartIds,
    /// The HMAC key of pseudonyms. A set of version 0.1 has none yet: see
    /// [`KeySet::pseudonym_secret`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pseudonym_key: Option<Zeroizing<String>>,
    pub(super) keys: Vec<KeyRecord>,
}

/// The names or ARNs of the secrets with the parts of a key set. The set itself holds them, so that
/// a change by hand finds the parts wherever it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartIds {
    /// The secret with the keys of refresh tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// The secret with the public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
}

impl PartIds {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) kid: String,
    #[serde(flatten)]
    pub(super) material: Material,
    /// The time of creation. All times are in milliseconds since the epoch.
    created_at: Timestamp,
    #[serde(flatten)]
    pub(super) term: Term,
    /// Whether somebody revoked the key by hand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    revoked: bool,
}

/// The times between which a key may sign, and is accepted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Term {
    /// The time from which the key may sign. Absent until a rotation makes the next key due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_before: Option<Timestamp>,
    /// The time from which the key is refused. Absent until a rotation or a revocation sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retired_at: Option<Timestamp>,
}

impl Term {
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.retired_at.is_none_or(|retired| now < retired)
    }

    pub(super) fn may_sign(&self, now: Timestamp) -> bool {
        self.is_live(now) && self.not_before.is_some_and(|start| start <= now)
    }

    fn is_next(&self, now: Timestamp) -> bool {
        self.is_live(now) && self.not_before.is_none()
    }
}

/// The key itself, which a retired key has lost. The record names the algorithm, so that a token's
/// header never chooses how the key is used.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "alg")]
pub(super) enum Material {
    /// Signs access tokens.
    #[serde(rename = "RS256")]
    Rsa {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        private_key: Option<Zeroizing<String>>,
        /// The public half, in [`Part::Public`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<PublicMembers>,
    },
    /// Signs refresh tokens.
    #[serde(rename = "HS256")]
    Hmac {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<Zeroizing<String>>,
    },
}

/// The members of a public RSA key (RFC 7518 section 6.3.1).
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PublicMembers {
    pub(super) n: String,
    pub(super) e: String,
}

/// The tokens that a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Access tokens, by RS256.
    Access,
    /// Refresh tokens, by HMAC with SHA-256.
    Refresh,
}

impl KeyUse {
    const ALL: [Self; 2] = [Self::Access, Self::Refresh];
}

/// The state of a key. [`keys`](crate::keys) explains the states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Published, and not signing until a rotation makes the key due.
    Next,
    /// Published, and signing from its time on.
    Due,
    /// The newest key that may sign.
    Signing,
    /// Another key signs. Tokens by this key are still accepted.
    Superseded,
    /// Refused since a time that a rotation has set.
    Retired,
    /// Refused since somebody revoked the key by hand.
    Revoked,
}

/// The public facts about a key.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    /// The key's id.
    pub kid: String,
    /// The tokens that the key signs.
    pub r#use: KeyUse,
    /// The state of the key.
    pub state: State,
    /// The time of creation. All times are in milliseconds since the epoch.
    pub created_at: Timestamp,
    /// The time from which the key signs. None if the time is not set yet.
    pub not_before: Option<Timestamp>,
    /// The time from which the key is refused. None if the time is not set yet.
    pub retired_at: Option<Timestamp>,
}

/// One new key per use, generated ahead because the generation of an RSA key is slow.
#[derive(Clone)]
pub struct NewKeys {
    access: (String, Material),
    refresh: (String, Material),
    /// For a set without a key of pseudonyms.
    pseudonym_key: Zeroizing<String>,
}

impl NewKeys {
    /// Generates the keys.
    ///
    /// # Errors
    ///
    /// 500 if the random source fails.
    pub fn generate() -> Result<Self, Error> {
        let private_key = Zeroizing::new(RsaKey::generate().map_err(Error::internal)?);
        let kid = RsaKey::from_pem(&private_key).map_err(Error::internal)?.thumbprint();
        let mut secret = Zeroizing::new([0; HMAC_KEY_BYTES]);
        let mut pseudonym_key = Zeroizing::new([0; HMAC_KEY_BYTES]);
        let mut refresh_kid = [0; 8];
        for bytes in [secret.as_mut_slice(), pseudonym_key.as_mut_slice(), &mut refresh_kid] {
            #[expect(clippy::disallowed_methods, reason = "a key set is made before there is an App")]
            rand::fill(bytes).map_err(Error::internal)?;
        }
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice()));
        Ok(Self {
            access: (kid, Material::Rsa { private_key: Some(private_key), public_key: None }),
            refresh: (URL_SAFE_NO_PAD.encode(refresh_kid), Material::Hmac { secret: Some(secret) }),
            pseudonym_key: Zeroizing::new(URL_SAFE_NO_PAD.encode(pseudonym_key.as_slice())),
        })
    }

    fn records(self, now: Timestamp, not_before: Option<Timestamp>) -> impl Iterator<Item = KeyRecord> {
        [self.access, self.refresh].into_iter().map(move |(kid, material)| KeyRecord {
            kid,
            material,
            created_at: now,
            term: Term { not_before, retired_at: None },
            revoked: false,
        })
    }
}

impl KeyRecord {
    fn purpose(&self) -> KeyUse {
        match self.material {
            Material::Rsa { .. } => KeyUse::Access,
            Material::Hmac { .. } => KeyUse::Refresh,
        }
    }

    fn revoke(&mut self, now: Timestamp) {
        (self.term.retired_at, self.revoked) = (Some(now), true);
        self.forget_private_part();
    }

    fn forget_private_part(&mut self) {
        match &mut self.material {
            Material::Rsa { private_key, public_key } => (*private_key, *public_key) = (None, None),
            Material::Hmac { secret } => *secret = None,
        }
    }
}

impl KeySet {
    /// A set with two keys per use: `current` signs from now on, and `next` is the next key.
    pub fn generate(now: Timestamp, current: NewKeys, next: NewKeys) -> Self {
        let pseudonym_key = Some(current.pseudonym_key.clone());
        let keys = current.records(now, Some(now)).chain(next.records(now, None)).collect();
        Self { generation: 1, pseudonym_key, keys, ..Self::default() }
    }

    /// Parses the document.
    ///
    /// # Errors
    ///
    /// A sentence that never quotes the document.
    pub fn parse(text: &str) -> Result<Self, String> {
        let set: Self = serde_json::from_str(text::trimmed(text))
            .map_err(|_| "The signing keys are not a key set in Latchkey's format.")?;
        let is_twice =
            |(index, key): (usize, &KeyRecord)| set.keys.iter().take(index).any(|other| other.kid == key.kid);
        if set.keys.iter().enumerate().any(is_twice) {
            return Err("Two of the signing keys have the same id.".to_owned());
        }
        Ok(set)
    }

    /// The document to store.
    ///
    /// # Errors
    ///
    /// 503 if the document would be longer than Secrets Manager accepts. Then new keys are made
    /// more often than old ones retire.
    pub fn to_json(&self) -> Result<String, Error> {
        let text = serde_json::to_string_pretty(self).map_err(Error::internal)?;
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(Error::unavailable(
                "the key set would be longer than the 64 KiB that Secrets Manager accepts: it was rotated too often, \
                 and keys of refresh tokens are kept as long as the tokens live",
            ));
        }
        Ok(text)
    }

    /// The HMAC key of pseudonyms, in base64url. A set of version 0.1 has none yet: the key is then
    /// derived from the oldest key of refresh tokens. The next change of the set keeps it.
    pub(super) fn pseudonym_secret(&self) -> Option<Zeroizing<String>> {
        let derived = || {
            let oldest = self.keys.iter().find_map(|key| match &key.material {
                Material::Hmac { secret } => secret.as_ref(),
                Material::Rsa { .. } => None,
            })?;
            let tag = pseudonyms::derived(&Zeroizing::new(URL_SAFE_NO_PAD.decode(&**oldest).ok()?));
            Some(Zeroizing::new(URL_SAFE_NO_PAD.encode(tag.as_ref())))
        };
        self.pseudonym_key.clone().or_else(derived)
    }

    /// The number of changes since the set was made.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether there is no key at all, as in a secret that was never filled.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Every key and its state, in the order of creation.
    pub fn describe(&self, now: Timestamp) -> Vec<Described> {
        let state = |key: &KeyRecord| {
            if !key.term.is_live(now) {
                return if key.revoked { State::Revoked } else { State::Retired };
            }
            match key.term.not_before {
                None => State::Next,
                Some(start) if start > now => State::Due,
                Some(_) if self.signer(key.purpose(), now).is_some_and(|signer| signer.kid == key.kid) => {
                    State::Signing
                }
                Some(_) => State::Superseded,
            }
        };
        let described = |key: &KeyRecord| Described {
            kid: key.kid.clone(),
            r#use: key.purpose(),
            state: state(key),
            created_at: key.created_at,
            not_before: key.term.not_before,
            retired_at: key.term.retired_at,
        };
        self.keys.iter().map(described).collect()
    }

    /// The newest key of a use that may sign at `now`.
    fn signer(&self, purpose: KeyUse, now: Timestamp) -> Option<&KeyRecord> {
        // Two keys may have the same time. `max_by_key` then returns the one that was made later,
        // and a `KeyRing` chooses alike.
        self.keys
            .iter()
            .filter(|key| key.purpose() == purpose && key.term.may_sign(now))
            .max_by_key(|key| key.term.not_before)
    }
}

impl fmt::Display for KeyUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Access => "access token",
            Self::Refresh => "refresh token",
        })
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeySet")
    }
}

#[cfg(test)]
mod tests;
