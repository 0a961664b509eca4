//! The table of requests.

mod accounts;
mod tokens;

use axum::http::Method;
use serde_json::json;

use super::{
    row::{Function, Row},
    setup::Setup,
};
use crate::{
    deployment::ENDPOINTS,
    http::{Answer, Request},
};

/// Returns every row: first the rows of one function, then the rows of all functions.
pub fn all() -> Vec<Row> {
    let common = ENDPOINTS.into_iter().flat_map(|(name, path)| common(name, path));
    accounts::rows().into_iter().chain(tokens::rows()).chain(well_known()).chain(common).collect()
}

fn well_known() -> Vec<Row> {
    let well_known = Function("well-known");
    vec![
        well_known.row("the key set", 200, async |_| Request::get("/.well-known/jwks.json")).same(),
        well_known
            .row("the discovery document", 200, async |_| Request::get("/.well-known/openid-configuration"))
            .same(),
        well_known
            .row("health", 200, async |_| Request::get("/health"))
            .same()
            .checked(|_, answer| answer.has(&json!({"status": "ok"}))),
    ]
}

/// The requests that every function answers alike.
fn common(name: &'static str, path: &'static str) -> Vec<Row> {
    let function = Function(name);
    let mut rows = vec![
        function.row("an unknown path", 404, async |_| Request::get("/no-such-path")),
        function.row("a method that is not there", 405, async move |_| Request::new(Method::PUT, path)),
        function.row("a preflight", 200, async move |_| Request::preflight(path)).same().checked(allowed),
    ];
    if name != "well-known" {
        rows.extend([
            function.row("malformed JSON", 400, async move |setup| {
                Request::text(path, r#"{"email":"#).by(&setup.james.session)
            }),
            function.row("a body over 16 KiB", 413, async move |setup| {
                Request::post(path, &json!({"email": "a".repeat(17 * 1024)})).by(&setup.james.session)
            }),
            function.row("a body of another type", 415, async move |setup| {
                Request::text(path, "<a/>").by(&setup.james.session).header("content-type", "text/xml")
            }),
        ]);
    }
    rows
}

fn allowed(_: &Setup, answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let methods = answer.header("access-control-allow-methods").unwrap_or_default();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert!(methods.contains(method), "{methods}");
    }
}

/// An answer that names the scheme in which to present a token.
fn challenged(_: &Setup, answer: &Answer) {
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer"), "the challenge is {challenge:?}");
}
