//! The artefacts beyond their routes: the template, a rotation, a start that fails, and the end.

use std::{collections::BTreeSet, fs, slice};

use futures_util::future::LocalBoxFuture;
use regex_lite::Regex;
use rustix::process::Signal;
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Value, json};

use super::{Artefacts, FUNCTIONS, routes};
use crate::{
    clock,
    emulator::{Event, Function},
    http::Request,
    process::repository,
    secrets::{CURRENT, EMPTY, RotatedSecret, STEPS},
    tokens::random_id,
};

/// The secret that is rotated.
const ID: &str = "latchkey/steps";
const LOG_MS_MAX: i64 = 5_000;
const PAUSE_MS: i64 = 100;
/// The longest time until an idle function ends, in milliseconds.
const END_MS_MAX: i64 = 1_000;

type Trial = for<'a> fn(&'a Artefacts) -> LocalBoxFuture<'a, ()>;

/// The trials, with the sentences that name them.
pub const TRIALS: [(&str, Trial); 3] = [
    ("rotate-keys runs the four steps, and refuses one out of order", |artefacts| Box::pin(rotate(artefacts))),
    ("a configuration that cannot work fails the start, with a sentence that names the variable", |artefacts| {
        Box::pin(start_with_a_wrong_variable(artefacts))
    }),
    ("an idle function ends within a second when it is stopped", |artefacts| Box::pin(stop(artefacts))),
];

/// Each function of the template is among the artefacts, and each of its paths gets a request.
pub fn each_route_is_asked() {
    let text = fs::read_to_string(repository().join("template.yaml")).expect("the template");
    let documents = Yaml::load_from_str(&text).expect("YAML");
    let resources = member(&documents[0], "Resources").and_then(Yaml::as_mapping).expect("resources");
    let is_function = |node: &&Yaml<'_>| text_of(node, "Type") == Some("AWS::Serverless::Function");
    let asked: BTreeSet<_> = routes::all().iter().map(routes::Route::asked).collect();
    let mut found = BTreeSet::new();
    for function in resources.values().filter(is_function).filter_map(|node| member(node, "Properties")) {
        let uri = text_of(function, "CodeUri").expect("a CodeUri");
        let name = FUNCTIONS.into_iter().find(|name| uri.ends_with(&format!("/{name}")));
        let name = name.unwrap_or_else(|| panic!("{uri} is not among the artefacts"));
        found.insert(name);
        let events = member(function, "Events").and_then(Yaml::as_mapping);
        for event in events.into_iter().flat_map(|events| events.values()) {
            // A function without a path gets the requests of every other path.
            if let Some(path) = member(event, "Properties").and_then(|properties| text_of(properties, "Path")) {
                assert!(asked.contains(&(name, path.to_owned())), "{path} of {name} is not asked");
            }
        }
    }
    assert_eq!(found, FUNCTIONS.into_iter().collect());
}

fn member<'a, 'input>(node: &'a Yaml<'input>, name: &str) -> Option<&'a Yaml<'input>> {
    node.as_mapping()?.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

fn text_of<'a>(node: &'a Yaml<'_>, name: &str) -> Option<&'a str> {
    member(node, name)?.as_str()
}

async fn rotate(artefacts: &Artefacts) {
    artefacts.secrets.create(ID, Some(EMPTY)).await;
    let invoke = artefacts.functions["rotate-keys"].invoker();
    let secret = RotatedSecret::new(artefacts.secrets.clone(), ID, invoke);
    let token = secret.begin().await;
    let cause = secret.step("testSecret", &token).await.expect_err("a step out of order");
    assert!(cause.contains("createSecret comes first"), "{cause}");
    for step in STEPS {
        secret.step(step, &token).await.unwrap_or_else(|cause| panic!("{step}: {cause}"));
    }
    assert_eq!(secret.labels().await[CURRENT], slice::from_ref(&token));
    let set: Value = serde_json::from_str(&secret.value(&token).await).expect("JSON");
    let mut algorithms: Vec<_> = set["keys"].as_array().expect("keys").iter().map(|key| key["alg"].as_str()).collect();
    algorithms.sort();
    // For access tokens and for refresh tokens, one key that signs and the next one.
    assert_eq!(algorithms, ["HS256", "HS256", "RS256", "RS256"].map(Some));
    secret.step("createSecret", &random_id()).await.expect_err("a token of no version");
}

async fn start_with_a_wrong_variable(artefacts: &Artefacts) {
    let mut variables = artefacts.variables.clone();
    variables.insert("RATE_LIMITS", "off".to_owned());
    let broken = Function::start("login", &variables).await;
    // The emulator answers nothing for a function that ended.
    assert!(broken.invoke(&json!({})).await.is_empty);
    let named = Regex::new(r#""cause":"RATE_LIMITS[^"]+""#).expect("an expression");
    let deadline = clock::now() + LOG_MS_MAX;
    while !named.is_match(&broken.child.tail()) {
        assert!(clock::now() < deadline, "{}", broken.child.tail());
        clock::sleep(PAUSE_MS).await;
    }
}

async fn stop(artefacts: &Artefacts) {
    let idle = Function::start("well-known", &artefacts.variables).await;
    let health = idle.ask(Event::Text, &Request::get("/health").header("origin", super::ORIGIN)).await;
    super::assert_contract(&health);
    assert_eq!(health.status, 200);
    let began_at = clock::now();
    idle.child.signal(Signal::TERM);
    idle.child.end(END_MS_MAX).await;
    let lasted_ms = clock::now() - began_at;
    assert!(lasted_ms < END_MS_MAX, "{lasted_ms} ms");
}
