//! A document with the URL of this deployment in it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use axum::{
    Extension,
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use shared::http::contract;

/// The place of the service's own URL in a document.
const URL: &str = "https://YOUR-URL";

/// The time for which a document may be kept. After a deployment it changes within minutes.
const CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A JSON document that was made with the program.
pub struct Document {
    text: &'static str,
    /// The name of the file that a browser makes of it. `None` shows it instead.
    file_name: Option<&'static str>,
    /// The document for the issuer that asked last. A deployment has one issuer.
    made: Mutex<Option<Made>>,
}

#[derive(Clone)]
struct Made {
    issuer: String,
    body: Bytes,
    tag: String,
}

impl Document {
    /// A document whose lines are indented.
    pub const fn new(text: &'static str, file_name: Option<&'static str>) -> Self {
        Self { text, file_name, made: Mutex::new(None) }
    }

    /// 200 with the document; 304 if the caller has it.
    pub fn answer(&self, issuer: &str, headers: &HeaderMap) -> Response {
        let made = self.made_for(issuer);
        let mut named: Vec<(HeaderName, String)> = vec![(header::ETAG, made.tag.clone())];
        if let Some(name) = self.file_name {
            named.push((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
        }
        let status = if is_known(headers, &made.tag) { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let mut response = match status {
            StatusCode::OK => made.body.into_response(),
            // Without a body, and so without a type.
            _ => (Extension(contract::Document), status).into_response(),
        };
        for (name, value) in named {
            // The values are plain ASCII.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response.headers_mut().insert(header::CACHE_CONTROL, CACHED);
        response
    }

    fn made_for(&self, issuer: &str) -> Made {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match made.as_ref().filter(|made| made.issuer == issuer) {
            Some(made) => made.clone(),
            None => made.insert(self.make(issuer)).clone(),
        }
    }

    /// The document without the indentation, which only its readers in the repository need.
    fn make(&self, issuer: &str) -> Made {
        let text: String = self.text.lines().map(str::trim_start).collect();
        let body = text.replace(URL, issuer);
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        Made { issuer: issuer.to_owned(), body: body.into(), tag: format!("\"{:016x}\"", hasher.finish()) }
    }
}

/// Whether the caller has the document with this tag (RFC 9110 section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let sent = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|value| value.split(','))
        .map(|value| value.trim().trim_start_matches("W/"))
        .any(|value| value == tag || value == "*")
}
