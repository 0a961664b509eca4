//! Strict JSON: a text that two parsers could read differently is refused.
//!
//! RFC 8259 section 4 leaves duplicate keys to the parser. With them, a check could see one value
//! and the code after the check another. Nesting is bounded. NUL is refused, because it ends a
//! string for half of all databases.

pub mod diagnosis;

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The most levels of arrays and objects inside each other.
pub const DEPTH_MAX: usize = 32;

/// Reads `text` as one JSON object.
///
/// # Errors
///
/// A phrase for the caller that never quotes `text`: the text is not UTF-8, not JSON or not an
/// object. The other reasons are a nesting deeper than [`DEPTH_MAX`], a duplicate key and a NUL.
pub fn object(text: &[u8]) -> Result<Map<String, Value>, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "is not valid UTF-8")?;
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }
        .deserialize(&mut parser)
        .and_then(|value| parser.end().map(|()| value))
        .map_err(|error| sentence(&error))?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("is not a JSON object")
        }
    }
}

const DUPLICATE: &str = "gives a key twice";
const DEEP: &str = "is nested deeper than 32 levels";
const NUL: &str = "has a NUL character in a text";

/// The phrase for an error. serde's own text quotes the input, so every error but the three from
/// here has the same phrase.
fn sentence(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    [DUPLICATE, DEEP, NUL].into_iter().find(|known| text.starts_with(known)).unwrap_or("is not valid JSON")
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX { Err(E::custom(DEEP)) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

fn without_nul<E: serde::de::Error>(text: String) -> Result<String, E> {
    if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(text) }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        without_nul(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut inner = self;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<Key>()? {
            let Key::Name(name) = key else {
                return entries.next_value::<String>()?.parse().map(Value::Number).map_err(A::Error::custom);
            };
            if object.is_empty() {
                inner = self.deeper()?;
            }
            let name = without_nul(name)?;
            let value = entries.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        if object.is_empty() {
            self.deeper()?;
        }
        Ok(Value::Object(object))
    }
}

/// The key of a map. serde has no type for a number of any size. `serde_json` therefore hands such
/// a number over as a map with one key of its own, whose value is the digits.
enum Key {
    Number,
    Name(String),
}

impl<'de> Deserialize<'de> for Key {
    /// Asks for an option: a key of a real object is `Some`, and the key of a number is bare. An
    /// object with a key of that name is therefore not taken for a number.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        String::deserialize(deserializer).map(Key::Name)
    }

    fn visit_str<E>(self, _: &str) -> Result<Key, E> {
        Ok(Key::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_it_stands() {
        let text = r#"{"a": [1, -2, 2.5, true, null], "b": {"c": "é\n"}}"#;
        assert_eq!(Value::Object(object(text.as_bytes()).unwrap()), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn numbers_keep_their_digits_whatever_their_size_and_form() {
        for number in
            ["0", "-0", "42.0", "1.50", "113774264463038321964", "-1e+400", "0.1000000000000000055511151231257827"]
        {
            let text = format!(r#"{{"a":{number}}}"#);
            assert_eq!(Value::Object(object(text.as_bytes()).unwrap()).to_string(), text);
        }
        // An exponent is written with its sign.
        assert_eq!(Value::Object(object(br#"{"a":1E5}"#).unwrap()).to_string(), r#"{"a":1e+5}"#);
        for number in ["01", "1.", ".5", "+1", "1e", "NaN", "Infinity", "0x1", "-"] {
            assert_eq!(object(format!(r#"{{"a":{number}}}"#).as_bytes()).unwrap_err(), "is not valid JSON", "{number}");
        }
    }

    #[test]
    fn an_object_that_looks_like_the_librarys_own_number_stays_an_object() {
        for text in [r#"{"$serde_json::private::Number":"1"}"#, r#"{"a":{"$serde_json::private::Number":"x"}}"#] {
            assert_eq!(Value::Object(object(text.as_bytes()).unwrap()).to_string(), text);
        }
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32));
        let cases: [(&[u8], &str); 11] = [
            (b"", "is not valid JSON"),
            (b"{", "is not valid JSON"),
            (b"{} {}", "is not valid JSON"),
            (b"[]", "is not a JSON object"),
            (b"null", "is not a JSON object"),
            (br#"{"a":1,"a":1}"#, DUPLICATE),
            (br#"{"a":{"b":1,"\u0062":1}}"#, DUPLICATE),
            (br#"{"a":"\u0000"}"#, NUL),
            (br#"{"\u0000":1}"#, NUL),
            (b"{\"a\":\"\xff\"}", "is not valid UTF-8"),
            (deep.as_bytes(), DEEP),
        ];
        for (text, refusal) in cases {
            assert_eq!(object(text).unwrap_err(), refusal, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn nesting_is_accepted_up_to_its_bound() {
        for number in ["", "1", "1.5", "113774264463038321964"] {
            let deepest = format!("{{\"a\":{}{number}{}}}", "[".repeat(DEPTH_MAX - 1), "]".repeat(DEPTH_MAX - 1));
            assert!(object(deepest.as_bytes()).is_ok(), "{number}");
        }
        let objects = format!("{}{}", "{\"a\":".repeat(DEPTH_MAX), "{}");
        assert_eq!(object((objects + &"}".repeat(DEPTH_MAX)).as_bytes()).unwrap_err(), DEEP);
    }

    #[test]
    fn a_text_that_spells_a_refusal_is_not_mistaken_for_one() {
        assert!(object(br#"{"gives a key twice":"is nested deeper than 32 levels"}"#).is_ok());
        assert_eq!(object(br#"{"gives a key twice""#).unwrap_err(), "is not valid JSON");
    }
}
