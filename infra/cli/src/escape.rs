//! What others wrote, shown at a terminal: none of it may steer it.

use serde::Serialize;

/// `text` with what would steer a terminal shown as its code.
pub fn shown(text: &str) -> String {
    escaped(text, |letter| letter.escape_unicode().to_string())
}

/// A value as JSON over several lines, likewise.
///
/// # Errors
///
/// It is no JSON.
pub fn json(value: &impl Serialize) -> Result<String, String> {
    let json = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    Ok(escaped(&json, |letter| format!("\\u{:04x}", u32::from(letter))))
}

fn escaped(text: &str, escape: impl Fn(char) -> String) -> String {
    let turns =
        |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let steers = |letter: char| (letter.is_control() && letter != '\n') || turns(letter);
    text.chars().map(|letter| if steers(letter) { escape(letter) } else { letter.to_string() }).collect()
}
