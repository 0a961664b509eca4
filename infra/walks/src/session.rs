//! The session object, as its contract has it.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::{Map, Value};
use shared::testing;

static JWT: LazyLock<Regex> = LazyLock::new(|| expression(r"^[\w-]+\.[\w-]+\.[\w-]+$"));
static TIME: LazyLock<Regex> = LazyLock::new(|| expression(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"));
static UUID_V7: LazyLock<Regex> =
    LazyLock::new(|| expression("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"));
static REFRESH_TOKEN: LazyLock<Regex> = LazyLock::new(|| expression(r"^[\w-]{43}$"));

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("an expression")
}

/// Fails unless this is a session object with exactly the keys, types and forms of the contract.
#[track_caller]
pub fn assert_session(session: &Value) {
    testing::assert_session_object(session);
    assert_eq!(session["expires_in"], 3600);
    let forms = [
        ("uid", &UUID_V7),
        ("expires_at", &TIME),
        ("refresh_expires_at", &TIME),
        ("jwt_token", &JWT),
        ("access_token", &JWT),
        ("refresh_token", &REFRESH_TOKEN),
    ];
    for (name, form) in forms {
        let text = session[name].as_str().expect("a text");
        assert!(form.is_match(text), "{name} is {text}");
    }
}

/// The keys and types of a JSON value, without the values; of an array, the different shapes in it.
pub fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => {
            let mut shapes: Vec<Value> = Vec::new();
            for item in items.iter().map(shape) {
                if !shapes.contains(&item) {
                    shapes.push(item);
                }
            }
            shapes.into()
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), shape(value))).collect::<Map<_, _>>().into()
        }
    }
}
