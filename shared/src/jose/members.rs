//! The members of a JSON object as they are written: numbers keep their digits, and keys their
//! order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A key and the text of its value.
pub type Member = (String, Box<RawValue>);

/// The members of an object in their order. Nothing is checked beyond the syntax of JSON.
///
/// # Errors
///
/// The text is not JSON, or no object.
pub fn members(text: &[u8]) -> Result<Vec<Member>, serde_json::Error> {
    serde_json::from_slice::<Members>(text).map(|Members(members)| members)
}

struct Members(Vec<Member>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_given_as_they_are_written() {
        let written = members(br#" {"z" : [1, 2.50], "a":113774264463038321964, "\u00e9": {"x": "y"}} "#).unwrap();
        let written: Vec<_> = written.iter().map(|(key, value)| (key.as_str(), value.get())).collect();
        assert_eq!(written, [("z", "[1, 2.50]"), ("a", "113774264463038321964"), ("é", r#"{"x": "y"}"#)]);
        for other in ["", "[]", "1", "null", "{", "{} {}"] {
            assert!(members(other.as_bytes()).is_err(), "{other}");
        }
    }
}
