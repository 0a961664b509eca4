//! Text as people paste it: with byte order marks, in UTF-16, with characters that nobody sees.
//!
//! Editors, web pages and messengers add such characters. They are passed over where they can mean
//! nothing, and named elsewhere. Every file, variable, secret and address is read through here.

mod named;
mod placeholder;

pub use named::{Invisible, is_unseen};
pub use placeholder::{FILL, is_placeholder, placeholder};

/// Whether a character changes the direction of the text around it (Unicode's `Bidi_Control`). A
/// name with one can show another name than it is, or disturb the text after it.
pub const fn is_bidi_control(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether nobody sees a character and it has no width: the soft hyphen, zero-width spaces and
/// joiners, invisible operators, the byte order mark.
pub const fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Whether a character is white space or [invisible](is_invisible).
pub fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || is_invisible(letter)
}

/// The text without the [blanks](is_blank) around it.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// The text without the [blanks](is_blank) and the marks of [direction](is_bidi_control) around it,
/// for texts that programs read.
pub fn bare(text: &str) -> &str {
    text.trim_matches(|letter| is_blank(letter) || is_bidi_control(letter))
}

/// The text without the [blanks](is_blank) around it. Invisible characters and marks of direction
/// are removed everywhere, for texts in which they can mean nothing.
pub fn visible(text: &str) -> String {
    let visible: String = text.chars().filter(|letter| !is_invisible(*letter) && !is_bidi_control(*letter)).collect();
    trimmed(&visible).to_owned()
}

/// An encoding that bytes begin in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark, or no text at all.
    Utf8,
    /// UTF-16 with the low byte first, as Windows writes it.
    Utf16Low,
    /// UTF-16 with the high byte first.
    Utf16High,
}

/// UTF-8's byte order mark.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Encoding {
    /// Tells the encoding from the first bytes of a text: from a byte order mark, or from the zero
    /// byte beside the first letter.
    ///
    /// # Errors
    ///
    /// A phrase for people: the bytes begin a packed file.
    pub fn of(first: &[u8]) -> Result<Self, &'static str> {
        match *first {
            [0xff, 0xfe, ..] => Ok(Self::Utf16Low),
            [0xfe, 0xff, ..] => Ok(Self::Utf16High),
            [0x1f, 0x8b, ..] => Err("it is packed with gzip; unpack it first, as gunzip does"),
            [b'P', b'K', 3, 4, ..] => {
                Err("it is a ZIP archive or an Excel workbook; unpack it, or save it as CSV in UTF-8")
            }
            [0xd0, 0xcf, 0x11, 0xe0, ..] => Err("it is an old Excel workbook; save it as CSV in UTF-8"),
            [b'%', b'P', b'D', b'F', b'-', ..] => Err("it is a PDF"),
            [b'S', b'Q', b'L', b'i', b't', b'e', b' ', ..] => {
                Err("it is a database of SQLite; export its table as CSV")
            }
            [first, 0, ..] if first != 0 => Ok(Self::Utf16Low),
            [0, second, ..] if second != 0 => Ok(Self::Utf16High),
            _ => Ok(Self::Utf8),
        }
    }
}

/// Decodes a text in UTF-8 or UTF-16, without its byte order mark.
///
/// # Errors
///
/// A phrase for people: the bytes are no text, or a packed file.
pub fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    let unit: fn([u8; 2]) -> u16 = match Encoding::of(bytes)? {
        Encoding::Utf8 => {
            let text = str::from_utf8(bytes).map_err(|_| "it is not text in UTF-8")?;
            return Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned());
        }
        Encoding::Utf16Low => u16::from_le_bytes,
        Encoding::Utf16High => u16::from_be_bytes,
    };
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    let text = String::from_utf16(&units).ok().filter(|_| rest.is_empty());
    let text = text.ok_or("it looks like text in UTF-16, but is damaged")?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_decoded_from_each_encoding_without_its_byte_order_mark() {
        let of = |units: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(units).collect::<Vec<u8>>();
        for text in ["{\"a\":1}", "é,🔑\r\n", "a", ""] {
            assert_eq!(decode(text.as_bytes()).unwrap(), text);
            let marked = format!("\u{feff}{text}");
            assert_eq!(decode(marked.as_bytes()).unwrap(), text);
            assert_eq!(decode(&of(u16::to_le_bytes, &marked)).unwrap(), text);
            assert_eq!(decode(&of(u16::to_be_bytes, &marked)).unwrap(), text);
        }
        assert_eq!(decode(&of(u16::to_le_bytes, "{\"a\":1}")).unwrap(), "{\"a\":1}");
        assert_eq!(decode(&of(u16::to_be_bytes, "{\"a\":1}")).unwrap(), "{\"a\":1}");
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        for (bytes, part) in [
            (&b"\x1f\x8b\x08\x00"[..], "gzip"),
            (b"PK\x03\x04\x14", "Excel"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel"),
            (b"%PDF-1.7\n", "PDF"),
            (b"SQLite format 3\0", "SQLite"),
            (b"caf\xe9", "not text in UTF-8"),
            (b"\xff\xfea\0b", "damaged"),
            (b"\xff\xfe\0\xd8", "damaged"),
        ] {
            assert!(decode(bytes).unwrap_err().contains(part), "{bytes:?}");
        }
    }

    #[test]
    fn blanks_around_a_text_and_invisible_characters_are_passed_over() {
        assert_eq!(trimmed("\u{feff}\u{200b} \ta b\u{200b}c\u{a0}\r\n\u{2060}"), "a b\u{200b}c");
        assert_eq!(visible("\u{202a} a@b.de \u{202c}"), "a@b.de");
        assert_eq!(visible(" a\u{ad}\u{200d}b c\u{feff} "), "ab c");
        assert_eq!(bare("\u{200e} \u{202a}a\u{200e}b\u{202c}\u{feff}"), "a\u{200e}b");
        assert_eq!((trimmed("\u{feff}"), visible("\u{200b}").as_str()), ("", ""));
        assert!(!is_invisible('é') && !is_invisible(' ') && is_blank(' '));
    }
}
