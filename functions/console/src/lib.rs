//! Pages for people who open the address of the service in a browser, and documents about the API.
//!
//! The documents are the descriptions for importers, and the page about every error.
//! Everything is in the program: nothing here reads a table or a secret. `CONSOLE=off` turns the
//! pages off, and leaves the documents.

mod document;
mod errors;
mod files;
mod kept;
mod pages;
mod settings;

use axum::{Router, extract::State, http::HeaderMap, response::Response};
use shared::{App, http::api::Api, token::access::Issuer};

use document::{Document, written};

/// Every operation, in OpenAPI 3.1.
static OPENAPI: Document = Document::new(|issuer| written(include_str!("../documents/openapi.json"), issuer), None);

/// Every operation that an importer can call, in OpenAPI 3.0 without references.
static FLAT: Document = Document::new(|issuer| written(include_str!("../documents/openapi-3.0.json"), issuer), None);

/// The operations for apps. FlutterFlow asks for a file, so that a browser saves this document.
static FLUTTERFLOW: Document = Document::new(
    |issuer| written(include_str!("../documents/flutterflow.json"), issuer),
    Some("attachment; filename=\"latchkey-flutterflow.json\""),
);

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
        .page("/", pages::start)
        .page("/console/config.json", pages::config)
        .page("/console/errors.json", pages::errors)
        .page("/console/guides/{name}", pages::guide)
        .page("/console/{version}/{name}", pages::file)
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}
