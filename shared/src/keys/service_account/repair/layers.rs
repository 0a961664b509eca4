//! The layers that variables and panels put around a text, and their removal.

use std::iter;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::text::{self, is_blank};

/// The most layers that are removed: base64, quotes and escapes, each of them twice, and two to
/// spare.
pub const LAYERS_MAX: usize = 8;
/// The shortest text that can be base64 of a key or a file. A key's id, a name or a path is
/// shorter.
const BASE64_BYTES_MIN: usize = 100;
/// The share of characters that may be foreign to base64, as one in this number. A text with more
/// of them is not called damaged base64.
const FOREIGN_ONE_IN: usize = 50;

/// The base64 that people paste: with or without padding, and cut off anywhere.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The repairs that made a text readable, each one once.
#[derive(Default)]
pub struct Repairs(Vec<&'static str>);

impl Repairs {
    pub fn note(&mut self, repair: &'static str) {
        if !self.0.contains(&repair) {
            self.0.push(repair);
        }
    }

    pub fn into_inner(self) -> Vec<&'static str> {
        self.0
    }
}

/// The text without the blanks around it.
pub fn trimmed<'a>(text: &'a str, repairs: &mut Repairs) -> &'a str {
    if text.starts_with('\u{feff}') {
        repairs.note("a byte order mark");
    }
    text::trimmed(text)
}

/// The text after `NAME=` or `export NAME=`. None if there is no such name. People paste a whole
/// line of a file of variables into the field for the value.
pub fn without_name(text: &str) -> Option<&str> {
    let line = text.strip_prefix("export ").unwrap_or(text);
    let (name, value) = line.split_once('=')?;
    let is_name = name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        // Base64 ends with `=` too, and may have only capitals and digits.
        && name.contains('_');
    is_name.then_some(value)
}

/// The text without the quotes around it. None if there are none. A text that was cut off has
/// quotes on one side only.
pub fn unquoted(text: &str) -> Option<&str> {
    let bare = text.trim_matches(['"', '\'', '`']);
    (bare.len() < text.len()).then_some(bare)
}

/// The text without one layer of backslash escapes, as in a JSON string (RFC 8259 section 7).
pub fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('u') => {
                let digits = characters.as_str().get(..4).unwrap_or_default();
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                plain.push(code.unwrap_or('u'));
                if code.is_some() {
                    characters = characters.as_str().get(4..).unwrap_or_default().chars();
                }
            }
            other => plain.extend(other),
        }
    }
    plain
}

/// Moves line breaks to places where JSON allows them. Raw line breaks inside a string become
/// escapes. Escapes outside a string become white space.
pub fn mended(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut in_string = false;
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        match (in_string, character) {
            // If something expanded the `\n` in `\\n`, a backslash stands before a raw line break.
            (true, '\\') => match characters.next() {
                Some(next @ ('\n' | '\r' | '\t')) => mended.push_str(escape(next)),
                next => mended.extend(iter::once('\\').chain(next)),
            },
            (true, '\n' | '\r' | '\t') => mended.push_str(escape(character)),
            (false, '\\') => {
                // Skips the letter behind the backslashes too.
                let _ = characters.find(|next| *next != '\\');
                mended.push(' ');
            }
            _ => {
                in_string ^= character == '"';
                mended.push(character);
            }
        }
    }
    mended
}

/// The escape in a JSON string for a line break or a tab.
fn escape(space: char) -> &'static str {
    match space {
        '\n' => "\\n",
        '\r' => "\\r",
        _ => "\\t",
    }
}

/// Decodes base64, standard or URL-safe, in one line or several. None if `text` does not look like
/// base64.
pub fn from_base64(text: &str) -> Option<Result<String, &'static str>> {
    let unbroken: String = text.chars().filter(|character| !is_blank(*character)).map(standard).collect();
    let is_foreign = |character: &char| !character.is_ascii_alphanumeric() && !"+/=".contains(*character);
    let foreign = unbroken.chars().filter(is_foreign).count();
    // PEM text is nearly base64 too.
    if text.contains("-----") || unbroken.len() < BASE64_BYTES_MIN || foreign * FOREIGN_ONE_IN > unbroken.len() {
        return None;
    }
    Some(decoded(&unbroken).ok_or("looks like base64, but is damaged").and_then(|bytes| {
        // A private key in DER begins with a version, and so does PKCS#12 (RFC 7292 section 4).
        let version = bytes.get(4..7).map(<[u8]>::to_vec);
        String::from_utf8(bytes).map_err(|_| match version.as_deref() {
            Some([2, 1, 0]) => "has lost the lines BEGIN PRIVATE KEY and END PRIVATE KEY",
            Some([2, 1, 3]) => "is base64 of a P12 file",
            _ => "looks like base64, but is damaged or does not contain text",
        })
    }))
}

/// Decodes standard base64 without line breaks. If the text was cut off, decodes the part that is
/// there.
pub fn decoded(base64: &str) -> Option<Vec<u8>> {
    let unpadded = base64.trim_end_matches('=');
    // A single last digit holds less than a byte.
    let whole = unpadded.len() - usize::from(unpadded.len() % 4 == 1);
    BASE64.decode(unpadded.get(..whole)?).ok()
}

/// The digit of standard base64 for a digit of URL-safe base64.
fn standard(digit: char) -> char {
    match digit {
        '-' => '+',
        '_' => '/',
        other => other,
    }
}
