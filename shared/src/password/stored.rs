//! Stored hashes: the kind that is made here, and the kinds that imported accounts bring along.

pub mod argon2;
mod bcrypt;
mod fields;
mod firebase;
mod pbkdf2;
mod refusal;
mod scrypt;

use std::ops::RangeInclusive;

use ::argon2::Params;

pub use refusal::Refusal;

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
    Argon2(argon2::Argon2),
    Bcrypt(bcrypt::Bcrypt),
    Firebase(firebase::FirebaseScrypt),
    Pbkdf2(pbkdf2::Pbkdf2),
    Scrypt(scrypt::Scrypt),
}

impl Stored {
    /// Reads a stored hash.
    ///
    /// # Errors
    ///
    /// The text is no hash, of a kind that is not checked here, or out of bounds.
    pub fn read(stored: &StoredHash) -> Result<Self, Refusal> {
        let text = stored.as_str();
        if text.len() > TEXT_BYTES_MAX {
            return Err(Refusal::TOO_LONG);
        }
        // Spring and Dovecot write the name of the kind before the text, in braces.
        let braced = text.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(_, rest)| rest);
        let text = braced.filter(|rest| rest.starts_with("$2") || rest.starts_with("$argon2")).unwrap_or(text);
        // Django writes the name of its own class before the text of argon2 and bcrypt.
        let text = text.strip_prefix("argon2").filter(|rest| rest.starts_with("$argon2")).unwrap_or(text);
        let text = text.strip_prefix("bcrypt$").unwrap_or(text);
        let parts: Vec<&str> = text.splitn(PARTS_MAX, '$').collect();
        match *parts.as_slice() {
            ["", kind @ ("argon2id" | "argon2i" | "argon2d"), ..] => argon2::Argon2::read(kind, text).map(Self::Argon2),
            ["", "2" | "2a" | "2b" | "2y", cost, rest] => bcrypt::Bcrypt::read(cost, rest).map(Self::Bcrypt),
            ["bcrypt_sha256", "", "2a" | "2b" | "2y", cost, rest] => {
                bcrypt::Bcrypt::read_django_sha256(cost, rest).map(Self::Bcrypt)
            }
            ["", "wp", "2a" | "2b" | "2y", cost, rest] => bcrypt::Bcrypt::read_wordpress(cost, rest).map(Self::Bcrypt),
            ["", "bcrypt-sha256", params, salt, output] => {
                bcrypt::Bcrypt::read_passlib_sha256(params, salt, output).map(Self::Bcrypt)
            }
            ["", "fbscrypt", params, salt, output] => {
                firebase::FirebaseScrypt::read(params, salt, output).map(Self::Firebase)
            }
            ["", "fbscrypt-stream", params, salt, stream] => {
                firebase::FirebaseScrypt::read_stream(params, salt, stream).map(Self::Firebase)
            }
            ["", kind @ ("pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512"), params, salt, output] => {
                pbkdf2::Pbkdf2::read(kind, params, salt, output).map(Self::Pbkdf2)
            }
            [kind @ ("pbkdf2_sha1" | "pbkdf2_sha256" | "pbkdf2_sha512"), iterations, salt, output] => {
                pbkdf2::Pbkdf2::read_django(kind, iterations, salt, output).map(Self::Pbkdf2)
            }
            ["", "scrypt", params, salt, output] => scrypt::Scrypt::read(params, salt, output).map(Self::Scrypt),
            ["scrypt", number, salt, block, lanes, output] => {
                scrypt::Scrypt::read_django([number, block, lanes], salt, output).map(Self::Scrypt)
            }
            [text] if pbkdf2::is_identity(text) => pbkdf2::Pbkdf2::read_identity(text).map(Self::Pbkdf2),
            [method, salt, output] if method.starts_with("pbkdf2:") => {
                pbkdf2::Pbkdf2::read_werkzeug(method, salt, output).map(Self::Pbkdf2)
            }
            [method, salt, output] if method.starts_with("scrypt:") => {
                scrypt::Scrypt::read_werkzeug(method, salt, output).map(Self::Scrypt)
            }
            [text] if scrypt::is_better_auth(text) => scrypt::Scrypt::read_better_auth(text).map(Self::Scrypt),
            _ => Err(Refusal::of_kind(text)),
        }
    }

    /// The text to store in place of the one that was read, for a kind whose text may hold the key
    /// of another system. `None` for every other kind.
    pub fn without_signer_key(&self) -> Option<StoredHash> {
        match self {
            Self::Firebase(hash) => Some(hash.text()),
            Self::Argon2(_) | Self::Bcrypt(_) | Self::Pbkdf2(_) | Self::Scrypt(_) => None,
        }
    }

    /// The name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Argon2(hash) => hash.kind(),
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
    pub fn verify(&self, password: &[u8], areas: &argon2::WorkAreas) -> Result<bool, ::argon2::Error> {
        match self {
            Self::Argon2(hash) => hash.verify(password, areas),
            Self::Bcrypt(hash) => Ok(hash.verify(password)),
            Self::Firebase(hash) => Ok(hash.verify(password)),
            Self::Pbkdf2(hash) => Ok(hash.verify(password)),
            Self::Scrypt(hash) => Ok(hash.verify(password)),
        }
    }

    /// Whether a hash of the current parameters should replace this one.
    pub fn is_outdated(&self, current: &Params) -> bool {
        !matches!(self, Self::Argon2(hash) if !hash.is_outdated(current))
    }

    /// Whether this hash takes as long as one of the current parameters.
    pub fn is_as_costly(&self, current: &Params) -> bool {
        matches!(self, Self::Argon2(hash) if hash.is_as_costly(current))
    }

    /// Whether a match has checked the whole of `password`. Nothing else may be stored for the
    /// future, because its unchecked end could be a mistake.
    pub fn checks_all_of(&self, password: &[u8]) -> bool {
        !matches!(self, Self::Bcrypt(hash) if !hash.checks_all_of(password))
    }
}

#[cfg(test)]
mod tests;
