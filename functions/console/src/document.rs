//! A document with the URL of this deployment in it.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};

use crate::{files::JSON, kept::PerIssuer};

/// The place of the service's own URL in a document.
const URL: &str = "https://YOUR-URL";

/// The time for which a document may be kept. After a deployment it changes within minutes.
pub const CACHED: &str = "public, max-age=300";

/// A JSON document that was made with the program.
pub struct Document {
    text: PerIssuer,
    /// The header that names the file which a browser makes of it. `None` shows it instead.
    file: Option<&'static str>,
}

impl Document {
    /// A document that `make` writes for an issuer.
    pub const fn new(make: fn(&str) -> String, file: Option<&'static str>) -> Self {
        Self { text: PerIssuer::new(make), file }
    }

    /// 200 with the document; 304 if the caller has it.
    pub fn answer(&self, issuer: &str, headers: &HeaderMap) -> Response {
        let mut response = self.text.of(issuer).answer(headers, JSON, CACHED);
        if let Some(file) = self.file {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(file));
        }
        response
    }
}

/// The text for an issuer, without the indentation, which only its readers in the repository need.
pub fn written(text: &str, issuer: &str) -> String {
    text.lines().map(str::trim_start).collect::<String>().replace(URL, issuer)
}
