//! bcrypt (Provos and Mazières, "A Future-Adaptable Password Scheme", USENIX 1999).
//!
//! Most frameworks write `$2b$12$` and 53 characters. The versions `2a`, `2b` and `2y` mean the
//! same computation. `2x` marks the hashes of a faulty implementation, and is refused.

use std::ops::RangeInclusive;

use ::bcrypt::bcrypt;
use aws_lc_rs::constant_time;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::fields;

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

/// A bcrypt hash within bounds.
pub struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    output: [u8; 23],
}

impl Bcrypt {
    /// Reads the parts between the dollars.
    pub fn read(cost: &str, salt_and_output: &str) -> Option<Self> {
        let number = fields::number(cost).filter(|number| cost.len() == 2 && COSTS.contains(number))?;
        let (salt, output) = salt_and_output.split_at_checked(SALT_CHARACTERS)?;
        let bytes = |text: &str| BASE64.decode(text).ok();
        Some(Self { cost: number, salt: bytes(salt)?.try_into().ok()?, output: bytes(output)?.try_into().ok()? })
    }

    /// Whether this is the hash of `password`, whose first 72 bytes count.
    pub fn verify(&self, password: &[u8]) -> bool {
        let key: Vec<u8> = password.iter().copied().chain([0]).take(KEY_BYTES_MAX).collect();
        let output = bcrypt(self.cost, self.salt, &key);
        output
            .split_last()
            .is_some_and(|(_, output)| constant_time::verify_slices_are_equal(output, &self.output).is_ok())
    }
}
