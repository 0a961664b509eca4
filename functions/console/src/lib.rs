//! The documents about the API: descriptions for importers, and the page about every error.
//!
//! Nothing here reads a table or a secret.

mod document;
mod errors;

use axum::{Router, extract::State, http::HeaderMap, response::Response};
use shared::{App, http::api::Api, token::access::Issuer};

use document::Document;

/// Every operation, in OpenAPI 3.1.
static OPENAPI: Document = Document::new(include_str!("../documents/openapi.json"), None);

/// Every operation that an importer can call, in OpenAPI 3.0 without references.
static FLAT: Document = Document::new(include_str!("../documents/openapi-3.0.json"), None);

/// The operations for apps. FlutterFlow asks for a file, so that a browser saves this document.
static FLUTTERFLOW: Document =
    Document::new(include_str!("../documents/flutterflow.json"), Some("latchkey-flutterflow.json"));

/// The pages of this function.
pub fn api() -> Api {
    let shown = |document: &'static Document| {
        async move |State(_): State<App>, issuer: Issuer, headers: HeaderMap| -> Response {
            document.answer(&issuer.url, &headers)
        }
    };
    Api::new()
        .page("/openapi.json", shown(&OPENAPI))
        .page("/openapi-3.0.json", shown(&FLAT))
        .page("/flutterflow.json", shown(&FLUTTERFLOW))
        .page("/errors", errors::page)
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}
