//! Pseudonyms: the names of people in the log, and of subjects in the keys of the limits' records.
//!
//! A pseudonym is an HMAC under a key of its own. Whoever has the log or the table, and a list of
//! addresses, therefore learns nothing. The key is part of the key set, and of the document with
//! the keys of refresh tokens. Every function that names a person has one of the two.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The length of a pseudonym, in bytes. Two of 2^64 pseudonyms are equal with even chance.
const PSEUDONYM_BYTES: usize = 16;
/// The text under which the key of a set of version 0.1 is derived from a key of refresh tokens.
const DERIVED: &[u8] = b"latchkey pseudonyms";

/// The maker of pseudonyms, which learns its key from the key set that is loaded. Clones share the
/// key.
#[derive(Clone, Default)]
pub struct Pseudonyms(Arc<RwLock<Option<hmac::Key>>>);

impl Pseudonyms {
    /// The maker with this key.
    pub(super) fn with_key(key: hmac::Key) -> Self {
        Self(Arc::new(RwLock::new(Some(key))))
    }

    /// Takes over the key of a set that was loaded.
    pub(super) fn learn(&self, key: &hmac::Key) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
    }

    /// The pseudonym of an identifier or of an account's id, as 22 characters of base64url. Empty
    /// while no key set is loaded.
    ///
    /// In a log line `identity` is the pseudonym of
    /// [`Identifier::key`](crate::account::email::Identifier::key), and `user` the pseudonym of an
    /// account's id. `latchkey users show` prints those of an account.
    pub fn of(&self, text: &str) -> String {
        self.digest("person", &[text]).unwrap_or_default()
    }

    /// The HMAC of these parts for a purpose, in the form of a pseudonym. None while no key set is
    /// loaded.
    pub fn digest(&self, purpose: &str, parts: &[&str]) -> Option<String> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut context = hmac::Context::with_key(held.as_ref()?);
        for part in [purpose].iter().chain(parts) {
            // The length keeps the parts apart.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let tag = context.sign();
        Some(URL_SAFE_NO_PAD.encode(tag.as_ref().get(..PSEUDONYM_BYTES).unwrap_or_default()))
    }
}

/// The key of pseudonyms of a set that has none yet. It is derived, so that every process finds the
/// same one, and later sets keep it.
pub(super) fn derived(refresh_key: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, refresh_key), DERIVED)
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pseudonyms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms(key: u8) -> Pseudonyms {
        Pseudonyms::with_key(hmac::Key::new(hmac::HMAC_SHA256, &[key; 32]))
    }

    #[test]
    fn nobody_computes_a_pseudonym_without_the_key() {
        let names = pseudonyms(7);
        let name = names.of("a@b.de");
        assert_eq!((name.len(), &name), (22, &pseudonyms(7).of("a@b.de")));
        assert_ne!(name, pseudonyms(8).of("a@b.de"));
        assert_ne!(name, names.of("a@b.dx"));
        // printf %s a@b.de | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
        assert_ne!(name, "NjoXX2V4bneZ5DoX4_n3ug");
    }

    #[test]
    fn parts_and_purposes_are_kept_apart() {
        let names = pseudonyms(7);
        let all =
            [("a", &["b", "c"][..]), ("a", &["bc"]), ("a", &["b", "", "c"]), ("ab", &["c"]), ("person", &["b", "c"])];
        let digests: std::collections::HashSet<_> =
            all.into_iter().map(|(purpose, parts)| names.digest(purpose, parts).unwrap()).collect();
        assert_eq!(digests.len(), all.len());
    }

    #[test]
    fn there_is_no_pseudonym_before_a_set_is_loaded() {
        let names = Pseudonyms::default();
        assert_eq!((names.of("a"), names.digest("a", &[])), (String::new(), None));
        names.clone().learn(&hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]));
        assert_eq!(names.of("a"), pseudonyms(7).of("a"));
    }
}
