//! The operations are those of the routers, their names are fit for generated clients, and their
//! codes are explained.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::Value;
use shared::{
    error::codes::CODES,
    http::{api::refusals::ANY, error_form::ErrorForm, paths::PATHS},
    testing::Service,
};

use super::{document, documents, flat};

/// The methods that an API may have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// A path with a method.
type Route = (String, String);

fn operations(document: &Value) -> BTreeSet<Route> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(|method| (path.clone(), method.to_uppercase())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

fn document(name: &str) -> Value {
    let found = documents().into_iter().find(|(of, _)| *of == name);
    serde_json::to_value(found.unwrap().1).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_router_has_the_operations_of_the_document_and_the_pages_and_nothing_else() {
    let service = Service::new(latchkey::router()).await;
    let api = latchkey::api();
    let pages = api.pages().iter().map(|path| ((*path).to_owned(), "GET".to_owned()));
    let described: BTreeSet<Route> = operations(&document("openapi.json")).into_iter().chain(pages).collect();
    let mut served = BTreeSet::new();
    for (path, listed) in PATHS {
        let answer =
            service.request(Method::from_bytes(b"BREW").unwrap(), path).send().await.refused(405, "method_not_allowed");
        let allowed: BTreeSet<&str> = answer.header("allow").split(',').map(str::trim).collect();
        assert_eq!(
            allowed.clone().into_iter().filter(|method| *method != "HEAD").collect::<BTreeSet<_>>(),
            listed.iter().copied().collect()
        );
        served.extend(
            METHODS
                .into_iter()
                .filter(|method| allowed.contains(method))
                .map(|method| (path.to_owned(), method.to_owned())),
        );
    }
    assert_eq!(served, described);
    // The paths of the router itself, which axum shows in its `Debug` text alone.
    let text = format!("{:?}", latchkey::router());
    let own = text.split("fallback_router").next().unwrap_or_default();
    let paths: BTreeSet<&str> = own.split('"').filter(|part| part.starts_with('/')).collect();
    assert_eq!(paths, described.iter().map(|(path, _)| path.as_str()).collect());
}

#[test]
fn the_flat_documents_have_the_operations_that_their_readers_can_call() {
    let api = latchkey::api();
    let routes = |is_in: fn(&shared::http::api::Endpoint) -> bool| -> BTreeSet<Route> {
        let endpoints = api.endpoints().iter().filter(|endpoint| is_in(endpoint));
        endpoints.map(|endpoint| (endpoint.path.to_owned(), endpoint.method.to_owned())).collect()
    };
    assert_eq!(operations(&document("openapi-3.0.json")), routes(flat::is_for_importers));
    assert_eq!(operations(&document("flutterflow.json")), routes(|endpoint| endpoint.operation.is_for_clients));
}

#[test]
fn each_operation_has_a_name_of_its_own_for_programs_and_for_people() {
    let api = latchkey::api();
    let mut ids = BTreeSet::new();
    for endpoint in api.endpoints() {
        let (id, summary) = (endpoint.operation.id, endpoint.operation.summary);
        assert!(ids.insert(id), "{id} is there twice");
        let is_camel = id.starts_with(|first: char| first.is_ascii_lowercase());
        assert!(
            is_camel && (2..=25).contains(&id.len()) && id.chars().all(|letter| letter.is_ascii_alphanumeric()),
            "{id}"
        );
        assert!((1..=40).contains(&summary.chars().count()), "{summary}");
    }
}

#[test]
fn every_code_of_an_operation_is_explained_and_every_explained_code_is_in_the_documentation() {
    let entry = |code: &str| CODES.iter().find(|entry| entry.code == code);
    let api = latchkey::api();
    let of_operations =
        api.endpoints().iter().flat_map(|endpoint| document::refusals(&endpoint.operation, ErrorForm::Own));
    let named = of_operations.flat_map(|(status, codes)| codes.into_iter().map(move |code| (status, code)));
    for (status, code) in named.chain(ANY.iter().copied()) {
        let entry = entry(code).unwrap_or_else(|| panic!("{code} has no entry in error::codes"));
        assert!(entry.statuses.contains(&status), "{code} is no {status}");
    }
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows = rows.filter(|(statuses, _)| statuses.starts_with(|first: char| first.is_ascii_digit()));
    let documented: BTreeSet<(&str, Vec<u16>)> = rows
        .flat_map(|(statuses, rest)| {
            let statuses: Vec<u16> = statuses.split(", ").map(|status| status.parse().unwrap()).collect();
            let codes = rest.split(" | ").next().unwrap_or_default().split(", ");
            codes.map(move |code| (code.trim_matches('`'), statuses.clone())).collect::<Vec<_>>()
        })
        .collect();
    let explained = CODES.iter().map(|entry| (entry.code, entry.statuses.to_vec())).collect();
    assert_eq!(documented, explained);
}
