//! A text that is kept in two forms, plain and compressed, and that a browser may keep too.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use axum::{
    Extension,
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use shared::http::contract::Document;

/// A text with the tag of its content.
pub struct Kept {
    plain: Bytes,
    /// Made when it is asked for first. `None` if it is not shorter.
    zipped: OnceLock<Option<Bytes>>,
    tag: String,
}

impl Kept {
    /// Keeps a text.
    pub fn new(text: impl Into<Bytes>) -> Self {
        let plain = text.into();
        let mut hasher = DefaultHasher::new();
        plain.hash(&mut hasher);
        Self { plain, zipped: OnceLock::new(), tag: format!("{:016x}", hasher.finish()) }
    }

    /// 200 with the text, compressed if the caller accepts it; 304 if the caller has it.
    pub fn answer(&self, headers: &HeaderMap, media_type: &'static str, keep: &'static str) -> Response {
        let zipped = accepts_gzip(headers).then(|| self.zipped()).flatten();
        // Each form has a tag of its own (RFC 9110 section 8.8.3.3).
        let tag = format!("\"{}{}\"", self.tag, if zipped.is_some() { "-gzip" } else { "" });
        let mut response = if self.is_known(headers) {
            // Without a body, and so without a type.
            (Extension(Document), StatusCode::NOT_MODIFIED).into_response()
        } else {
            let body = zipped.unwrap_or(&self.plain).clone();
            let mut response = (Extension(Document), [(header::CONTENT_TYPE, media_type)], body).into_response();
            if zipped.is_some() {
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        // The tag is plain ASCII.
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    fn zipped(&self) -> Option<&Bytes> {
        self.zipped.get_or_init(|| gzip(&self.plain)).as_ref()
    }

    /// Whether the caller has the text, in any form (RFC 9110 section 13.1.2).
    fn is_known(&self, headers: &HeaderMap) -> bool {
        list(headers, &header::IF_NONE_MATCH).any(|value| {
            let tag = value.trim_start_matches("W/").trim_matches('"');
            value == "*" || tag.strip_suffix("-gzip").unwrap_or(tag) == self.tag
        })
    }
}

/// The text as a file of gzip. `None` if it is not shorter.
fn gzip(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Memory accepts every byte.
    encoder.write_all(text).ok()?;
    let zipped = encoder.finish().ok()?;
    (zipped.len() < text.len()).then(|| zipped.into())
}

/// Whether the caller accepts gzip (RFC 9110 section 12.5.3). A weight of 0 refuses it.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    list(headers, &header::ACCEPT_ENCODING).any(|value| {
        let (name, parameter) = value.split_once(';').unwrap_or((value, ""));
        let weight = parameter.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// The members of a list in headers.
fn list<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// A text with the issuer in it. The text for the issuer that asked last is kept, since a
/// deployment has one issuer.
pub struct PerIssuer {
    make: fn(&str) -> String,
    kept: Mutex<Option<(String, Arc<Kept>)>>,
}

impl PerIssuer {
    /// A text that is made when it is asked for first.
    pub const fn new(make: fn(&str) -> String) -> Self {
        Self { make, kept: Mutex::new(None) }
    }

    /// The text for this issuer.
    pub fn of(&self, issuer: &str) -> Arc<Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref().filter(|(of, _)| of == issuer) {
            Some((_, kept)) => kept.clone(),
            None => kept.insert((issuer.to_owned(), Arc::new(Kept::new((self.make)(issuer))))).1.clone(),
        }
    }
}
