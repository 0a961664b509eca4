//! Server API keys: a trusted server sends one instead of a user's password.

use std::fmt;

use aws_lc_rs::{
    constant_time,
    digest::{SHA256, digest},
};

use crate::keys::secret_lines;

/// The API keys of a deployment. There are several while a new key replaces an old one. Only
/// digests are kept. All have the same length, so the time of a comparison reveals nothing about a
/// key.
pub struct ApiKeys(Vec<Vec<u8>>);

impl ApiKeys {
    /// Reads the keys, as the [`secret_lines`] of the kind `api_key`.
    ///
    /// # Errors
    ///
    /// A phrase that follows the name of the source and quotes nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(secret_lines(text, "api_key")?.iter().map(|key| hash(key)).collect()))
    }

    /// Whether `presented` is one of the keys. Every key is compared, even after a match.
    pub fn contains(&self, presented: &str) -> bool {
        let presented = hash(presented);
        let matches = |key: &Vec<u8>| constant_time::verify_slices_are_equal(key, &presented).is_ok();
        self.0.iter().fold(false, |found, key| found | matches(key))
    }
}

fn hash(key: &str) -> Vec<u8> {
    digest(&SHA256, key.as_bytes()).as_ref().to_vec()
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_keys_is_accepted_and_nothing_else() {
        let keys = ApiKeys::parse("first\nsecond").unwrap();
        for good in ["first", "second"] {
            assert!(keys.contains(good));
        }
        for bad in ["", "firs", "firstt", "First", "first\nsecond", "third"] {
            assert!(!keys.contains(bad), "{bad}");
        }
    }
}
