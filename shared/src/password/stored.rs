//! A stored hash, read: the kind that is made here, and those that accounts bring along from elsewhere.

pub mod argon2id;
mod bcrypt;
mod fields;
mod firebase;
mod pbkdf2;
mod scrypt;

use std::ops::RangeInclusive;

use argon2::Params;
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};

use super::StoredHash;

// What a stored hash may ask for. More is a broken or hostile record, found before anything is computed or allocated for it.
const MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
const OUTPUT_BYTES: RangeInclusive<usize> = 16..=64;
/// The longest that fits the above, Firebase's with its key, takes less than 400.
const TEXT_BYTES_MAX: usize = 512;
/// More than any kind has.
const PARTS_MAX: usize = 7;

/// A hash that can be checked: each kind within its bounds of memory and time.
pub enum Stored {
    Argon2id(argon2id::Argon2id),
    Bcrypt(bcrypt::Bcrypt),
    Firebase(firebase::FirebaseScrypt),
    Pbkdf2(pbkdf2::Pbkdf2),
    Scrypt(scrypt::Scrypt),
}

impl Stored {
    /// Reads a stored hash; none if it is no hash, or of no kind that is known, or out of bounds.
    pub fn read(stored: &StoredHash) -> Option<Self> {
        let text = stored.as_str();
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let parts: Vec<&str> = text.splitn(PARTS_MAX, '$').collect();
        match *parts.as_slice() {
            ["", "argon2id", ..] => argon2id::Argon2id::read(text).map(Self::Argon2id),
            ["", "2a" | "2b" | "2y", cost, rest] => bcrypt::Bcrypt::read(cost, rest).map(Self::Bcrypt),
            ["", "fbscrypt", params, salt, output] => {
                firebase::FirebaseScrypt::read(params, salt, output).map(Self::Firebase)
            }
            ["", "pbkdf2-sha256", params, salt, output] => {
                pbkdf2::Pbkdf2::read(PBKDF2_HMAC_SHA256, params, salt, output).map(Self::Pbkdf2)
            }
            ["", "pbkdf2-sha512", params, salt, output] => {
                pbkdf2::Pbkdf2::read(PBKDF2_HMAC_SHA512, params, salt, output).map(Self::Pbkdf2)
            }
            ["pbkdf2_sha256", iterations, salt, output] => {
                pbkdf2::Pbkdf2::read_django(iterations, salt, output).map(Self::Pbkdf2)
            }
            ["", "scrypt", params, salt, output] => scrypt::Scrypt::read(params, salt, output).map(Self::Scrypt),
            _ => None,
        }
    }

    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Argon2id(_) => "argon2id",
            Self::Bcrypt(_) => "bcrypt",
            Self::Firebase(_) => "firebase-scrypt",
            Self::Pbkdf2(_) => "pbkdf2",
            Self::Scrypt(_) => "scrypt",
        }
    }

    /// Whether it is the hash of `password`.
    ///
    /// # Errors
    ///
    /// None that an input causes.
    pub fn is_of(&self, password: &[u8], areas: &argon2id::Areas) -> Result<bool, argon2::Error> {
        match self {
            Self::Argon2id(hash) => hash.is_of(password, areas),
            Self::Bcrypt(hash) => Ok(hash.is_of(password)),
            Self::Firebase(hash) => Ok(hash.is_of(password)),
            Self::Pbkdf2(hash) => Ok(hash.is_of(password)),
            Self::Scrypt(hash) => Ok(hash.is_of(password)),
        }
    }

    /// Whether it ought to be replaced by one of the current parameters.
    pub fn is_outdated(&self, current: &Params) -> bool {
        !matches!(self, Self::Argon2id(hash) if !hash.is_outdated(current))
    }

    /// Whether it takes the time of one of the current parameters.
    pub fn is_as_costly(&self, current: &Params) -> bool {
        matches!(self, Self::Argon2id(hash) if hash.is_as_costly(current))
    }
}

#[cfg(test)]
mod tests;
