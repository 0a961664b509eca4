//! The rules that importers need of the flat documents.

use serde_json::Value;

use super::{document::URL, documents};

/// Constructs that importers drop, or read in another way than it was meant.
const FORBIDDEN: [&str; 12] = [
    "$ref",
    "allOf",
    "oneOf",
    "anyOf",
    "not",
    "nullable",
    "callbacks",
    "links",
    "webhooks",
    "discriminator",
    "$schema",
    "tags",
];
/// The most bytes of the document for FlutterFlow, as it is served. A download of an app with a
/// large import failed there once (FlutterFlow issue 986).
const FLUTTERFLOW_BYTES_MAX: usize = 24 * 1024;

fn flat_documents() -> impl Iterator<Item = (&'static str, Value)> {
    let flat = documents().into_iter().filter(|(name, _)| *name != "openapi.json");
    flat.map(|(name, document)| (name, serde_json::to_value(document).unwrap()))
}

/// Calls `check` with every object of a document, and with its place.
fn walk(value: &Value, place: &str, check: &mut impl FnMut(&str, &serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            check(place, object);
            for (key, value) in object {
                walk(value, &format!("{place}/{key}"), check);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, place, check)),
        _ => {}
    }
}

#[test]
fn a_flat_document_has_no_construct_that_an_importer_drops() {
    for (name, document) in flat_documents() {
        walk(&document, name, &mut |place, object| {
            // A property may have any name.
            let is_free = place.ends_with("/properties") || place.ends_with("/example");
            let found: Vec<_> = FORBIDDEN.iter().filter(|key| !is_free && object.contains_key(**key)).collect();
            assert!(found.is_empty(), "{place}: {found:?}");
            assert!(is_free || object.get("type").is_none_or(Value::is_string), "{place}: {:?}", object.get("type"));
        });
        assert!(document.get("security").is_none(), "{name}: a global rule puts the header on a login too");
        assert!(document["components"].get("schemas").is_none(), "{name}");
    }
}

#[test]
fn the_document_for_flutterflow_is_small() {
    let (_, document) = documents().into_iter().find(|(name, _)| *name == "flutterflow.json").unwrap();
    let size = document.pretty().lines().map(|line| line.trim_start().len()).sum::<usize>();
    assert!(size <= FLUTTERFLOW_BYTES_MAX, "{size} bytes");
}

#[test]
fn a_flat_document_has_one_server_one_media_type_and_an_example_of_every_value() {
    for (name, document) in flat_documents() {
        assert_eq!(document["openapi"], "3.0.3", "{name}");
        assert_eq!(document["servers"], serde_json::json!([{"url": URL}]), "{name}");
        for (path, methods) in document["paths"].as_object().unwrap() {
            assert!(methods.get("parameters").is_none(), "{name} {path}: parameters of a path get lost");
            for (method, operation) in methods.as_object().unwrap() {
                operation_is_importable(&format!("{name} {method} {path}"), method, operation);
            }
        }
        walk(&document, name, &mut |place, object| {
            let is_value =
                object.get("type").is_some_and(|kind| ["string", "integer", "boolean"].iter().any(|of| kind == of));
            let is_property = place.rsplit_once('/').is_some_and(|(parent, _)| parent.ends_with("/properties"));
            assert!(!(is_value && is_property) || object.contains_key("example"), "{place} has no example");
        });
    }
}

fn operation_is_importable(name: &str, method: &str, operation: &Value) {
    let body = &operation["requestBody"];
    assert!(method != "delete" || body.is_null(), "{name}: a DELETE has no body");
    assert!(method != "post" || body.is_object(), "{name}: a POST has a body");
    if body.is_object() {
        let media: Vec<&String> = body["content"].as_object().unwrap().keys().collect();
        assert_eq!(media, ["application/json"], "{name}");
        let schema = &body["content"]["application/json"]["schema"];
        assert_eq!(schema["type"], "object", "{name}");
        assert_eq!(
            schema["required"].as_array().map_or(0, Vec::len),
            schema["properties"].as_object().unwrap().len(),
            "{name}"
        );
    }
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    for parameter in parameters {
        assert!(method == "get" || method == "delete" || parameter["in"] != "query", "{name}: {parameter}");
        assert_eq!(parameter["schema"]["type"], "string", "{name}: {parameter}");
    }
    let answers = operation["responses"].as_object().unwrap();
    let success = answers.iter().find(|(status, _)| status.starts_with('2'));
    let schema = success.map(|(_, answer)| &answer["content"]["application/json"]["schema"]["type"]);
    assert_eq!(schema, Some(&"object".into()), "{name}: without a schema an importer returns no body");
}

#[test]
fn a_body_for_flutterflow_holds_names_of_variables_and_literals_of_which_none_is_a_number() {
    let (_, document) = flat_documents().find(|(name, _)| *name == "flutterflow.json").unwrap();
    let mut variables = Vec::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                match &property["example"] {
                    Value::String(example) => {
                        assert_eq!(example, &format!("<{name}>"));
                        // A format would refuse the placeholder.
                        assert_eq!(property.as_object().unwrap().keys().collect::<Vec<_>>(), ["example", "type"]);
                        variables.push(name.clone());
                    }
                    literal => assert_eq!(literal, &Value::Bool(false), "{name}"),
                }
            }
        }
    }
    assert!(variables.len() >= 8, "{variables:?}");
}
