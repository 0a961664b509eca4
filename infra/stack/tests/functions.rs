//! The template has the functions of the workspace, and each function gets the routes of its
//! router and no others.

use std::{collections::BTreeSet, fs, path::Path};

use axum::Router;
use serde_json::{Value, json};
use shared::{App, http::paths::PATHS};

use super::document::{read, resources};

/// The functions that the API calls, with their routers.
fn routers() -> [(&'static str, Router<App>); 11] {
    [
        ("account", account::router()),
        ("admin", admin::router()),
        ("console", console::router()),
        ("create-account", create_account::router()),
        ("email", email::router()),
        ("jwt", jwt::router()),
        ("login", login::router()),
        ("logout", logout::router()),
        ("refresh", refresh::router()),
        ("verify", verify::router()),
        ("well-known", well_known::router()),
    ]
}

/// The package that a function is built from.
fn package(function: &Value) -> &str {
    let folder = function["Properties"]["CodeUri"].as_str().unwrap_or_default();
    folder.strip_prefix("target/lambda/").unwrap_or_else(|| panic!("{folder} is not where `make build` puts functions"))
}

/// The events of a function: the path of each, and `None` for the event of all other routes.
fn events(function: &Value) -> BTreeSet<Option<String>> {
    let events = &function["Properties"]["Events"];
    let paths = events.as_object().into_iter().flatten().map(|(name, event)| {
        let properties = &event["Properties"];
        assert_eq!((&event["Type"], &properties["ApiId"]), (&json!("HttpApi"), &json!({"Ref": "Api"})), "{name}");
        let path = properties["Path"].as_str().map(str::to_owned);
        let method = if path.as_deref().is_some_and(has_page) { "POST" } else { "ANY" };
        assert!(
            path.is_none() || properties["Method"] == method,
            "{name}: a preflight and a 405 are the function's too, unless another function has the page"
        );
        path
    });
    paths.collect()
}

/// Whether `well-known` has a page at this path. Another function then has its call, and no more.
fn has_page(path: &str) -> bool {
    well_known::api().pages().contains(&path)
}

/// The paths of a router, read from its `Debug` text because axum shows them nowhere else.
fn paths(router: &Router<App>) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let own = text.split("fallback_router").next().unwrap_or_default();
    own.split('"').filter(|part| part.starts_with('/')).map(str::to_owned).collect()
}

#[test]
fn the_functions_of_the_template_are_those_of_the_workspace() {
    let template = read("template.yaml");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    let folders = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let packages: Vec<&str> =
        resources(&template, "AWS::Serverless::Function").map(|(_, function)| package(function)).collect();
    let unique: BTreeSet<String> = packages.iter().map(|package| (*package).to_owned()).collect();
    assert_eq!((unique.len(), unique), (packages.len(), folders.collect()));
}

#[test]
fn every_route_of_a_router_is_an_event_of_its_function_and_the_reverse() {
    let template = read("template.yaml");
    let mut unseen: BTreeSet<&str> = routers().iter().map(|(name, _)| *name).collect();
    for (name, function) in resources(&template, "AWS::Serverless::Function") {
        let (package, events) = (package(function), events(function));
        let Some((_, router)) = routers().into_iter().find(|(of, _)| *of == package) else {
            let by_aws = ["mail", "rotate-keys", "sync"].contains(&package);
            assert!(by_aws && events.is_empty(), "{name} is called by AWS alone");
            continue;
        };
        unseen.remove(package);
        let paths = paths(&router);
        assert!(!paths.is_empty(), "{router:?}");
        // `well-known` gets every request without another route, its own routes included.
        let expected = if package == "well-known" { [None].into() } else { paths.into_iter().map(Some).collect() };
        assert_eq!(events, expected, "{name}");
    }
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn every_path_of_a_router_can_be_named_in_an_answer() {
    let served = routers().into_iter().flat_map(|(_, router)| paths(&router));
    let listed = PATHS.into_iter().map(|(path, _)| path.to_owned());
    // Every function answers for its health.
    assert_eq!(served.chain(["/health".to_owned()]).collect::<BTreeSet<_>>(), listed.collect());
}

#[test]
fn each_function_logs_as_json_to_a_group_of_its_own_that_is_kept_for_a_time() {
    let template = read("template.yaml");
    let global = &template["Globals"]["Function"]["LoggingConfig"];
    // At another level Lambda would drop the lines of the metrics, which have no level.
    assert_eq!((&global["LogFormat"], &global["ApplicationLogLevel"]), (&json!("JSON"), &json!("TRACE")));
    for (name, function) in resources(&template, "AWS::Serverless::Function") {
        let group = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap_or_default();
        let group = &template["Resources"][group]["Properties"];
        let expected = json!({"Fn::Sub": format!("/${{AWS::StackName}}/{}", package(function))});
        assert_eq!(
            (&group["LogGroupName"], &group["RetentionInDays"]),
            (&expected, &json!({"Ref": "LogRetentionDays"})),
            "{name}"
        );
    }
    let count = |of_type| resources(&template, of_type).count();
    assert_eq!(count("AWS::Logs::LogGroup"), count("AWS::Serverless::Function") + 1, "and one for the API");
}
