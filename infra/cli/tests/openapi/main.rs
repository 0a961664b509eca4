//! The documents of the API are made from the operations of the functions. This writes them anew:
//!
//! ```text
//! make openapi
//! ```

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod document;
mod flat;
mod guides;
mod node;
mod operations;
mod recipes;
mod rules;
mod schema;

use std::{
    fs,
    path::{Path, PathBuf},
};

use node::Node;

/// The documents by their paths, each in the folder `functions/console/documents`.
fn documents() -> [(&'static str, Node); 3] {
    let api = latchkey::api();
    let endpoints = api.endpoints();
    [
        ("openapi.json", document::openapi(endpoints)),
        ("openapi-3.0.json", flat::openapi(endpoints)),
        ("flutterflow.json", flat::flutterflow(endpoints)),
    ]
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions/console/documents").join(name)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the variable asks this test to write, and no program reads it")]
fn the_documents_are_those_of_the_operations() {
    for (name, document) in documents() {
        let (file, written) = (file(name), document.pretty());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&file, &written).unwrap();
        }
        let stored = fs::read_to_string(&file).unwrap_or_default();
        let differs = stored.lines().zip(written.lines()).position(|(stored, written)| stored != written);
        assert!(stored == written, "{name} is out of date from line {differs:?}: run make openapi");
    }
}
