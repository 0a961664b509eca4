//! The keys of proofs, from which mailed codes and links are made.
//!
//! They are a secret of their own, so that the function that sends mails reads no signing keys.

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{guessable, secret_lines};
use crate::error::Error;

/// The random bytes of a new key.
const RANDOM_BYTES: usize = 36;
/// The least length of a key, in bytes. A key of `openssl rand -base64 36` has 48.
const KEY_BYTES_MIN: usize = 32;

/// The keys of proofs. The first one makes challenges, codes and links, and each one opens them.
/// There are several while one replaces another.
pub struct ProofKeys {
    sealing: hmac::Key,
    others: Vec<hmac::Key>,
}

impl ProofKeys {
    /// Reads the keys, as the [`secret_lines`] of the kind `proof_key`. The bytes of a key are its
    /// text in UTF-8.
    ///
    /// # Errors
    ///
    /// A phrase that follows the name of the source and quotes nothing. Whoever guesses the key
    /// makes the code of every account, so a key that could be guessed is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = secret_lines(text, "proof_key")?;
        if lines.iter().any(|line| line.len() < KEY_BYTES_MIN) {
            return Err(format!("has a key of less than {KEY_BYTES_MIN} bytes, which could be guessed"));
        }
        if let Some(why) = lines.iter().find_map(|line| guessable(line)) {
            return Err(format!("has a key that {why}"));
        }
        let mut keys = lines.iter().map(|line| hmac::Key::new(hmac::HMAC_SHA256, line.as_bytes()));
        let sealing = keys.next().ok_or("is empty")?;
        Ok(Self { sealing, others: keys.collect() })
    }

    /// A new key, as the text of its file.
    ///
    /// # Errors
    ///
    /// 500 if the random source fails.
    pub fn generate() -> Result<String, Error> {
        let mut bytes = [0; RANDOM_BYTES];
        #[expect(clippy::disallowed_methods, reason = "makes a key")]
        aws_lc_rs::rand::fill(&mut bytes).map_err(Error::internal)?;
        Ok(STANDARD.encode(bytes) + "\n")
    }

    /// The key that makes challenges, codes and links.
    pub const fn sealing(&self) -> &hmac::Key {
        &self.sealing
    }

    /// The keys that open challenges and links, the newest first.
    pub fn opening(&self) -> impl Iterator<Item = &hmac::Key> {
        [&self.sealing].into_iter().chain(&self.others)
    }
}

impl fmt::Debug for ProofKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProofKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::proof::ProofId;

    const NEW: &str = "the new key of 32 characters, or more";
    const OLD: &str = "the key from before, which still opens";

    #[test]
    fn the_first_key_makes_and_each_one_opens() {
        let (both, old) = (ProofKeys::parse(&format!("{NEW}\n{OLD}")).unwrap(), ProofKeys::parse(OLD).unwrap());
        let id = ProofId::new([7; 12]);
        for keys in [&both, &old] {
            let found = ProofId::of_challenge(&id.challenge(keys.sealing()), both.opening());
            assert_eq!(found.map(|(found, _)| found), Some(id));
        }
        assert!(ProofId::of_challenge(&id.challenge(both.sealing()), old.opening()).is_none());
        // The code is that of the key that made the challenge.
        let (_, key) = ProofId::of_challenge(&id.challenge(old.sealing()), both.opening()).unwrap();
        assert!(id.code(key).is(&id.code(old.sealing())) && !id.code(key).is(&id.code(both.sealing())));
    }

    #[test]
    fn a_new_key_is_good_and_no_two_are_the_same() {
        let (one, other) = (ProofKeys::generate().unwrap(), ProofKeys::generate().unwrap());
        assert!(one != other && ProofKeys::parse(&one).is_ok() && ProofKeys::parse(&other).is_ok());
    }

    #[test]
    fn a_key_that_could_be_guessed_is_refused_and_not_quoted() {
        for (text, words) in [
            ("", "is empty"),
            ("hunter2 has only 31 characters.", "less than 32 bytes"),
            ("hunter2 hunter2 hunter2 hunter2 hunter2 ", "repeats"),
            (&*format!("{NEW}\nhunter2"), "less than 32 bytes"),
        ] {
            let refusal = ProofKeys::parse(text).unwrap_err();
            assert!(refusal.contains(words) && !refusal.contains("hunter2"), "{text}: {refusal}");
        }
        assert_eq!(format!("{:?}", ProofKeys::parse(NEW).unwrap()), "ProofKeys");
    }
}
