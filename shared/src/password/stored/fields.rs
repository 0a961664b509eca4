//! The parts of stored hashes (PHC string format, version 1): numbers, named parameters, bytes.
//!
//! The crate `phc` accepts repeated and reordered parameters, and refuses padding and passlib.

use std::{iter, ops::RangeInclusive};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{OUTPUT_BYTES, Refusal, SALT_BYTES};

/// Base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads a number of at most 32 bits. Every character must be a decimal digit.
pub fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Reads the values of `name=value,…`. The names must be exactly these, in this order.
pub fn values<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Option<[&'a str; N]> {
    let mut values = [""; N];
    let mut pairs = text.split(',');
    for (value, name) in iter::zip(&mut values, names) {
        *value = pairs.next()?.strip_prefix(name)?.strip_prefix('=')?;
    }
    pairs.next().is_none().then_some(values)
}

/// Decodes Base64. `None` if the number of bytes is not within `lengths`.
pub fn bytes(text: &str, lengths: RangeInclusive<usize>) -> Option<Vec<u8>> {
    BASE64.decode(text).ok().filter(|bytes| lengths.contains(&bytes.len()))
}

/// Decodes a salt, of `kind` for the refusal.
pub fn salt(kind: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    part(kind, "salt", BASE64.decode(text).ok(), SALT_BYTES)
}

/// Accepts the bytes of a text as a salt.
pub fn text_salt(kind: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    part(kind, "salt", Some(text.as_bytes().to_vec()), SALT_BYTES)
}

/// Decodes an output.
pub fn output(kind: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    part(kind, "output", BASE64.decode(text).ok(), OUTPUT_BYTES)
}

/// Decodes an output in hexadecimal digits.
pub fn hex_output(kind: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    part(kind, "output", hex(text), OUTPUT_BYTES)
}

fn part(kind: &str, name: &str, bytes: Option<Vec<u8>>, lengths: RangeInclusive<usize>) -> Result<Vec<u8>, Refusal> {
    let bytes = bytes.ok_or_else(|| Refusal::damaged(kind, name))?;
    if lengths.contains(&bytes.len()) {
        return Ok(bytes);
    }
    let bound = format!("{} to {} bytes", lengths.start(), lengths.end());
    Err(Refusal::bound(kind, format_args!("{} bytes of {name}", bytes.len()), bound))
}

/// Decodes pairs of hexadecimal digits.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = *pair { Some(digit(high)? << 4 | digit(low)?) } else { None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_digits_within_32_bits() {
        assert_eq!(["0", "14", "4294967295"].map(number), [Some(0), Some(14), Some(u32::MAX)]);
        for text in ["", "+1", "-1", " 1", "1 ", "1e3", "0x1", "４", "4294967296", "18446744073709551616"] {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn values_have_their_names_in_their_order() {
        assert_eq!(values("i=1,l=32", ["i", "l"]), Some(["1", "32"]));
        assert_eq!(values("ss=Bw==,sk=", ["ss", "sk"]), Some(["Bw==", ""]));
        for text in ["", "i", "i=1", "l=32,i=1", "i=1,l=32,", "i=1,l=32,x=1", "i=1,i=1,l=32", "ii=1,l=32"] {
            assert_eq!(values(text, ["i", "l"]), None, "{text:?}");
        }
    }

    #[test]
    fn bytes_are_base64_of_a_length_within_bounds() {
        assert_eq!(bytes("Bw==", 1..=1), Some(vec![7]));
        assert_eq!(bytes("Bw", 1..=1), Some(vec![7]));
        assert_eq!(bytes("", 0..=1), Some(Vec::new()));
        for text in ["", "B", "Bx==", "B-==", "Bwcc", "é==="] {
            assert_eq!(bytes(text, 1..=2), None, "{text:?}");
        }
    }
}
