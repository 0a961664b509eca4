//! Passwords: the accepted form, weak passwords, and stored hashes.

mod common;
mod hasher;
mod skeleton;
mod stored;
mod weakness;

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use hasher::{Checked, Hasher, Priority};
pub use stored::Refusal;
use stored::Stored;
pub use weakness::{Person, Weakness};

use crate::text::trimmed;

/// The longest password in bytes, and in code points. The bounds limit the work of hashing, not the
/// choice of a password.
const BYTES_MAX: usize = 1024;
const CODE_POINTS_MAX: usize = 256;

/// A password. It is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Password {
    /// The text by the `OpaqueString` profile of RFC 8265 section 4.2. Every hash that is made here
    /// is of this form.
    normal: Zeroizing<String>,
    /// The other forms that a hash from elsewhere may be of: the text as typed, and its NFC. Both
    /// are mostly the same as `normal`, and then missing here.
    others: Vec<Zeroizing<String>>,
}

impl Password {
    /// Reads a new password by the `OpaqueString` profile of RFC 8265 section 4.2.
    ///
    /// Every kind of space becomes U+0020. The text becomes NFC, since NFKC would make two
    /// different passwords equal. A password is never truncated.
    ///
    /// # Errors
    ///
    /// `(code, sentence)` for the caller: the password has over 1,024 bytes, over 256 code points,
    /// or a control character.
    pub fn parse(text: &str) -> Result<Self, (&'static str, &'static str)> {
        const TOO_LONG: (&str, &str) = ("password_too_long", "A password has at most 256 characters and 1,024 bytes.");
        if text.len() > BYTES_MAX {
            return Err(TOO_LONG);
        }
        if text.chars().any(char::is_control) {
            return Err(("password_has_control_characters", "A password must not contain control characters."));
        }
        let password = Self::typed(text);
        if password.normal.len() > BYTES_MAX || password.normal.chars().count() > CODE_POINTS_MAX {
            return Err(TOO_LONG);
        }
        Ok(password)
    }

    /// Accepts any text, to be checked against a stored hash. An account from elsewhere has the
    /// password that the rules of its time allowed. The bound of a request's body is the only one.
    pub fn typed(text: &str) -> Self {
        let spaces = text.chars().map(|c| if is_space_separator(c) { ' ' } else { c });
        let normal = Zeroizing::new(spaces.nfc().collect::<String>());
        let mut others: Vec<Zeroizing<String>> = Vec::new();
        for form in [text.to_owned(), text.nfc().collect::<String>()].map(Zeroizing::new) {
            if form != normal && !others.contains(&form) {
                others.push(form);
            }
        }
        Self { normal, others }
    }

    /// The bytes of the normalised password.
    pub fn as_bytes(&self) -> &[u8] {
        self.normal.as_bytes()
    }

    /// The text as it was typed, for another system that checks it.
    pub fn as_typed(&self) -> &str {
        self.others.first().unwrap_or(&self.normal)
    }

    /// The forms that a stored hash may be of, the normalised one first.
    fn forms(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.normal).chain(&self.others).map(|form| form.as_bytes())
    }
}

/// Whether `c` has Unicode's general category `Zs` and is not U+0020.
fn is_space_separator(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// The shortest new password, and the cost of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The shortest password, in code points.
    pub length_min: usize,
    /// Argon2's `m`, the memory in KiB.
    pub memory_kib: u32,
    /// Argon2's `t`, the number of passes over the memory.
    pub iterations: u32,
}

/// The result of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is wrong, or there is no hash to compare it with.
    Wrong,
    /// The password is right.
    Right,
    /// The password is right, and its stored hash should be replaced. The hash is of a kind that is
    /// not made here, or weaker than configured.
    Outdated,
}

impl Verdict {
    /// Whether the password is right.
    pub fn is_right(self) -> bool {
        self != Self::Wrong
    }
}

/// A password's hash as the store keeps it: PHC text (`$argon2id$v=19$m=…`).
///
/// An imported account has the hash of another system until its first login: argon2id, bcrypt,
/// scrypt, PBKDF2 or Firebase's scrypt.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredHash(String);

impl StoredHash {
    /// Wraps `text` without reading it. A text that is no hash matches no password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text of the hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a hash from another system. White space around it, a byte order mark and characters
    /// without a width are passed over. A hash of Firebase is kept without the signer key.
    ///
    /// # Errors
    ///
    /// The reason for which no password can be checked against the hash.
    pub fn imported(text: &str) -> Result<Self, Refusal> {
        let hash = Self::new(trimmed(text));
        let stored = Stored::read(&hash)?;
        Ok(stored.without_signer_key().unwrap_or(hash))
    }

    /// The kind of the hash, such as `argon2id` or `bcrypt`, and nothing else about it. `unknown`
    /// if no password can be checked against the hash.
    pub fn kind(&self) -> &'static str {
        Stored::read(self).map_or("unknown", |stored| stored.kind())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[test]
    fn the_kind_of_a_hash_shows_nothing_else_of_it() {
        let argon2id = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let bcrypt = "$2y$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        for (text, kind) in [(argon2id, "argon2id"), (bcrypt, "bcrypt"), ("$Secret$", "unknown"), ("", "unknown")] {
            let hash = StoredHash::new(text);
            assert_eq!((hash.kind(), Stored::read(&hash).is_ok()), (kind, kind != "unknown"), "{text}");
        }
    }

    #[test]
    fn two_ways_to_type_one_password_are_one_and_look_alikes_are_not() {
        assert_eq!(password("e\u{301}te\u{3000}x").as_bytes(), password("éte x").as_bytes());
        assert_ne!(password("ﬁsh").as_bytes(), password("fish").as_bytes());
        assert_ne!(password("pass ").as_bytes(), password("pass").as_bytes());
        assert_eq!(password("🔑 🔑").as_bytes(), "🔑 🔑".as_bytes());
    }

    #[test]
    fn a_password_is_bounded_and_has_no_control_characters() {
        let code = |text: &str| Password::parse(text).unwrap_err().0;
        assert!(Password::parse(&"🔑".repeat(256)).is_ok());
        assert_eq!(code(&"a".repeat(257)), "password_too_long");
        assert_eq!(code(&"a".repeat(1025)), "password_too_long");
        assert_eq!(code("pass\nword"), "password_has_control_characters");
        assert_eq!(code("pass\u{0}word"), "password_has_control_characters");
        assert_eq!(code("pass\u{85}word"), "password_has_control_characters");
    }

    #[test]
    fn nothing_secret_is_in_debug() {
        assert_eq!(format!("{:?} {:?}", password("hunter2!"), StoredHash::new("$x")), "Password StoredHash");
    }
}
