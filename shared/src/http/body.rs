//! The body of a request: JSON or form fields, read strictly.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::{
    App,
    error::{Error, Media},
    http::fields::{Fields, Input},
    jose::json::diagnosis::{self, Diagnosis},
    text::BYTE_ORDER_MARK,
};

/// The largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// The largest body of an import, in bytes.
pub const IMPORT_BYTES_MAX: usize = 256 * 1024;
/// The one path whose bodies may be so large.
pub const IMPORT_PATH: &str = "/admin/import";

/// The reason why a server has not read the body to its end. It stands among the extensions of a
/// request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The time for the body is over.
    TimedOut,
    /// The connection or its framing broke.
    Broken,
}

/// The largest body of a request to this path, in bytes.
pub fn bytes_max(path: &str) -> usize {
    if path == IMPORT_PATH { IMPORT_BYTES_MAX } else { BODY_BYTES_MAX }
}

/// Extracts an [`Input`] from the body of a request.
pub struct Body<T>(pub T);

impl<T: Input> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let broken = || Error::invalid("The body could not be read to its end.");
        match parts.extensions.get() {
            Some(Unread::TimedOut) => return Err(Error::RequestTimeout),
            Some(Unread::Broken) => return Err(broken()),
            None => {}
        }
        let bytes = match Limited::new(body, bytes_max(parts.uri.path())).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Error::TooLarge),
            Err(_) => return Err(broken()),
        };
        let fields = Fields::new(values(&parts.headers, &bytes)?, bytes, app.config());
        fields.with_query(parts.uri.query().unwrap_or_default()).read().map(Self)
    }
}

/// Whether the body is a form. A body without a content type is JSON.
fn is_form(headers: &HeaderMap) -> Result<bool, Error> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(false) };
    let unsupported = |media| Error::UnsupportedMediaType(media);
    let value = value.to_str().map_err(|_| unsupported(Media::Other))?.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let form = match parts.next() {
        Some("application/json" | "") => false,
        Some("application/x-www-form-urlencoded") => true,
        Some("multipart/form-data") => return Err(unsupported(Media::Multipart)),
        Some("text/plain") => return Err(unsupported(Media::Text)),
        _ => return Err(unsupported(Media::Other)),
    };
    let charset = parts.find_map(|parameter| parameter.strip_prefix("charset=")).map(|name| name.trim_matches('"'));
    if charset.is_none_or(|name| name == "utf-8" || name == "utf8") {
        Ok(form)
    } else {
        Err(unsupported(Media::Charset))
    }
}

/// The compression that the headers name. Only names from here are told to the caller.
fn encoding(headers: &HeaderMap) -> Option<&'static str> {
    let value = headers.get(header::CONTENT_ENCODING)?.as_bytes().trim_ascii().to_ascii_lowercase();
    match value.as_slice() {
        b"" | b"identity" => None,
        b"gzip" | b"x-gzip" => Some("gzip"),
        b"deflate" => Some("deflate"),
        b"br" => Some("brotli"),
        b"zstd" => Some("zstd"),
        _ => Some("of a kind that is not known here"),
    }
}

/// The fields of the body. An empty body has none, whatever its content type is.
fn values(headers: &HeaderMap, bytes: &Bytes) -> Result<Map<String, Value>, Error> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    // RFC 8259 section 8.1 lets a parser pass over a byte order mark, and some builders write one.
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let read = if is_form(headers)? { form_object(text) } else { diagnosis::object(text) };
    read.map_err(|found| match encoding(headers) {
        Some(name) => Error::UnsupportedMediaType(Media::Encoded(name)),
        None => {
            let message = format!("The body {found}.");
            let detail = format!("{message} {}", found.cure()).trim_end().to_owned();
            Error::explained(message, detail)
        }
    })
}

fn form_object(bytes: &[u8]) -> Result<Map<String, Value>, Diagnosis> {
    // curl and others send JSON as a form unless they are told the type. Read as a form, the body
    // would seem to lack every field.
    // The command line of Windows keeps single quotes around it.
    let text = bytes.trim_ascii_start();
    if text.strip_prefix(b"'").unwrap_or(text).starts_with(b"{") {
        return Err(Diagnosis::whole(
            "looks like JSON but was sent as a form: set Content-Type to application/json",
            "curl needs the option -H 'Content-Type: application/json', or --json in the place of -d.",
        ));
    }
    let mut object = Map::new();
    for (index, (key, value)) in form_urlencoded::parse(bytes).enumerate() {
        let refuse = |clause, cure| Err(Diagnosis::in_form(clause, index + 1, cure));
        // Bytes that are not UTF-8 were decoded to the replacement character.
        if key.contains('\u{fffd}') || value.contains('\u{fffd}') {
            return refuse("is not valid UTF-8", diagnosis::UTF8_CURE);
        }
        if key.contains('\0') || value.contains('\0') {
            return refuse("has a NUL character in a text", diagnosis::NUL_CURE);
        }
        if object.insert(key.into_owned(), Value::String(value.into_owned())).is_some() {
            return refuse("gives a key twice", diagnosis::TWICE_CURE);
        }
    }
    Ok(object)
}
