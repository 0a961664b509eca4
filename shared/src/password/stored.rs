//! Stored hashes: the kind that is made here, and the kinds that imported accounts bring along.

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

// The bounds of a stored hash. A record beyond them is broken or hostile, and is refused before
// anything is computed or allocated for it.
const MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
const SALT_BYTES: RangeInclusive<usize> = 8..=64;
const OUTPUT_BYTES: RangeInclusive<usize> = 16..=64;
/// The longest text that is read. Firebase's, the longest kind within the bounds, has fewer than
/// 400 bytes.
const TEXT_BYTES_MAX: usize = 512;
/// The number of parts that a text is split into, which is more than any kind has.
const PARTS_MAX: usize = 7;

/// A hash that was read, and is within its kind's bounds of memory and time.
pub enum Stored {
    Argon2id(argon2id::Argon2id),
    Bcrypt(bcrypt::Bcrypt),
    Firebase(firebase::FirebaseScrypt),
    Pbkdf2(pbkdf2::Pbkdf2),
    Scrypt(scrypt::Scrypt),
}

impl Stored {
    /// Reads a stored hash. `None` if the text is no hash, of an unknown kind, or out of bounds.
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

    /// The name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Argon2id(_) => "argon2id",
            Self::Bcrypt(_) => "bcrypt",
            Self::Firebase(_) => "firebase-scrypt",
            Self::Pbkdf2(_) => "pbkdf2",
            Self::Scrypt(_) => "scrypt",
        }
    }

    /// Whether this is the hash of `password`.
    ///
    /// # Errors
    ///
    /// Argon2 fails, which no input causes.
    pub fn verify(&self, password: &[u8], areas: &argon2id::WorkAreas) -> Result<bool, argon2::Error> {
        match self {
            Self::Argon2id(hash) => hash.verify(password, areas),
            Self::Bcrypt(hash) => Ok(hash.verify(password)),
            Self::Firebase(hash) => Ok(hash.verify(password)),
            Self::Pbkdf2(hash) => Ok(hash.verify(password)),
            Self::Scrypt(hash) => Ok(hash.verify(password)),
        }
    }

    /// Whether a hash of the current parameters should replace this one.
    pub fn is_outdated(&self, current: &Params) -> bool {
        !matches!(self, Self::Argon2id(hash) if !hash.is_outdated(current))
    }

    /// Whether this hash takes as long as one of the current parameters.
    pub fn is_as_costly(&self, current: &Params) -> bool {
        matches!(self, Self::Argon2id(hash) if hash.is_as_costly(current))
    }
}

#[cfg(test)]
mod tests;
