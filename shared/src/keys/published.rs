//! The public keys of access tokens, for whoever verifies.

use std::{cmp::Reverse, collections::HashSet, fmt, sync::Arc};

use jsonwebtoken::jwk::JwkSet;

use super::{
    ring::TimedKey,
    set::{KeyRecord, KeySet, Material, Term},
};
use crate::{
    jose::rsa::{RsaKey, RsaPublicKey},
    time::Timestamp,
};

/// The public keys of a set, newest first.
pub struct PublicKeys {
    keys: Vec<TimedKey<Arc<RsaPublicKey>>>,
    /// The ids of all keys in the set, including retired keys, which are no longer there.
    known: HashSet<String>,
}

impl PublicKeys {
    /// Parses the document of a [`KeySet`], or of its part [`Part::Public`](super::Part::Public).
    ///
    /// # Errors
    ///
    /// A sentence that never quotes the document.
    pub fn parse(text: &str) -> Result<Self, String> {
        let set = KeySet::parse(text)?;
        let mut read = Self { keys: Vec::new(), known: HashSet::new() };
        for KeyRecord { kid, material, term, .. } in set.keys {
            let Material::Rsa { private_key, public_key } = material else { continue };
            let refused = |why: &str| format!("The key `{kid}` of the public keys {why}.");
            let key = match (private_key, public_key) {
                (Some(private_key), _) => {
                    let key = RsaKey::from_pem(&private_key).map_err(|why| refused(&why))?;
                    Some(key.public_half().clone())
                }
                (None, Some(members)) => {
                    let key = RsaPublicKey::from_members(&members.n, &members.e).map_err(refused)?;
                    Some(Arc::new(key))
                }
                (None, None) => None,
            };
            read.add(kid, key, term);
        }
        read.sorted()
    }

    /// The public halves of these keys. `known` are the ids of all keys in the set.
    pub(super) fn of(keys: &[TimedKey<RsaKey>], known: HashSet<String>) -> Result<Self, String> {
        let mut read = Self { keys: Vec::new(), known };
        for TimedKey { kid, key, term } in keys.iter().rev() {
            read.add(kid.clone(), Some(key.public_half().clone()), *term);
        }
        read.sorted()
    }

    fn add(&mut self, kid: String, key: Option<Arc<RsaPublicKey>>, term: Term) {
        self.known.insert(kid.clone());
        self.keys.extend(key.map(|key| TimedKey { kid, key, term }));
    }

    fn sorted(mut self) -> Result<Self, String> {
        newest_first(&mut self.keys);
        if self.keys.is_empty() {
            return Err("The public keys have no RS256 key.".to_owned());
        }
        Ok(self)
    }

    /// Whether the set has a key with this id, retired or not.
    pub fn knows(&self, kid: &str) -> bool {
        self.known.contains(kid)
    }

    /// The key with the id `kid`, unless the key is retired.
    pub fn verifying(&self, kid: &str, now: Timestamp) -> Option<&RsaPublicKey> {
        self.keys.iter().find(|key| key.kid == kid && key.term.is_live(now)).map(|key| &*key.key)
    }

    /// The keys as they are published. The signing key is the first. Keys that will sign only later
    /// are included.
    pub fn jwks(&self, now: Timestamp) -> JwkSet {
        let (current, rest): (Vec<_>, Vec<_>) =
            self.keys.iter().filter(|key| key.term.is_live(now)).partition(|key| key.term.may_sign(now));
        JwkSet { keys: current.into_iter().chain(rest).map(|key| key.key.jwk(&key.kid)).collect() }
    }
}

/// Sorts keys by the time from which they sign. If two have the same time, the one that was made
/// later comes first.
pub(super) fn newest_first<K>(keys: &mut [TimedKey<K>]) {
    keys.reverse();
    keys.sort_by_key(|key| Reverse(key.term.not_before));
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PublicKeys")
    }
}
