//! The JSON of one account, read with the digits of its numbers.

use serde_json::{Map, Value};

use super::fields::is_kept_as_written;
use crate::{
    jose::{json::diagnosis, members::members},
    text::trimmed,
};

/// Reads the object of one account. Objects that are kept here stand as text in it, so that their
/// numbers keep their digits and their keys the order.
///
/// # Errors
///
/// A sentence with the place of the mistake. It never quotes the text.
pub fn record(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    // A file that was put together from others has byte order marks inside.
    let text = str::from_utf8(bytes).map(trimmed).map_or(bytes, str::as_bytes);
    // The number of the line stands before the sentence.
    let mut values = diagnosis::object(text)
        .map_err(|mistake| format!("The line {}.", mistake.to_string().replace("in line 1, column", "in column")))?;
    for (name, value) in members(text).unwrap_or_default() {
        if let Some(known) = values.get_mut(&name).filter(|known| known.is_object() && is_kept_as_written(&name)) {
            *known = Value::String(value.get().to_owned());
        }
    }
    Ok(values)
}
