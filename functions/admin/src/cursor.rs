//! The cursor of a list: a place in it, sealed to the query that it belongs to.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{
    App,
    error::{Error, Field},
};

/// The purpose of the seal, so that it is of use nowhere else.
const PURPOSE: &str = "admin cursor";

/// The cursor of the page behind `entry`, in the list of this query.
pub fn sealed(app: &App, query: &str, entry: &str) -> Result<String, Error> {
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(entry), seal(app, query, entry)?))
}

/// The place that a cursor names.
///
/// # Errors
///
/// 400 if the cursor is none of this service, or belongs to another query.
pub fn opened(app: &App, query: &str, cursor: &str) -> Result<String, Error> {
    let entry = cursor
        .split_once('.')
        .and_then(|(entry, seal)| Some((String::from_utf8(URL_SAFE_NO_PAD.decode(entry).ok()?).ok()?, seal)));
    match entry {
        Some((entry, sent)) if seal(app, query, &entry)? == sent => Ok(entry),
        _ => {
            let message = "The cursor belongs to another search. Begin again without it.";
            Err(Error::wrong(vec![Field::new("cursor", "invalid_cursor", message)]))
        }
    }
}

fn seal(app: &App, query: &str, entry: &str) -> Result<String, Error> {
    let seal = app.keys().pseudonyms().digest(PURPOSE, &[query, entry]);
    seal.ok_or_else(|| Error::unavailable("no keys are loaded"))
}
