//! Scans JSON (RFC 8259) to the first mistake.

use std::collections::HashSet;

use super::mistakes::{self, Mistake};
use crate::{jose::json::DEPTH_MAX, text};

/// The byte of a mistake, and the mistake.
type Found = (usize, Mistake);

/// The words of other languages that stand in the place of a value.
const WORDS: [&str; 17] = [
    "undefined",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "None",
    "True",
    "False",
    "TRUE",
    "FALSE",
    "Null",
    "NULL",
    "nil",
    "yes",
    "no",
    "nullptr",
    "Undefined",
];
const TYPOGRAPHIC: [char; 10] = ['“', '”', '„', '‟', '‘', '’', '‚', '«', '»', '＂'];

/// Scans a whole text, up to its first mistake.
pub(super) fn scan(text: &str) -> Result<(), Found> {
    Scanner { text, at: 0, depth: 0 }.document()
}

/// The brackets around an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Object,
    Array,
}

struct Scanner<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    /// The number of open brackets.
    depth: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes over the next character.
    fn skip(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn fail<T>(&self, mistake: Mistake) -> Result<T, Found> {
        Err((self.at, mistake))
    }

    /// Passes over white space. Everything else that people put between values is a mistake.
    fn space(&mut self) -> Result<(), Found> {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
        match self.peek() {
            Some(character) if text::is_unseen(character) => self.fail(Mistake::invisible(character)),
            Some('/' | '#') if !self.rest().starts_with("#{") => self.fail(mistakes::COMMENT),
            _ => Ok(()),
        }
    }

    fn document(&mut self) -> Result<(), Found> {
        self.space()?;
        let start = self.at;
        let is_text = self.peek() == Some('"');
        self.value()?;
        self.space()?;
        match self.peek() {
            None => Ok(()),
            Some(':') if is_text => Err((start, mistakes::NO_BRACES)),
            Some(_)
                if self.text.get(start..).is_some_and(|text| text.starts_with("\"{") || text.starts_with("\"[")) =>
            {
                Err((start, mistakes::QUOTES_AROUND))
            }
            Some('}' | ']') => self.fail(mistakes::CLOSED_TWICE),
            Some('{' | '[' | '"') => self.fail(mistakes::SECOND),
            Some(_) => self.fail(mistakes::TEXT_BEHIND),
        }
    }

    fn value(&mut self) -> Result<(), Found> {
        if text::placeholder(self.rest()).is_some() {
            return self.fail(mistakes::PLACEHOLDER);
        }
        match self.peek() {
            None => self.fail(mistakes::CUT_BEFORE_VALUE),
            Some('{') => self.object(),
            Some('[') if self.rest().starts_with("[object ") => self.fail(mistakes::OBJECT_OBJECT),
            Some('[') => self.array(),
            Some('"') => self.string().map(drop),
            Some(',' | '}' | ']') => self.fail(mistakes::VALUE_MISSING),
            Some(character) => match quote(character) {
                Some(mistake) => self.fail(mistake),
                None => self.word_or_number(),
            },
        }
    }

    /// Scans what stands up to the next bracket, comma or white space.
    fn word_or_number(&mut self) -> Result<(), Found> {
        let is_end = |letter: char| matches!(letter, ',' | ';' | '}' | ']' | '"' | ':') || text::is_unseen(letter);
        let word = self.rest().split(is_end).next().unwrap_or_default();
        let mistake = match word {
            "true" | "false" | "null" => None,
            _ if self.is_cut(word) => Some(mistakes::CUT_BEFORE_VALUE),
            _ if WORDS.contains(&word) => WORDS.into_iter().find(|known| *known == word).map(Mistake::word),
            _ => number(word),
        };
        match mistake {
            Some(mistake) => self.fail(mistake),
            None => {
                self.at += word.len();
                Ok(())
            }
        }
    }

    /// Whether the text ends within one of JSON's words.
    fn is_cut(&self, word: &str) -> bool {
        !word.is_empty()
            && word.len() == self.rest().len()
            && ["true", "false", "null"].iter().any(|known| known.starts_with(word))
    }

    fn deeper(&mut self) -> Result<(), Found> {
        if self.depth == DEPTH_MAX {
            return self.fail(mistakes::DEEP);
        }
        self.depth += 1;
        self.skip();
        self.space()
    }

    fn object(&mut self) -> Result<(), Found> {
        self.deeper()?;
        let mut keys = HashSet::new();
        if self.peek() != Some('}') {
            loop {
                self.entry(&mut keys)?;
                if self.ends(Within::Object)? {
                    break;
                }
            }
        }
        self.depth -= 1;
        self.skip();
        Ok(())
    }

    fn array(&mut self) -> Result<(), Found> {
        self.deeper()?;
        if self.peek() != Some(']') {
            loop {
                self.counted_value()?;
                if self.ends(Within::Array)? {
                    break;
                }
            }
        }
        self.depth -= 1;
        self.skip();
        Ok(())
    }

    /// Scans a key, a colon and a value.
    fn entry(&mut self, keys: &mut HashSet<String>) -> Result<(), Found> {
        let start = self.at;
        match self.peek() {
            None => return self.fail(mistakes::CUT_IN_OBJECT),
            Some('"') => {}
            Some(',') => return self.fail(mistakes::EXTRA_COMMA),
            Some(character) => {
                let unquoted = || {
                    if character.is_alphanumeric() || matches!(character, '_' | '$') {
                        mistakes::UNQUOTED_KEY
                    } else {
                        mistakes::KEY_EXPECTED
                    }
                };
                return self.fail(quote(character).unwrap_or_else(unquoted));
            }
        }
        let key = self.string()?;
        if !keys.insert(key) {
            return Err((start, mistakes::TWICE));
        }
        self.space()?;
        match self.peek() {
            Some(':') => self.skip(),
            None => return self.fail(mistakes::CUT_IN_OBJECT),
            Some('=') => return self.fail(mistakes::EQUALS),
            Some(_) => return self.fail(mistakes::COLON_MISSING),
        }
        self.space()?;
        self.counted_value()
    }

    /// Scans a value, and looks at what stands right behind it.
    fn counted_value(&mut self) -> Result<(), Found> {
        let is_text = self.peek() == Some('"');
        self.value()?;
        let end = self.at;
        self.space()?;
        match self.peek() {
            None | Some(',' | '}' | ']') => Ok(()),
            Some(';') => self.fail(mistakes::SEMICOLON),
            // A second text is a key whose comma is missing. Otherwise a quotation mark has cut one
            // text into two.
            Some('"') if is_text && !self.is_key() => Err((end - 1, mistakes::QUOTE_IN_TEXT)),
            Some('"' | '{' | '[') => self.fail(mistakes::COMMA_MISSING),
            Some(_) if is_text => Err((end - 1, mistakes::QUOTE_IN_TEXT)),
            Some(_) => self.fail(mistakes::ENTRY_END),
        }
    }

    /// Whether a text with a colon behind it stands next.
    fn is_key(&self) -> bool {
        let mut ahead = Scanner { text: self.text, at: self.at, depth: 0 };
        ahead.string().is_ok() && ahead.space().is_ok() && ahead.peek() == Some(':')
    }

    /// Whether the brackets close here. Else passes over a comma.
    fn ends(&mut self, within: Within) -> Result<bool, Found> {
        match (self.peek(), within) {
            (Some('}'), Within::Object) | (Some(']'), Within::Array) => Ok(true),
            (Some(','), _) => {
                let comma = self.at;
                self.skip();
                self.space()?;
                match self.peek() {
                    Some('}' | ']') => Err((comma, mistakes::TRAILING_COMMA)),
                    Some(',') => self.fail(mistakes::EXTRA_COMMA),
                    _ => Ok(false),
                }
            }
            (Some(_), Within::Object) => self.fail(mistakes::BRACKET_INSTEAD),
            (Some(_), Within::Array) => self.fail(mistakes::BRACE_INSTEAD),
            (None, Within::Object) => self.fail(mistakes::CUT_IN_OBJECT),
            (None, Within::Array) => self.fail(mistakes::CUT_IN_ARRAY),
        }
    }

    /// Scans a text in quotation marks, and returns what it says.
    fn string(&mut self) -> Result<String, Found> {
        let start = self.at;
        self.skip();
        loop {
            match self.peek() {
                None => return self.fail(mistakes::CUT_IN_TEXT),
                Some('"') => break,
                Some('\\') => self.escape()?,
                Some('\0') => return self.fail(mistakes::NUL),
                Some('\n' | '\r') => return self.fail(mistakes::LINE_BREAK),
                Some('\t') => return self.fail(mistakes::TAB),
                Some('\u{1}'..='\u{1f}') => return self.fail(mistakes::CONTROL),
                Some(_) => self.skip(),
            }
        }
        self.skip();
        Ok(self.text.get(start..self.at).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default())
    }

    fn escape(&mut self) -> Result<(), Found> {
        let rest = self.rest();
        match rest.as_bytes().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                return Ok(());
            }
            Some(b'u') => {}
            None => return self.fail(mistakes::CUT_IN_TEXT),
            Some(_) => return self.fail(mistakes::BAD_ESCAPE),
        }
        let second = rest.get(6..).unwrap_or_default();
        match code_unit(rest) {
            None if rest.len() < 6 => self.fail(mistakes::CUT_IN_TEXT),
            None => self.fail(mistakes::BAD_ESCAPE),
            Some(0) => self.fail(mistakes::NUL),
            Some(0xd800..=0xdbff) if matches!(code_unit(second), Some(0xdc00..=0xdfff)) => {
                self.at += 12;
                Ok(())
            }
            Some(0xd800..=0xdfff) => self.fail(mistakes::LONE_SURROGATE),
            Some(_) => {
                self.at += 6;
                Ok(())
            }
        }
    }
}

/// The code unit of an escape `\uXXXX` at the beginning of a text.
fn code_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
}

/// The mistake of a wrong quotation mark.
fn quote(character: char) -> Option<Mistake> {
    match character {
        '\'' => Some(mistakes::SINGLE_QUOTES),
        '`' => Some(mistakes::BACKTICK),
        '\\' => Some(mistakes::ESCAPED_QUOTE),
        _ if TYPOGRAPHIC.contains(&character) => Some(mistakes::CURLY_QUOTES),
        _ => None,
    }
}

/// The mistake in a number; `None` if it is one of JSON's.
fn number(word: &str) -> Option<Mistake> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let is_number = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | 'e' | 'E' | '+' | '-' | 'x' | '_');
    if !digits.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') || !digits.chars().all(is_number) {
        return Some(mistakes::UNQUOTED_VALUE);
    }
    if digits.len() > 1 && digits.starts_with('0') && digits.chars().all(|letter| letter.is_ascii_digit()) {
        return Some(mistakes::LEADING_ZERO);
    }
    if !is_json_number(word) {
        // A date or a telephone number is no number.
        let is_date = digits.trim_start_matches(|letter: char| letter.is_ascii_digit()).starts_with('-');
        return Some(if is_date { mistakes::UNQUOTED_VALUE } else { mistakes::BAD_NUMBER });
    }
    None
}

/// Whether the text is a number by RFC 8259 section 6, however large.
fn is_json_number(text: &str) -> bool {
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let has_zero = whole.len() > 1 && whole.starts_with('0');
    is_digits(whole) && is_digits(fraction) && is_digits(exponent) && !has_zero
}
