//! Escapes text of other people for the terminal, so that no control sequence reaches it.

use serde::Serialize;
use shared::{
    account::email::with_ascii_domain,
    text::{is_bidi_control, is_invisible},
};

/// `text` with every control character, every mark that changes the direction of text, and every
/// character that nobody sees as its code point.
pub fn shown(text: &str) -> String {
    escaped(text, |letter| letter.escape_unicode().to_string())
}

/// An e-mail address for somebody who decides by it: escaped, with its domain in ASCII.
pub fn address(email: &str) -> String {
    shown(&with_ascii_domain(email))
}

/// A value as JSON over several lines, escaped in the same way.
///
/// # Errors
///
/// The value cannot be written as JSON.
pub fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map(|json| in_json(&json)).map_err(|error| error.to_string())
}

/// A value as one line of JSON, escaped in the same way.
///
/// # Errors
///
/// The value cannot be written as JSON.
pub fn json_line(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map(|json| in_json(&json)).map_err(|error| error.to_string())
}

fn in_json(json: &str) -> String {
    escaped(json, |letter| format!("\\u{:04x}", u32::from(letter)))
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let steers =
        |letter: char| (letter.is_control() && letter != '\n') || is_bidi_control(letter) || is_invisible(letter);
    text.chars().map(|letter| if steers(letter) { escape(letter) } else { letter.to_string() }).collect()
}
