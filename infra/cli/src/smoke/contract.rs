//! The part of the contract that every answer keeps, whatever the request was.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::{Map, Value};

/// The header that a request and its lines in the log share.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The headers that an answer has at most once.
const ONCE: [HeaderName; 8] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    header::CACHE_CONTROL,
    header::CONTENT_TYPE,
    REQUEST_ID,
];
const JSON: &str = "application/json; charset=utf-8";

const TWO_LAYERS: &str = "Leave this header to the functions, and remove it from the gateway's settings.";
const ANOTHER_ANSWERED: &str =
    "Something in front of the functions answers, or changes what they answer: check the gateway's routes.";
const ANOTHER_VERSION: &str = "The functions that run may be of another version: deploy again.";

/// The request, as far as its answer depends on it.
pub struct Expected<'a> {
    /// The request id that was sent.
    pub request_id: &'a str,
    /// Whether this is the answer to a preflight, which has no body.
    pub is_preflight: bool,
    /// Whether the request was for a document of `/.well-known/`, which may be cached.
    pub is_document: bool,
}

/// A breach of the contract.
pub struct Breach {
    /// A clause that follows "but".
    pub found: String,
    /// A sentence with advice.
    pub next: &'static str,
}

fn breach<T>(found: impl Into<String>, next: &'static str) -> Result<T, Breach> {
    Err(Breach { found: found.into(), next })
}

/// Checks an answer. Returns its body: a JSON object, which is empty for a preflight.
///
/// # Errors
///
/// The first breach of the contract.
pub fn check(
    expected: &Expected<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Map<String, Value>, Breach> {
    check_headers(expected, status, headers)?;
    if expected.is_preflight {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) if status.as_u16() < 400 => Ok(body),
        Ok(Value::Object(body)) => check_error(expected, status, &body).map(|()| body),
        Ok(_) => breach("the body is no JSON object", ANOTHER_ANSWERED),
        Err(_) => breach("the body is no JSON", ANOTHER_ANSWERED),
    }
}

/// The value of a header as text; none if the header is not there.
pub fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn check_headers(expected: &Expected<'_>, status: StatusCode, headers: &HeaderMap) -> Result<(), Breach> {
    if let Some(name) = ONCE.iter().find(|name| headers.get_all(*name).iter().count() > 1) {
        return breach(format!("the header {name} is there twice, so that two layers write it"), TWO_LAYERS);
    }
    if !expected.is_preflight {
        check_value(headers, &header::CONTENT_TYPE, JSON, ANOTHER_ANSWERED)?;
    }
    check_cors(headers)?;
    if !(expected.is_document && status == StatusCode::OK) {
        let next = "An answer may hold tokens: turn off caching in front of the functions.";
        check_value(headers, &header::CACHE_CONTROL, "no-store", next)?;
    }
    let next = "Let the gateway hand on x-request-id, in requests and in answers.";
    check_value(headers, &REQUEST_ID, expected.request_id, next)
}

fn check_value(headers: &HeaderMap, name: &HeaderName, expected: &str, next: &'static str) -> Result<(), Breach> {
    match text_of(headers, name) {
        Some(value) if value == expected => Ok(()),
        Some(value) => breach(format!("{name} is {value}, not {expected}"), next),
        None => breach(format!("{name} is missing, not {expected}"), next),
    }
}

fn check_cors(headers: &HeaderMap) -> Result<(), Breach> {
    const NAME: HeaderName = header::ACCESS_CONTROL_ALLOW_ORIGIN;
    match text_of(headers, &NAME) {
        None => {
            return breach(
                format!("{NAME} is missing"),
                "If CORS_ALLOWED_ORIGINS is a list, name one of its origins: --origin, or make smoke ORIGIN=….",
            );
        }
        // A gateway may join two of them with a comma.
        Some(value) if value.contains(',') => {
            return breach(format!("{NAME} is {value}, so that two layers write it"), TWO_LAYERS);
        }
        Some(_) => {}
    }
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS) {
        let found = format!("{} is there, and no cookie is used", header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        return breach(found, "Take this header out of the gateway's settings.");
    }
    Ok(())
}

fn check_error(expected: &Expected<'_>, status: StatusCode, body: &Map<String, Value>) -> Result<(), Breach> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    for name in ["type", "title", "detail", "message", "code", "request_id"] {
        if text(name).is_none() {
            return breach(format!("the error has no {name}"), ANOTHER_ANSWERED);
        }
    }
    let is_status = body.get("status").is_some_and(|told| *told == status.as_u16());
    let is_of_request = text("request_id") == Some(expected.request_id);
    let has_parts = body.get("fields").is_some_and(Value::is_array) && body.get("next").is_some_and(Value::is_object);
    if is_status && is_of_request && has_parts {
        return Ok(());
    }
    breach("the error's status, request_id, fields or next are not those of this answer", ANOTHER_VERSION)
}
