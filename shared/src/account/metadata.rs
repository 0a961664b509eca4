//! Metadata: the JSON object that a person keeps with the account. It admits nobody, and no rule of
//! this service ever trusts it.
//!
//! The object is kept as text, so that its numbers keep their digits and its keys their order.

use std::fmt;

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::{Value, value::RawValue};

use crate::{
    error::Field,
    jose::{
        json::diagnosis,
        members::{Member, members},
    },
    text::trimmed,
};

/// The longest metadata of an account, in bytes of JSON without white space.
pub const BYTES_MAX: usize = 4 * 1024;
/// The most levels of objects and arrays inside each other. The metadata itself is the first.
pub const LEVELS_MAX: usize = 5;

/// The metadata of an account: one JSON object without white space.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata(String);

/// A change of metadata. Each key replaces the one of the same name; a key that is `null` removes
/// it. All other keys stay.
#[derive(Clone, Default)]
pub struct MetadataChange(Vec<Member>);

impl Default for Metadata {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl fmt::Debug for Metadata {
    /// The length alone: what people keep here is not for the log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Metadata({} bytes)", self.0.len())
    }
}

impl Serialize for Metadata {
    /// The object itself, for an answer in JSON.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl Metadata {
    /// Reads metadata that [`Metadata::text`] wrote, as the table keeps it.
    ///
    /// # Errors
    ///
    /// The text is no JSON object.
    pub fn stored(text: String) -> Result<Self, serde_json::Error> {
        members(text.as_bytes())?;
        Ok(Self(text))
    }

    /// Reads the whole metadata of a new account.
    ///
    /// # Errors
    ///
    /// As [`MetadataChange::parse`].
    pub fn parse(text: &str) -> Result<Self, Field> {
        Self::default().changed_by(&MetadataChange::parse(text)?)
    }

    /// The JSON text: for the table, for an export, and for a comparison.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0 == "{}"
    }

    /// The text under the first of these keys that has one.
    pub fn text_of(&self, keys: &[&str]) -> Option<String> {
        text_of(&members(self.0.as_bytes()).unwrap_or_default(), keys)
    }

    /// The metadata after a change. A new key comes after those that stay.
    ///
    /// # Errors
    ///
    /// The result is longer than [`BYTES_MAX`].
    pub fn changed_by(&self, change: &MetadataChange) -> Result<Self, Field> {
        let mut entries = members(self.0.as_bytes()).unwrap_or_default();
        for (key, value) in &change.0 {
            match entries.iter_mut().find(|(known, _)| known == key) {
                Some((_, known)) => known.clone_from(value),
                None => entries.push((key.clone(), value.clone())),
            }
        }
        entries.retain(|(_, value)| value.get() != "null");
        let members = entries.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())));
        let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        if text.len() > BYTES_MAX {
            return Err(refusal("metadata_too_large", "The additional data of an account has at most 4 KiB."));
        }
        Ok(Self(text))
    }
}

impl MetadataChange {
    /// Reads a change from the text of a JSON object.
    ///
    /// # Errors
    ///
    /// The text is no JSON object, has more than [`LEVELS_MAX`] levels, or would be too long for
    /// any account.
    pub fn parse(text: &str) -> Result<Self, Field> {
        let text = trimmed(text);
        if is_other_json(text) {
            return Err(refusal("invalid_type", "The additional data must be a JSON object."));
        }
        diagnosis::object(text.as_bytes()).map_err(|found| broken(&found.to_string(), found.cure()))?;
        let (text, levels) = compact(text);
        if levels > LEVELS_MAX {
            return Err(refusal("metadata_too_deep", "The additional data of an account has at most 5 levels."));
        }
        let change = Self(members(text.as_bytes()).map_err(|_| broken("is not valid JSON", ""))?);
        Metadata::default().changed_by(&change)?;
        Ok(change)
    }

    /// The text under the first of these keys that has one.
    pub fn text_of(&self, keys: &[&str]) -> Option<String> {
        text_of(&self.0, keys)
    }

    /// Whether the change leaves everything as it is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn text_of(members: &[Member], keys: &[&str]) -> Option<String> {
    let text = |key: &&str| {
        let (_, value) = members.iter().find(|(known, _)| known == key)?;
        serde_json::from_str::<String>(value.get()).ok().filter(|text| !text.is_empty())
    };
    keys.iter().find_map(text)
}

/// Whether a text is JSON, and no object.
fn is_other_json(text: &str) -> bool {
    !text.starts_with('{') && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn broken(phrase: &str, cure: &str) -> Field {
    let message = format!("The text of the additional data {phrase}.");
    let detail = format!("`metadata` must be a JSON object, or the text of one, which {phrase}. {cure}");
    refusal("invalid_json", &message).explained(detail.trim_end())
}

fn refusal(code: &'static str, message: &str) -> Field {
    Field::new("metadata", code, message)
}

/// Valid JSON without white space and with each text in its shortest form, and the number of its
/// levels. Numbers and the order of keys stay as they are.
fn compact(text: &str) -> (String, usize) {
    let (mut short, mut level, mut levels) = (String::with_capacity(text.len()), 0_usize, 0);
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = if letter == '"' { literal_length(rest) } else { letter.len_utf8() };
        let (part, after) = rest.split_at(length);
        match letter {
            '"' => short.push_str(&shortest(part)),
            ' ' | '\t' | '\n' | '\r' => {}
            _ => short.push(letter),
        }
        match letter {
            '{' | '[' => level += 1,
            '}' | ']' => level = level.saturating_sub(1),
            _ => {}
        }
        levels = levels.max(level);
        rest = after;
    }
    (short, levels)
}

/// The length of the JSON string that a text begins with, its quotes included.
fn literal_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().enumerate().skip(1).find(|(_, byte)| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(index, _)| index + 1)
}

/// A JSON string without escapes that are not needed: many clients escape every letter beyond
/// ASCII, which would count three times.
fn shortest(literal: &str) -> String {
    let short = serde_json::from_str::<String>(literal).and_then(|text| serde_json::to_string(&text));
    short.unwrap_or_else(|_| literal.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(before: &str, change: &str) -> String {
        let before = Metadata::parse(before).unwrap();
        before.changed_by(&MetadataChange::parse(change).unwrap()).unwrap().text().to_owned()
    }

    #[test]
    fn numbers_keep_their_digits_and_keys_their_order() {
        let text = r#"{"z": 113774264463038321964, "a": 1.10, "m": [1e2, -0, {"b": 0.30000000000000004, "a": "é"}]}"#;
        let kept = r#"{"z":113774264463038321964,"a":1.10,"m":[1e2,-0,{"b":0.30000000000000004,"a":"é"}]}"#;
        let metadata = Metadata::parse(text).unwrap();
        assert_eq!(metadata.text(), kept);
        assert_eq!(serde_json::to_string(&metadata).unwrap(), kept);
        assert_eq!(Metadata::stored(kept.to_owned()).unwrap(), metadata);
        assert_eq!(Metadata::parse(kept).unwrap(), metadata);
    }

    #[test]
    fn texts_are_kept_whatever_they_hold_and_in_their_shortest_form() {
        for (given, kept) in [
            (r#"{"a":"\u00e9\/\ud83e\udd80"}"#, r#"{"a":"é/🦀"}"#),
            (r#"{ "a \" {" : " [ \\" , "b" : "\\\"}" }"#, r#"{"a \" {":" [ \\","b":"\\\"}"}"#),
            ("{\"a\":\"\\n\\u001b\u{202e}\"}", "{\"a\":\"\\n\\u001b\u{202e}\"}"),
            ("\u{feff} {\"a\" :\r\n\tnull,\"b\":\"null\"}\n", r#"{"b":"null"}"#),
            (r#"{"":{"a":null},"b":[]}"#, r#"{"":{"a":null},"b":[]}"#),
        ] {
            assert_eq!(Metadata::parse(given).unwrap().text(), kept, "{given}");
        }
    }

    #[test]
    fn a_change_replaces_its_keys_and_leaves_the_others() {
        for (before, change, after) in [
            ("{}", "{}", "{}"),
            (r#"{"a":1,"b":2,"c":3}"#, r#"{"b":{"x":1}}"#, r#"{"a":1,"b":{"x":1},"c":3}"#),
            (r#"{"a":{"x":1}}"#, r#"{"a":{"y":2}}"#, r#"{"a":{"y":2}}"#),
            (r#"{"a":1,"b":2}"#, r#"{"a":null,"nothing":null,"c":"null"}"#, r#"{"b":2,"c":"null"}"#),
            (r#"{"a":1}"#, r#"{"a":null}"#, "{}"),
            (r#"{"é":1}"#, r#"{"\u00e9":2}"#, r#"{"é":2}"#),
        ] {
            assert_eq!(changed(before, change), after, "{before} changed by {change}");
        }
    }

    #[test]
    fn the_bounds_hold_for_the_object_that_is_kept() {
        let of_bytes = |bytes: usize| format!(r#"{{ "a" : "{}" }}"#, "x".repeat(bytes - r#"{"a":""}"#.len()));
        assert_eq!(Metadata::parse(&of_bytes(BYTES_MAX)).unwrap().text().len(), BYTES_MAX);
        assert_eq!(Metadata::parse(&of_bytes(BYTES_MAX + 1)).unwrap_err().code, "metadata_too_large");
        let full = Metadata::parse(&of_bytes(BYTES_MAX)).unwrap();
        let change = |text| full.changed_by(&MetadataChange::parse(text).unwrap());
        assert_eq!(change(r#"{"b":1}"#).unwrap_err().code, "metadata_too_large");
        assert_eq!(change(r#"{"a":null,"b":1}"#).unwrap().text(), r#"{"b":1}"#);
        let escaped = format!(r#"{{"a":"{}"}}"#, r"\u00e9".repeat(2_000));
        assert!(Metadata::parse(&escaped).is_ok(), "2,000 letters of two bytes");

        let of_levels = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(Metadata::parse(&of_levels(LEVELS_MAX)).is_ok());
        for levels in [LEVELS_MAX + 1, 32] {
            assert_eq!(Metadata::parse(&of_levels(levels)).unwrap_err().code, "metadata_too_deep");
        }
        assert!(Metadata::parse(r#"{"a":"[[[[[[{{{{{{"}"#).is_ok(), "brackets in a text");
    }

    #[test]
    fn whatever_is_no_object_is_refused_with_its_own_reason() {
        for (text, code) in [
            ("[1]", "invalid_type"),
            ("17", "invalid_type"),
            ("true", "invalid_type"),
            (r#""{}""#, "invalid_type"),
            ("{", "invalid_json"),
            ("hello", "invalid_json"),
            ("{'a':1}", "invalid_json"),
            ("[object Object]", "invalid_json"),
            ("{} {}", "invalid_json"),
            (r#"{"a":1,"a":2}"#, "invalid_json"),
            (r#"{"a":{"b":1,"\u0062":2}}"#, "invalid_json"),
            (r#"{"a":"\u0000"}"#, "invalid_json"),
            (r#"{"\u0000":1}"#, "invalid_json"),
            (r#"{"a":"\ud800"}"#, "invalid_json"),
            (r#"{"a":01}"#, "invalid_json"),
        ] {
            let refusal = Metadata::parse(text).unwrap_err();
            assert_eq!(refusal.code, code, "{text}");
            assert!(refusal.message.ends_with('.') && !refusal.message.contains('`'), "{}", refusal.message);
        }
    }

    #[test]
    fn a_stored_text_that_is_no_object_is_an_error() {
        for text in ["", "x", "[]", "null", "{", "\0"] {
            assert!(Metadata::stored(text.to_owned()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_log_never_has_it() {
        let metadata = Metadata::parse(r#"{"phone":"+49 30 1234567"}"#).unwrap();
        assert_eq!(format!("{metadata:?}"), "Metadata(26 bytes)");
    }
}
