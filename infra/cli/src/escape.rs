//! Escapes text of other people for the terminal, so that no control sequence reaches it.

use serde::Serialize;
use shared::account::{email::with_ascii_domain, user::is_bidi_control};

/// `text` with every control character, and every mark that changes the direction of text, as its
/// code point.
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
    let json = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    Ok(escaped(&json, |letter| format!("\\u{:04x}", u32::from(letter))))
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let steers = |letter: char| (letter.is_control() && letter != '\n') || is_bidi_control(letter);
    text.chars().map(|letter| if steers(letter) { escape(letter) } else { letter.to_string() }).collect()
}
