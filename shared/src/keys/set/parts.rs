//! The parts of a key set. Each part is a document of its own, for functions that need no more.
//!
//! The whole set is the document of the functions that sign. They need every key, so that no
//! process reads two documents, and none can mix two generations.

use std::time::Duration;

use super::{KeyRecord, KeySet, KeyUse, Material, PublicMembers, Term};
use crate::{jose::rsa::RsaKey, time::Timestamp};

/// The time for which a part keeps a key that was announced, and is in no set in force yet. A
/// change takes minutes.
const ANNOUNCED: Duration = Duration::from_secs(86_400);

/// A part of the key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The public keys, for functions that verify access tokens or publish the keys. No secret is
    /// in this part.
    Public,
    /// The keys of refresh tokens, for functions that accept refresh tokens and sign nothing.
    Refresh,
}

impl Part {
    /// The order of writing: whoever verifies knows a key first.
    pub const ALL: [Self; 2] = [Self::Public, Self::Refresh];

    /// The name of the part, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public keys",
            Self::Refresh => "keys of refresh tokens",
        }
    }

    const fn purpose(self) -> KeyUse {
        match self {
            Self::Public => KeyUse::Access,
            Self::Refresh => KeyUse::Refresh,
        }
    }
}

impl KeySet {
    /// The part of this set, with the history: whoever verifies must tell a retired key from an
    /// unknown one.
    ///
    /// # Errors
    ///
    /// A sentence if a private key is damaged, so that its public half is unknown.
    pub fn part(&self, part: Part) -> Result<Self, String> {
        let records = self.keys.iter().filter(|key| key.purpose() == part.purpose());
        let keys = records.map(KeyRecord::without_private_key).collect::<Result<_, _>>()?;
        let pseudonym_key = self.pseudonym_secret().filter(|_| part == Part::Refresh);
        Ok(Self { generation: self.generation, pseudonym_key, keys, ..Self::default() })
    }

    /// Whether this document may be that part: it holds no private key and no key of another use.
    pub(crate) fn is_part(&self, part: Part) -> bool {
        let is_private = |key: &KeyRecord| matches!(&key.material, Material::Rsa { private_key: Some(_), .. });
        let has_names = self.pseudonym_key.is_some() && part == Part::Public;
        !has_names && self.keys.iter().all(|key| key.purpose() == part.purpose() && !is_private(key))
    }

    /// The name or the ARN of the secret with a part of this set.
    pub(crate) fn part_id(&self, part: Part) -> Option<&str> {
        match part {
            Part::Public => self.parts.public.as_deref(),
            Part::Refresh => self.parts.refresh.as_deref(),
        }
    }

    /// This part with the live keys of `coming` that it lacks, as next keys. None if it lacks none.
    /// Nothing else changes, as `coming` may never come into force. A key that is revoked in this
    /// part stays so: somebody may have revoked the key after `coming` was made.
    pub(crate) fn announcing(&self, coming: &Self, now: Timestamp) -> Option<Self> {
        let is_decided =
            |kid: &str| self.keys.iter().any(|key| key.kid == kid && (key.revoked || key.term.is_live(now)));
        let lacking = |key: &&KeyRecord| key.term.is_live(now) && !is_decided(&key.kid);
        let missing: Vec<KeyRecord> = coming.keys.iter().filter(lacking).cloned().collect();
        if missing.is_empty() {
            return None;
        }
        let mut announced = self.clone();
        announced.pseudonym_key = announced.pseudonym_key.or_else(|| coming.pseudonym_key.clone());
        announced.keys.retain(|key| missing.iter().all(|other| other.kid != key.kid));
        announced.keys.extend(missing.into_iter().map(|key| KeyRecord { term: Term::default(), ..key }));
        Some(announced)
    }

    /// This part with the keys that `before` announced for a set that may still come into force.
    pub(crate) fn keeping_announced(mut self, before: &Self, now: Timestamp) -> Self {
        let announced: Vec<KeyRecord> = before
            .keys
            .iter()
            .filter(|key| {
                let is_young = now < key.created_at + ANNOUNCED;
                key.term.is_next(now) && is_young && self.keys.iter().all(|other| other.kid != key.kid)
            })
            .cloned()
            .collect();
        self.keys.extend(announced);
        self
    }
}

impl KeyRecord {
    fn without_private_key(&self) -> Result<Self, String> {
        let material = match &self.material {
            Material::Rsa { private_key: Some(private_key), .. } => {
                let refused = |refusal| format!("The private key `{}` of the signing keys {refusal}.", self.kid);
                let key = RsaKey::from_pem(private_key).map_err(refused)?;
                let (n, e) = key.public_half().members();
                let public_key = Some(PublicMembers { n: n.to_owned(), e: e.to_owned() });
                Material::Rsa { private_key: None, public_key }
            }
            other => other.clone(),
        };
        Ok(Self { material, ..self.clone() })
    }
}

#[cfg(test)]
mod tests;
