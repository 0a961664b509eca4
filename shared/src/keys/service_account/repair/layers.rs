//! What a text is wrapped in on its way through variables and panels, and how it comes off again.

use std::iter;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// How many layers are taken off: base64, quotes and escapes of each other, twice over and two to spare.
pub const LAYERS_MAX: usize = 8;
/// Base64 of the shortest key is longer; a key's id, a name or a path is shorter.
const BASE64_BYTES_MIN: usize = 100;
/// One in so many characters may be foreign to base64 before it is not called damaged base64 any more.
const FOREIGN_ONE_IN: usize = 50;

/// Base64 as it arrives: with padding or without, and cut anywhere.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What was done to a text before it could be read, each once.
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

/// White space, and what looks like nothing at all: the zero-width space and the byte order mark.
pub fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{200b}' | '\u{feff}')
}

/// Without the blanks around it.
pub fn trimmed<'a>(text: &'a str, repairs: &mut Repairs) -> &'a str {
    if text.starts_with('\u{feff}') {
        repairs.note("a byte order mark");
    }
    text.trim_matches(is_blank)
}

/// Without `NAME=` or `export NAME=` before it: a whole line of a file of variables, pasted into the field of one.
pub fn without_name(text: &str) -> Option<&str> {
    let line = text.strip_prefix("export ").unwrap_or(text);
    let (name, value) = line.split_once('=')?;
    let is_name = name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        // Base64 ends in `=` too, and may have no other letter than these.
        && name.contains('_');
    is_name.then_some(value)
}

/// Without the quotes around it, if there are any. A text that was cut has them on one side alone.
pub fn unquoted(text: &str) -> Option<&str> {
    let bare = text.trim_matches(['"', '\'', '`']);
    (bare.len() < text.len()).then_some(bare)
}

/// Without one layer of backslashes, as JSON has them in a string (RFC 8259 section 7).
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

/// JSON whose line breaks are where JSON allows them: raw ones inside a string become escapes, escapes outside become white
/// space.
pub fn mended(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut in_string = false;
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        match (in_string, character) {
            // What `\\n` becomes is a backslash before a raw line break.
            (true, '\\') => match characters.next() {
                Some(next @ ('\n' | '\r' | '\t')) => mended.push_str(escape(next)),
                next => mended.extend(iter::once('\\').chain(next)),
            },
            (true, '\n' | '\r' | '\t') => mended.push_str(escape(character)),
            (false, '\\') => {
                // Also the letter behind all the backslashes.
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

/// How white space other than a blank stands in a JSON string.
fn escape(space: char) -> &'static str {
    match space {
        '\n' => "\\n",
        '\r' => "\\r",
        _ => "\\t",
    }
}

/// The text in base64, standard or URL-safe, broken into lines or not. None if this does not look like base64.
pub fn from_base64(text: &str) -> Option<Result<String, &'static str>> {
    let unbroken: String = text.chars().filter(|character| !is_blank(*character)).map(standard).collect();
    let is_foreign = |character: &char| !character.is_ascii_alphanumeric() && !"+/=".contains(*character);
    let foreign = unbroken.chars().filter(is_foreign).count();
    // What has a line of PEM in it is the other kind of text that is nearly base64.
    if text.contains("-----") || unbroken.len() < BASE64_BYTES_MIN || foreign * FOREIGN_ONE_IN > unbroken.len() {
        return None;
    }
    Some(decoded(&unbroken).ok_or("looks like base64, but is damaged").and_then(|bytes| {
        // The version that a private key in DER begins with, and that of PKCS#12 (RFC 7292 section 4).
        let version = bytes.get(4..7).map(<[u8]>::to_vec);
        String::from_utf8(bytes).map_err(|_| match version.as_deref() {
            Some([2, 1, 0]) => "has lost the lines BEGIN PRIVATE KEY and END PRIVATE KEY",
            Some([2, 1, 3]) => "is base64 of a P12 file",
            _ => "looks like base64, but of something that is not text, or is damaged",
        })
    }))
}

/// The bytes in unbroken standard base64, or in its beginning where it was cut.
pub fn decoded(base64: &str) -> Option<Vec<u8>> {
    let unpadded = base64.trim_end_matches('=');
    // One digit alone holds no byte.
    let whole = unpadded.len() - usize::from(unpadded.len() % 4 == 1);
    BASE64.decode(unpadded.get(..whole)?).ok()
}

/// The digit of standard base64 for one of URL-safe base64.
fn standard(digit: char) -> char {
    match digit {
        '-' => '+',
        '_' => '/',
        other => other,
    }
}
