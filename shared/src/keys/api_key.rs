//! Server API keys: what a trusted server shows instead of a password.

use std::fmt;

use aws_lc_rs::{
    constant_time,
    digest::{SHA256, digest},
};

use crate::keys::secret_lines;

/// The keys of a deployment; more than one while they are exchanged. Only their digests are held: all of one length, they are
/// compared in a time that tells nothing.
pub struct ApiKeys(Vec<Vec<u8>>);

impl ApiKeys {
    /// Reads them, as [`secret_lines`] of `api_key`.
    ///
    /// # Errors
    ///
    /// A phrase that follows the name of their source and quotes nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(secret_lines(text, "api_key")?.iter().map(|key| hash(key)).collect()))
    }

    /// Whether `presented` is one of them. Each is compared, whatever the others said.
    pub fn contains(&self, presented: &str) -> bool {
        let presented = hash(presented);
        let is = |key: &Vec<u8>| constant_time::verify_slices_are_equal(key, &presented).is_ok();
        self.0.iter().fold(false, |admitted, key| admitted | is(key))
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
    fn each_of_the_keys_is_admitted_and_nothing_else() {
        let keys = ApiKeys::parse("first\nsecond").unwrap();
        for good in ["first", "second"] {
            assert!(keys.contains(good));
        }
        for bad in ["", "firs", "firstt", "First", "first\nsecond", "third"] {
            assert!(!keys.contains(bad), "{bad}");
        }
    }
}
