//! The schemas of answers and of fields.

use serde_json::Value;
use shared::{
    http::fields::described::{Described, Kind},
    sample::Shape,
};

use super::node::Node;

/// The ways to write a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAPI 3.1: shapes are components, and each member has its meaning.
    Full,
    /// OpenAPI 3.0 for importers: everything stands where it is used.
    Flat,
    /// The same without everything that FlutterFlow's importer has no place for: the lists of
    /// members, formats and patterns.
    Bare,
}

/// A reference to the component of a shape.
pub fn reference(name: &str) -> Node {
    Node::object().with("$ref", format!("#/components/schemas/{name}"))
}

/// The schema of an answer.
pub fn of_shape(shape: &Shape, dialect: Dialect) -> Node {
    let Node::Object(example) = Node::parse(&shape.example) else { panic!("{} is no object", shape.name) };
    let required = example.iter().map(|(key, _)| key).filter(|key| !shape.optional.contains(&key.as_str()));
    let required: Node = required.map(|key| Node::from(key.as_str())).collect();
    let properties: Node =
        example.iter().map(|(key, value)| (key.clone(), of_member(shape, key, value, dialect))).collect();
    an_object(required, properties, dialect)
}

fn an_object(required: Node, properties: Node, dialect: Dialect) -> Node {
    // OpenAPI 3.0 allows no empty list.
    let is_empty = matches!(&required, Node::List(names) if names.is_empty());
    let required = Some(required).filter(|_| dialect != Dialect::Bare && !is_empty);
    Node::object().with("type", "object").maybe("required", required).with("properties", properties)
}

/// The components that a shape needs, itself first.
pub fn components(shape: Shape) -> Vec<Shape> {
    let parts: Vec<Shape> = shape.parts.iter().flat_map(|(_, part)| components(part())).collect();
    [shape].into_iter().chain(parts).collect()
}

fn of_member(shape: &Shape, key: &str, value: &Node, dialect: Dialect) -> Node {
    let part = shape.parts.iter().find(|(name, _)| *name == key).map(|(_, part)| part());
    let of_part = |part: Shape| match dialect {
        Dialect::Full => reference(part.name),
        Dialect::Flat | Dialect::Bare => of_shape(&part, dialect),
    };
    let schema = match (part, value) {
        (Some(part), Node::List(_)) => Node::object().with("type", "array").with("items", of_part(part)),
        (Some(part), _) => of_part(part),
        (None, _) => of_value(key, value, shape.dates_or_empty.contains(&key), dialect),
    };
    let text = shape.members.iter().find(|(name, _)| *name == key).map(|(_, text)| *text);
    schema.maybe("description", text.filter(|_| dialect == Dialect::Full))
}

/// The schema of a value, by its example. An empty object may have any members.
fn of_value(key: &str, value: &Node, is_date_or_empty: bool, dialect: Dialect) -> Node {
    let schema = Node::object();
    match value {
        Node::Object(members) if members.is_empty() => {
            let free = (dialect != Dialect::Bare).then_some(true);
            let schema = schema.with("type", "object").maybe("additionalProperties", free);
            with_example(schema, value.clone(), dialect)
        }
        Node::Object(members) => {
            let required: Node = members.iter().map(|(key, _)| Node::from(key.as_str())).collect();
            let properties: Node =
                members.iter().map(|(key, value)| (key.clone(), of_value(key, value, false, dialect))).collect();
            an_object(required, properties, dialect)
        }
        Node::List(items) => {
            let item = items.first().unwrap_or_else(|| panic!("the list {key} has no example of an item"));
            schema.with("type", "array").with("items", of_value("", item, false, dialect))
        }
        Node::Plain(Value::Bool(_)) => with_example(schema.with("type", "boolean"), value.clone(), dialect),
        Node::Plain(Value::Number(_)) => with_example(schema.with("type", "integer"), value.clone(), dialect),
        Node::Plain(Value::String(_)) => {
            let schema = schema.with("type", "string");
            let schema = match key.ends_with("_at") && dialect != Dialect::Bare {
                true if is_date_or_empty => schema.with("pattern", DATE_OR_EMPTY),
                true => schema.with("format", "date-time"),
                false => schema,
            };
            with_example(schema, value.clone(), dialect)
        }
        Node::Plain(Value::Null) => panic!("{key} is null, and no answer has a null"),
        Node::Plain(other) => panic!("{key}: {other}"),
    }
}

/// A time in UTC and in whole seconds, or an empty text.
const DATE_OR_EMPTY: &str = "^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$";

/// JSON Schema has a list of examples, and OpenAPI 3.0 had one example.
fn with_example(schema: Node, example: Node, dialect: Dialect) -> Node {
    match dialect {
        Dialect::Full => schema.with("examples", Node::List(vec![example])),
        Dialect::Flat | Dialect::Bare => schema.with("example", example),
    }
}

/// The schema of a field, with an example that fits it.
pub fn of_field(field: &Described, dialect: Dialect) -> Node {
    with_example(of_kind(field.kind), example(&field.name, field.kind), dialect)
}

/// The schema of the values that a field accepts.
pub fn of_kind(kind: Kind) -> Node {
    let text = Node::object().with("type", "string");
    match kind {
        Kind::Text | Kind::Token => text,
        Kind::Email => text.with("format", "email").with("maxLength", 254),
        Kind::Username => text.with("pattern", "^([A-Za-z0-9_.-]{3,32})?$"),
        Kind::Name => text.with("maxLength", 128),
        Kind::Identifier => text.with("minLength", 1),
        Kind::Password => text.with("format", "password").with("minLength", 1),
        Kind::NewPassword => text.with("format", "password").with("minLength", 8).with("maxLength", 256),
        Kind::Flag => Node::object().with("type", "boolean"),
        Kind::Count(max) => Node::object().with("type", "integer").with("minimum", 1).with("maximum", max),
        Kind::Whole => Node::object().with("type", "integer").with("minimum", 0),
        Kind::Object | Kind::Metadata => Node::object().with("type", "object").with("additionalProperties", true),
        Kind::Objects(max) => {
            let items = Node::object().with("type", "object").with("additionalProperties", true);
            Node::object().with("type", "array").with("minItems", 1).with("maxItems", max).with("items", items)
        }
    }
}

/// An example that works beside the other examples of an operation.
fn example(name: &str, kind: Kind) -> Node {
    let text = match (kind, name) {
        (Kind::Flag, _) => return false.into(),
        (Kind::Count(_), "role_id") => return 2.into(),
        (Kind::Count(_), _) => return 60.into(),
        (Kind::Whole, _) => return 0.into(),
        (Kind::Object, _) => return Node::object().with("user_id", "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e"),
        (Kind::Objects(_), _) => return Node::List(vec![Node::object().with("email", "james@example.com")]),
        (Kind::Metadata, _) => return Node::object().with("plan", "free"),
        (Kind::Email, _) | (Kind::Identifier, "email") => "james@example.com",
        (Kind::Username | Kind::Identifier, _) => "james",
        (Kind::Name, _) => "James",
        (Kind::Password, _) => "correct horse battery",
        (Kind::NewPassword, "password") => "correct horse battery",
        (Kind::NewPassword, _) => "a better horse battery",
        (_, "refresh_token") => "dlIOBvT9xQm2sKc7Yw4nHf0aLr8uJe3iZp5gXd1tMbA",
        (Kind::Text, "grant_type") => "password",
        (Kind::Text, "email") => "james@example.com",
        (Kind::Text, "client_secret") => "an API key of one of your servers",
        (Kind::Text, "challenge") => "Qm2sKc7Yw4nHf0aLr8uJe3iZp5gXd1tMbAdlIOBvT9x",
        (Kind::Text, "code") => "012345",
        (Kind::Text, "locale") => "de",
        // Another one would have to be in APP_URLS.
        (Kind::Text, "continue_url") => "",
        (Kind::Text, "purpose") => "reset",
        (Kind::Text, "until") => "2026-06-10T15:00:00Z",
        (Kind::Text, "nonce") => "n-0S6_WzA2Mj",
        (Kind::Text, "provider") => "google",
        (Kind::Text, "token") => "Jr8uaL0fHn4wY7cKs2mQbdlIOBvT9xAMgX1td5pZi3e",
        (Kind::Token, _) => "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl",
        (Kind::Text, _) => panic!("{name} is any text: give it an example here"),
    };
    text.into()
}
