//! The parsed key set, which signs and verifies.

use std::{collections::HashSet, fmt, sync::Arc};

use jsonwebtoken::Header;
use serde_json::{Map, Value};

use super::{
    published::{PublicKeys, newest_first},
    refresh::RefreshKeys,
    set::{KeyRecord, KeySet, Material, Term},
};
use crate::{
    error::Error,
    jose::{
        jwt::{self, Jwt},
        rsa::{self, RsaKey},
    },
    time::Timestamp,
};

/// The keys of a whole set, newest first.
pub struct KeyRing {
    access: Vec<TimedKey<RsaKey>>,
    public: Arc<PublicKeys>,
    refresh: Arc<RefreshKeys>,
}

/// A key with its times.
#[derive(Debug)]
pub struct TimedKey<K> {
    /// The key's id.
    pub kid: String,
    /// The key itself.
    pub key: K,
    pub(super) term: Term,
}

impl<K> TimedKey<K> {
    /// The time from which the key signs. None if the time is not set yet.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.term.not_before
    }
}

impl KeyRing {
    /// Parses the document of a whole [`KeySet`].
    ///
    /// # Errors
    ///
    /// A sentence that never quotes the document.
    pub fn parse(text: &str) -> Result<Self, String> {
        let set = KeySet::parse(text)?;
        let refresh = RefreshKeys::of(&set);
        let (mut access, mut known) = (Vec::new(), HashSet::new());
        for KeyRecord { kid, material, term, .. } in set.keys {
            let Material::Rsa { private_key, .. } = material else { continue };
            known.insert(kid.clone());
            match private_key {
                Some(private_key) => {
                    let key = RsaKey::from_pem(&private_key)
                        .map_err(|refusal| format!("The private key `{kid}` of the signing keys {refusal}."))?;
                    access.push(TimedKey { kid, key, term });
                }
                None if term.retired_at.is_some() => {}
                None => return Err(format!("The key `{kid}` of the signing keys is in use and has no private part.")),
            }
        }
        newest_first(&mut access);
        if access.is_empty() {
            return Err("The signing keys have no RS256 key.".to_owned());
        }
        Ok(Self { public: Arc::new(PublicKeys::of(&access, known)?), refresh: Arc::new(refresh?), access })
    }

    /// The public keys.
    pub fn public(&self) -> &Arc<PublicKeys> {
        &self.public
    }

    /// The keys of refresh tokens.
    pub fn refresh(&self) -> &Arc<RefreshKeys> {
        &self.refresh
    }

    /// The private key with the id `kid`, whatever its times are.
    pub fn key(&self, kid: &str) -> Option<&TimedKey<RsaKey>> {
        self.access.iter().find(|key| key.kid == kid)
    }

    /// The newest key that may sign access tokens at `now`.
    ///
    /// # Errors
    ///
    /// 503 if every key is retired or may sign only later.
    pub fn signing(&self, now: Timestamp) -> Result<&TimedKey<RsaKey>, Error> {
        self.access
            .iter()
            .find(|key| key.term.may_sign(now))
            .ok_or_else(|| Error::unavailable("no key of the set may sign access tokens now"))
    }

    /// Signs with every key and verifies the signatures. Returns the id of the key that signs
    /// access tokens.
    ///
    /// # Errors
    ///
    /// 503 if no key may sign, or if a signature does not verify.
    pub fn self_test(&self, now: Timestamp) -> Result<&str, Error> {
        let signing = self.signing(now)?;
        self.refresh.signing(now, now)?;
        self.prove(now).map_err(Error::unavailable)?;
        Ok(&signing.kid)
    }

    /// Signs with every key and verifies the signatures. Keys that will sign only later are
    /// included.
    ///
    /// # Errors
    ///
    /// A sentence if a key is damaged.
    pub(super) fn prove(&self, now: Timestamp) -> Result<(), String> {
        let is_good = |key: &RsaKey| {
            jwt::sign(&Header::new(rsa::ALGORITHM), &Map::<String, Value>::new(), key)
                .is_ok_and(|token| Jwt::parse(&token).is_ok_and(|token| token.is_signed_by(key.public())))
        };
        match self.access.iter().find(|key| key.term.is_live(now) && !is_good(&key.key)) {
            Some(TimedKey { kid, .. }) => {
                Err(format!("a signature by the key {kid} does not verify: the key is damaged"))
            }
            None => Ok(()),
        }
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

    use aws_lc_rs::hmac;

    use super::*;
    use crate::keys::NewKeys;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn generated() -> KeySet {
        KeySet::generate(NOW, NewKeys::generate().unwrap(), NewKeys::generate().unwrap())
    }

    fn ring(set: &KeySet) -> KeyRing {
        KeyRing::parse(&set.to_json().unwrap()).unwrap()
    }

    /// A set in which the next key of access tokens has these times, and the key's id.
    fn with_times(not_before: Timestamp, retired_at: Option<Timestamp>) -> (KeySet, String) {
        let mut set = generated();
        let next = set.keys.iter_mut().find(|key| key.term.not_before.is_none()).unwrap();
        (next.term.not_before, next.term.retired_at) = (Some(not_before), retired_at);
        let kid = next.kid.clone();
        (set, kid)
    }

    fn published(ring: &KeyRing, now: Timestamp) -> Vec<String> {
        ring.public().jwks(now).keys.into_iter().map(|key| key.common.key_id.unwrap()).collect()
    }

    #[test]
    fn a_generated_set_signs_at_once_and_publishes_the_next_key_too() {
        let ring = ring(&generated());
        let kid = &ring.signing(NOW).unwrap().kid;
        assert!(ring.public().verifying(kid, NOW).is_some() && ring.public().knows(kid));
        assert!(ring.refresh().signing(NOW, NOW).is_ok());
        assert_eq!(ring.self_test(NOW).unwrap(), kid);
        let published = published(&ring, NOW);
        assert_eq!((published.len(), &published[0]), (2, kid));
        assert!(ring.public().verifying(&published[1], NOW).is_some());
    }

    #[test]
    fn a_key_of_the_future_is_published_but_does_not_sign() {
        let later = NOW + Duration::from_secs(300);
        let (set, kid) = with_times(later, None);
        let ring = ring(&set);
        assert_ne!(ring.signing(NOW).unwrap().kid, kid);
        assert_eq!(ring.signing(later).unwrap().kid, kid);
        assert_eq!(published(&ring, NOW).last(), Some(&kid));
        assert_eq!(published(&ring, later).first(), Some(&kid));
    }

    #[test]
    fn a_retired_key_is_refused_and_not_published() {
        let after = NOW + Duration::from_secs(1);
        let (set, kid) = with_times(NOW, Some(after));
        let ring = ring(&set);
        assert!(ring.public().verifying(&kid, NOW).is_some());
        assert!(ring.public().verifying(&kid, after).is_none() && ring.public().knows(&kid));
        assert_eq!(published(&ring, after).len(), 1);
    }

    #[test]
    fn a_refresh_token_that_is_made_again_is_made_by_the_key_of_its_time() {
        let later = NOW + Duration::from_secs(300);
        let mut set = generated();
        set.keys.retain(|key| key.term.not_before.is_some());
        let mut next = generated().keys.into_iter().find(|key| matches!(key.material, Material::Hmac { .. })).unwrap();
        next.term.not_before = Some(later);
        set.keys.push(next);
        let tag = |ring: &KeyRing, made_at, now| {
            hmac::sign(ring.refresh().signing(made_at, now).unwrap(), b"message").as_ref().to_vec()
        };
        let both = ring(&set);
        let (first, second) = (tag(&both, NOW, NOW), tag(&both, later, later));
        assert_ne!(first, second);
        assert_eq!(tag(&both, NOW, later), first);
        assert_eq!(both.refresh().verifying(later).count(), 2);
        // A time before all keys belongs to a key that the set has forgotten.
        assert_eq!(tag(&both, Timestamp::from_seconds(0), later), second);
        let old = set.keys.iter_mut().find(|key| matches!(key.material, Material::Hmac { .. })).unwrap();
        old.term.retired_at = Some(later);
        assert_eq!(tag(&ring(&set), NOW, later), second);
    }

    #[test]
    fn a_set_that_cannot_work_is_refused_with_a_sentence() {
        let set = serde_json::to_value(generated()).unwrap();
        let broken = |change: &dyn Fn(&mut Value)| {
            let mut set = set.clone();
            change(&mut set);
            KeyRing::parse(&set.to_string()).unwrap_err()
        };
        assert!(KeyRing::parse("").unwrap_err().contains("not a key set"));
        assert!(broken(&|set| set["keys"][0]["private_key"] = "x".into()).contains("is not PEM text"));
        assert!(broken(&|set| set["keys"][0]["private_key"] = Value::Null).contains("has no private part"));
        assert!(broken(&|set| set["keys"][1]["secret"] = "c2hvcnQ".into()).contains("32 bytes"));
        assert!(broken(&|set| set["keys"] = serde_json::json!([])).contains("no RS256 key"));
        assert!(broken(&|set| set["keys"][0]["kid"] = set["keys"][1]["kid"].clone()).contains("have the same id"));
    }

    #[test]
    fn the_public_document_has_public_members_only() {
        let jwks = serde_json::to_value(ring(&generated()).public().jwks(NOW)).unwrap();
        for key in jwks["keys"].as_array().unwrap() {
            let members: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
            assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
        }
    }
}
