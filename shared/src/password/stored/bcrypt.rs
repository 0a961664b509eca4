//! bcrypt (Provos and Mazières, "A Future-Adaptable Password Scheme", USENIX 1999).
//!
//! Most frameworks write `$2b$12$` and 53 characters. The versions `2`, `2a`, `2b` and `2y` mean
//! the same computation. `2x` marks the hashes of a faulty implementation, and is refused.
//!
//! Some systems hash a digest of the password, because bcrypt reads 72 bytes only: Django's
//! `BCryptSHA256PasswordHasher`, passlib's `bcrypt_sha256`, WordPress 6.8.

use std::{borrow::Cow, ops::RangeInclusive};

use ::bcrypt::bcrypt;
use aws_lc_rs::{constant_time, digest, hmac};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

use super::{Refusal, fields};

/// The binary logarithm of the number of rounds. A hash of cost 14 takes a second.
const COSTS: RangeInclusive<u32> = 4..=14;
/// The key is the password and a zero byte. Only the first 72 bytes of the key count.
const KEY_BYTES_MAX: usize = 72;
/// The number of characters of the salt. The rest is the output.
const SALT_CHARACTERS: usize = 22;
/// bcrypt's own Base64. Some bits of the last character belong to no byte, and some programs wrote
/// them at random.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes that bcrypt hashes.
enum Input {
    /// The password itself.
    Password,
    /// The hexadecimal digits of SHA-256 of the password: Django.
    Sha256,
    /// The Base64 of SHA-256 of the password: passlib, version 1.
    Base64Sha256,
    /// The Base64 of HMAC-SHA-256 of the password, under the text of the salt: passlib, version 2.
    Hmac { salt: String },
    /// The Base64 of HMAC-SHA-384 of the trimmed password: WordPress.
    WordPress,
}

/// A bcrypt hash within bounds.
pub struct Bcrypt {
    input: Input,
    cost: u32,
    salt: [u8; 16],
    output: [u8; 23],
}

impl Bcrypt {
    /// Reads the parts between the dollars.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read(cost: &str, salt_and_output: &str) -> Result<Self, Refusal> {
        let (salt, output) = salt_and_output.split_at_checked(SALT_CHARACTERS).ok_or_else(|| damaged("salt"))?;
        let cost = Some(cost).filter(|cost| cost.len() == 2).ok_or_else(|| damaged("cost"))?;
        Self::of(Input::Password, cost, salt, output)
    }

    /// Reads the parts of Django's `bcrypt_sha256$$2b$12$…`.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_django_sha256(cost: &str, salt_and_output: &str) -> Result<Self, Refusal> {
        Self::read(cost, salt_and_output).map(|hash| Self { input: Input::Sha256, ..hash })
    }

    /// Reads the parts of WordPress's `$wp$2y$10$…`.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_wordpress(cost: &str, salt_and_output: &str) -> Result<Self, Refusal> {
        Self::read(cost, salt_and_output).map(|hash| Self { input: Input::WordPress, ..hash })
    }

    /// Reads the parts of passlib's `$bcrypt-sha256$v=2,t=2b,r=12$…$…`, or of its first version
    /// `$bcrypt-sha256$2b,12$…$…`.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_passlib_sha256(params: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        if let Some(["2", "2a" | "2b", cost]) = fields::values(params, ["v", "t", "r"]) {
            return Self::of(Input::Hmac { salt: salt.to_owned() }, cost, salt, output);
        }
        match params.split_once(',') {
            Some(("2a" | "2b", cost)) => Self::of(Input::Base64Sha256, cost, salt, output),
            _ => Err(damaged("version")),
        }
    }

    fn of(input: Input, cost: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        let number = fields::number(cost).ok_or_else(|| damaged("cost"))?;
        if !COSTS.contains(&number) {
            let bound = format!("{} to {}", COSTS.start(), COSTS.end());
            return Err(Refusal::bound("bcrypt", format_args!("the cost {number}"), bound));
        }
        let bytes = |text: &str| BASE64.decode(text).ok();
        let salt = bytes(salt).and_then(|salt| salt.try_into().ok()).ok_or_else(|| damaged("salt"))?;
        let output = bytes(output).and_then(|output| output.try_into().ok()).ok_or_else(|| damaged("output"))?;
        Ok(Self { input, cost: number, salt, output })
    }

    /// Whether this is the hash of `password`, whose first 72 bytes count.
    pub fn verify(&self, password: &[u8]) -> bool {
        let hashed = self.input.of(password);
        let key: Vec<u8> = hashed.iter().copied().chain([0]).take(KEY_BYTES_MAX).collect();
        let output = bcrypt(self.cost, self.salt, &key);
        output
            .split_last()
            .is_some_and(|(_, output)| constant_time::verify_slices_are_equal(output, &self.output).is_ok())
    }

    /// Whether every byte of `password` counts. A trimmed end does not.
    pub fn checks_all_of(&self, password: &[u8]) -> bool {
        match self.input {
            Input::Password => password.len() <= KEY_BYTES_MAX,
            Input::WordPress => trimmed(password) == password,
            Input::Sha256 | Input::Base64Sha256 | Input::Hmac { .. } => true,
        }
    }
}

impl Input {
    fn of<'a>(&self, password: &'a [u8]) -> Cow<'a, [u8]> {
        let sha256 = || digest::digest(&digest::SHA256, password);
        let text = match self {
            Self::Password => return Cow::Borrowed(password),
            Self::Sha256 => sha256().as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
            Self::Base64Sha256 => STANDARD.encode(sha256()),
            Self::Hmac { salt } => {
                STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes()), password))
            }
            Self::WordPress => {
                STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384"), trimmed(password)))
            }
        };
        Cow::Owned(text.into_bytes())
    }
}

/// The password without the characters at its ends that PHP's `trim` removes.
fn trimmed(password: &[u8]) -> &[u8] {
    let counts = |byte: &u8| !b" \t\n\r\0\x0b".contains(byte);
    let start = password.iter().position(counts).unwrap_or(password.len());
    let end = password.iter().rposition(counts).map_or(start, |last| last + 1);
    password.get(start..end).unwrap_or_default()
}

fn damaged(part: &str) -> Refusal {
    Refusal::damaged("bcrypt", part)
}
