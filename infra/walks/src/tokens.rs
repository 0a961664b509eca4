//! Reads and makes tokens without this project's own code, as anybody can.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use uuid::Builder;

/// A random id, as AWS and clients make them: a UUID of version 4.
pub fn random_id() -> String {
    Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid().to_string()
}

/// The header of a token.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

/// The claims of a token.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// The id of the key that signed a token.
pub fn kid(token: &str) -> String {
    header(token)["kid"].as_str().expect("a key id").to_owned()
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).expect("a token of three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}
