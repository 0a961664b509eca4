//! The session object, as its contract has it.

use serde_json::{Map, Value};
use shared::testing;

/// Fails unless this is a session object, with the default life of an access token.
#[track_caller]
pub fn assert_session(session: &Value) {
    testing::assert_session_object(session);
    assert_eq!(session["expires_in"], 3600);
}

/// The keys and types of a JSON value, without the values. For an array, the different shapes in
/// it.
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
