//! Every function as it is deployed, optimised and linked, on AWS's emulation of the Lambda
//! runtime.
//!
//! Each route gets a good and a bad request, in our events of API Gateway and in events that SAM
//! generates. Every answer is held to the contract.

mod others;
mod routes;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::join_all;
use regex_lite::Regex;
use routes::Account;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    emulator::{Cloud, Event, Function},
    http::{Answer, Request},
    latchkey::{Server, Variables},
    secrets::SecretsManager,
    trials::{Fixture, Trials},
};

/// The functions of the template.
const FUNCTIONS: [&str; 14] = [
    "admin",
    "create-account",
    "login",
    "refresh",
    "verify",
    "jwt",
    "logout",
    "account",
    "email",
    "well-known",
    "console",
    "mail",
    "rotate-keys",
    "sync",
];
/// The API key of all functions.
const API_KEY: &str = "an API key that only these trials know";
const ORIGIN: &str = "https://app.example";

/// The functions, each below an emulator of its own.
struct Artefacts {
    functions: BTreeMap<&'static str, Arc<Function>>,
    secrets: Arc<SecretsManager>,
    variables: Variables,
    _server: Server,
}

impl Artefacts {
    async fn start() -> Self {
        let Cloud { server, secrets, mut variables } = Cloud::start().await;
        let more = [
            ("SHARED_SECRET_ID", "latchkey/shared", "a shared secret that only these trials know"),
            ("API_KEY_SECRET_ID", "latchkey/api-key", API_KEY),
        ];
        for (variable, id, value) in more {
            secrets.create(id, Some(value)).await;
            variables.insert(variable, id.to_owned());
        }
        let start = async |name| (name, Arc::new(Function::start(name, &variables).await));
        let functions = join_all(FUNCTIONS.map(start)).await.into_iter().collect();
        Self { functions, secrets, variables, _server: server }
    }

    /// Sends a request as a page of another origin does. Returns the answer, after a check against
    /// the contract.
    async fn ask(&self, function: &str, kind: Event, request: Request) -> Answer {
        // No page of another origin reads an answer of the admin API.
        let readers = if request.path.starts_with("/admin/") { None } else { Some("*") };
        let answer = self.functions[function].ask(kind, &request.header("origin", ORIGIN)).await;
        assert_eq!(answer.header("access-control-allow-origin"), readers);
        assert_contract(&answer);
        answer
    }
}

/// Adds the trials of this walk.
pub fn add(trials: &mut Trials) {
    let artefacts = Fixture::new();
    for kind in [Event::Text, Event::Base64, Event::Generated] {
        let account = Fixture::new();
        for route in routes::all().into_iter().filter(|route| route.is_asked_by(kind)) {
            let (artefacts, account) = (artefacts.clone(), account.clone());
            trials.add(format!("by an event ({}): {}", kind.name(), route.title()), async move || {
                let artefacts = artefacts.get(Artefacts::start).await;
                let account = account.get(async || Mutex::new(Account::make(artefacts, kind).await)).await;
                route.ask(artefacts, kind, &mut *account.lock().await).await;
            });
        }
    }
    trials.add("each route of the template is asked here", async || others::each_route_is_asked());
    for (sentence, trial) in others::TRIALS {
        let artefacts = artefacts.clone();
        trials.add(sentence, async move || trial(artefacts.get(Artefacts::start).await).await);
    }
}

/// Fails unless an answer keeps the contract that all answers keep.
fn assert_contract(answer: &Answer) {
    let (status, body) = (answer.status, &answer.body);
    for name in answer.headers.keys() {
        answer.header(name.as_str());
    }
    let id = answer.header("x-request-id").expect("an x-request-id");
    if answer.is_empty {
        return;
    }
    let kind = answer.header("content-type").unwrap_or_default();
    let kinds = if body.is_string() { "^text/(html|javascript|markdown)" } else { "^application/json" };
    assert!(Regex::new(&format!("{kinds}; charset=utf-8$")).expect("an expression").is_match(kind), "{kind}");
    let is_document = body.is_string() || body["openapi"].is_string() || body["errors"].is_array();
    let cached = is_document || body["keys"].is_array() || body["jwks_uri"].is_string();
    let cache_control = answer.header("cache-control").unwrap_or_default();
    let expected = if cached { "^public, max-age=[0-9]+|^no-cache$" } else { "^no-store$" };
    assert!(Regex::new(expected).expect("an expression").is_match(cache_control), "{cache_control}: {body:#}");
    if status >= 400 {
        assert_eq!((&body["request_id"], &body["status"]), (&json!(id), &json!(status)));
    }
}
