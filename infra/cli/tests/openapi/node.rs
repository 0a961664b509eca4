//! JSON that keeps the order of its members. Importers show the fields of a body in that order.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;
use shared::jose::members::members;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// An object, its members in order.
    Object(Vec<(String, Node)>),
    /// A list.
    List(Vec<Node>),
    /// Anything else.
    Plain(Value),
}

impl Node {
    /// Reads JSON.
    pub fn parse(text: &str) -> Self {
        if text.starts_with('{') {
            let members = members(text.as_bytes()).expect("JSON");
            return Self::Object(members.into_iter().map(|(key, value)| (key, Self::parse(value.get()))).collect());
        }
        if text.starts_with('[') {
            let items: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(text).expect("JSON");
            return Self::List(items.iter().map(|item| Self::parse(item.get())).collect());
        }
        Self::Plain(serde_json::from_str(text).expect("JSON"))
    }

    /// An object without members.
    pub fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// The object with one more member at its end.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Self>) -> Self {
        let Self::Object(members) = &mut self else { panic!("{self:?} is no object") };
        members.push((key.into(), value.into()));
        self
    }

    /// The object with one more member, if there is a value.
    pub fn maybe(self, key: &str, value: Option<impl Into<Self>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// The document as a file has it.
    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(self).expect("JSON") + "\n"
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::List(items) => items.serialize(serializer),
            Self::Plain(value) => value.serialize(serializer),
        }
    }
}

impl<T: Into<Value>> From<T> for Node {
    fn from(value: T) -> Self {
        Self::Plain(value.into())
    }
}

impl FromIterator<(String, Node)> for Node {
    fn from_iter<I: IntoIterator<Item = (String, Node)>>(members: I) -> Self {
        Self::Object(members.into_iter().collect())
    }
}

impl FromIterator<Node> for Node {
    fn from_iter<I: IntoIterator<Item = Node>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}
