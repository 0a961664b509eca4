//! The guides for builders agree with the description: their calls, bodies, JSON paths, codes of
//! errors, and the table of imported calls. Every file of the folder is a guide, and is read.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use regex_lite::Regex;
use serde_json::Value;
use shared::{error::codes::CODES, http::problem, sample::Shape};

use super::{document::URL, documents};

/// The guides that are about no product.
const NO_PRODUCT: [&str; 3] = ["moving.md", "others.md", "tunnel.md"];
/// The guides whose login comes first, since their other chapters refer to it.
const LOGIN_FIRST: [&str; 3] = ["bubble.md", "flutterflow.md", "weweb.md"];
/// The most lines of a guide, so that a person reads it to the end.
const LINES_MAX: usize = 80;
/// The fewest refusals that a guide explains.
const REFUSALS_MIN: usize = 5;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides")
}

/// The names of all guides.
pub fn guides() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// The text of a guide as it is written.
fn written(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// The text of a guide, without its calls of curl.
pub fn guide(name: &str) -> String {
    let text = written(name);
    let lines = text.lines().filter(|line| !line.starts_with("    curl ")).collect::<Vec<_>>().join("\n");
    // A line that goes on belongs to the sentence before it.
    lines.replace("\n  ", " ")
}

/// The calls of curl of a guide. The tests of the commands send them.
pub fn curl_lines(name: &str) -> Vec<String> {
    let text = written(name);
    text.lines().filter(|line| line.starts_with("    curl ")).map(str::to_owned).collect()
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
    // The products write a path in their own ways: `$.user.id`, `$json.user.id`, `data.user.id`.
    let paths = Regex::new(r"(?:\$json|\$|bundle\.authData|\bdata)\.([a-z_]+(?:\.[a-z_]+)*)").unwrap();
    let examples = examples();
    let mut seen = 0;
    // The guide for a move has names of files, such as `data.db`.
    for guide_name in guides().iter().filter(|name| *name != "moving.md") {
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
    assert!(seen > 60, "only {seen} paths");
}

#[test]
fn each_url_of_a_guide_is_an_operation_or_a_page() {
    let urls = Regex::new(&format!("(?:(GET|POST|PATCH|DELETE)`? )?`?{URL}(/[a-z./0-9-]*[a-z0-9])")).unwrap();
    let api = latchkey::api();
    let mut seen = 0;
    for guide_name in &guides() {
        for found in urls.captures_iter(&written(guide_name)) {
            let (method, path) = (found.get(1).map(|method| method.as_str()), &found[2]);
            let is_endpoint = api
                .endpoints()
                .iter()
                .any(|endpoint| endpoint.path == path && method.is_none_or(|method| method == endpoint.method));
            // The client libraries of Supabase are given the beginning of their paths.
            let is_known = is_endpoint || api.pages().contains(&path) || path == "/auth/v1";
            assert!(is_known, "{guide_name}: {method:?} {path}");
            seen += 1;
        }
    }
    assert!(seen > 60, "only {seen} URLs");
}

/// A chapter of a guide, if the guide has it.
fn chapter<'text>(text: &'text str, name: &str) -> Option<&'text str> {
    text.split("\n## ").skip(1).find_map(|chapter| chapter.strip_prefix(name)?.strip_prefix('\n'))
}

#[test]
fn the_guide_of_a_product_goes_from_the_account_to_the_logout_and_names_its_limits() {
    for name in guides().iter().filter(|name| !NO_PRODUCT.contains(&name.as_str())) {
        let text = written(name);
        assert!(chapter(&text, "Not possible").is_some(), "{name} says nothing of what is not possible");
        let place = |paths: &[&str]| paths.iter().filter_map(|path| text.find(&format!("{URL}{path}"))).min();
        let steps =
            [place(&["/create-account", "/auth/v1/signup"]), place(&["/login", "/oauth/token", "/auth/v1/token"])];
        let [account, login] = steps.map(|step| step.unwrap_or_else(|| panic!("{name} makes no account or no login")));
        let is_older = LOGIN_FIRST.contains(&name.as_str());
        assert!(is_older || account < login, "{name}: a login comes before the account is made");
        assert!(text.to_lowercase().contains("refresh") && text.to_lowercase().contains("log out"), "{name}");
        let lines = text.lines().count();
        assert!(is_older || lines <= LINES_MAX, "{name} has {lines} lines");
    }
}

#[test]
fn the_guide_of_a_product_explains_its_commonest_refusals_by_codes_that_exist() {
    let code = Regex::new("`([a-z]+(?:_[a-z]+)+)`").unwrap();
    // OAuth has words of its own.
    let is_known = |found: &str| {
        CODES.iter().any(|code| code.code == found) || ["invalid_client", "invalid_grant"].contains(&found)
    };
    for name in guides().iter().filter(|name| !NO_PRODUCT.contains(&name.as_str())) {
        let text = written(name);
        let refusals = chapter(&text, "If it does not work").unwrap_or_else(|| panic!("{name} explains no refusal"));
        let rows: Vec<&str> = refusals.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert!(rows.len() >= REFUSALS_MIN, "{name} explains {} refusals", rows.len());
        for row in rows {
            let seen = row.split(" | ").next().unwrap_or_default();
            let unknown: Vec<_> = code.captures_iter(seen).filter(|found| !is_known(&found[1])).collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?} is no code");
        }
    }
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
