//! Escapes text of other people for the terminal, so that no control sequence reaches it.

use serde::Serialize;

/// `text` with every control character, and every mark that changes the direction of text, as its
/// code point.
pub fn shown(text: &str) -> String {
    escaped(text, |letter| letter.escape_unicode().to_string())
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
    let reverses =
        |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |letter: char| (letter.is_control() && letter != '\n') || reverses(letter);
    text.chars().map(|letter| if steers(letter) { escape(letter) } else { letter.to_string() }).collect()
}
