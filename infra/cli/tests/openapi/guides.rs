//! The guides for builders agree with the description: their calls, bodies, JSON paths, and the
//! table of imported calls.

use std::{collections::BTreeMap, fs};

use regex_lite::Regex;
use serde_json::Value;
use shared::{http::problem, sample::Shape};

use super::{document::URL, documents};

const GUIDES: [&str; 3] = ["bubble.md", "flutterflow.md", "weweb.md"];

/// The text of a guide.
pub fn guide(name: &str) -> String {
    let path = format!("{}/../../docs/guides/{name}", env!("CARGO_MANIFEST_DIR"));
    // A line that goes on belongs to the sentence before it.
    fs::read_to_string(path).unwrap().replace("\n  ", " ")
}

/// The examples of all answers, errors included.
fn examples() -> Vec<Value> {
    let api = latchkey::api();
    let of_endpoints = api.endpoints().iter().filter_map(|endpoint| Some((endpoint.operation.answer?)()));
    let shapes = of_endpoints.chain([Shape::of::<problem::Body>()]);
    shapes.map(|shape| serde_json::from_str(&shape.example).unwrap()).collect()
}

#[test]
fn each_json_path_of_a_guide_leads_to_a_value_of_an_answer() {
    let paths = Regex::new(r"`\$\.([a-z_.]+)`").unwrap();
    let examples = examples();
    let mut seen = 0;
    for guide_name in GUIDES {
        for found in paths.captures_iter(&guide(guide_name)) {
            // Metadata has members of the app's own.
            let path = found[1].split(".metadata.").next().unwrap_or_default().replace('.', "/");
            assert!(
                examples.iter().any(|example| example.pointer(&format!("/{path}")).is_some()),
                "{guide_name}: $.{} is in no answer",
                &found[1]
            );
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} paths");
}

#[test]
fn each_url_of_a_guide_is_an_operation_or_a_page() {
    let urls = Regex::new(&format!("(?:(GET|POST|PATCH|DELETE)`? )?`?{URL}(/[a-z./0-9-]*[a-z])")).unwrap();
    let api = latchkey::api();
    let mut seen = 0;
    for guide_name in GUIDES {
        for found in urls.captures_iter(&guide(guide_name)) {
            let (method, path) = (found.get(1).map(|method| method.as_str()), &found[2]);
            let is_endpoint = api
                .endpoints()
                .iter()
                .any(|endpoint| endpoint.path == path && method.is_none_or(|method| method == endpoint.method));
            assert!(is_endpoint || api.pages().contains(&path), "{guide_name}: {method:?} {path}");
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} URLs");
}

/// The names of the variables in the bodies of `/flutterflow.json`, by their call.
fn variables() -> BTreeMap<String, Vec<String>> {
    let (_, document) = documents().into_iter().find(|(name, _)| *name == "flutterflow.json").unwrap();
    let document = serde_json::to_value(document).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values());
    let named = operations.map(|operation| {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let is_variable = |name: &Value| schema["properties"][name.as_str().unwrap_or_default()]["example"].is_string();
        let names = required.into_iter().filter(is_variable).filter_map(|name| name.as_str().map(str::to_owned));
        (operation["operationId"].as_str().unwrap().to_owned(), names.collect())
    });
    named.collect()
}

#[test]
fn the_guide_for_flutterflow_names_every_imported_call_with_its_variables() {
    let text = guide("flutterflow.md");
    let table = text.split("| call | variables to add |").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut told = BTreeMap::new();
    for row in table.lines().filter(|row| row.starts_with("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        told.extend(names(cells[0]).into_iter().map(|call| (call, names(cells[1]))));
    }
    assert_eq!(told, variables());
}
