//! Sends malformed fields, bodies, methods and paths to every endpoint.
//!
//! Every answer must be a 4xx with a complete error body, or a success if the input is valid after
//! all; never a 5xx. The rows count the requests and the answers outside the contract.

mod bodies;
mod fields;
mod routes;

use std::sync::Arc;

use shared::testing::{Answer, Service};

use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    wait_for,
};

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        let panics = invariants::panics();
        let variables = [
            ("API_KEY", fields::API_KEY),
            ("JWT_SHARED_SECRET", "a shared secret of at least 32 bytes"),
            ("ADMIN_KEY", "an admin key that nobody of these callers has"),
        ];
        let service = Arc::new(Service::configured(latchkey::router(), &variables).await);
        let mut all = Checks::default();
        let requests = scale.of(2_000, 200_000);
        // Concurrent, to use every core.
        let (one, two, three, four) = (service.clone(), service.clone(), service.clone(), service);
        let parts = [
            (
                "each field of each endpoint with wrong types, texts, numbers and encodings",
                tokio::spawn(async move { fields::each_field(&one).await }),
            ),
            (
                "each endpoint with broken, deep, empty and oversized bodies, and other content types",
                tokio::spawn(async move { bodies::broken(&two).await }),
            ),
            (
                "each method at each path, and similar paths",
                tokio::spawn(async move { routes::methods_and_paths(&three).await }),
            ),
            ("random bodies at each endpoint", tokio::spawn(async move { bodies::random(&four, requests).await })),
        ];
        for (attack, part) in parts {
            let checks = part.await.expect("the part ends");
            report.row(attack, "0 answers outside the contract", checks.to_string(), checks.passed());
            all.add(checks);
        }
        let panics = invariants::panics() - panics;
        report.row("all requests above", "no panic", format!("{}, {panics} panics", all.checked), panics == 0);
    });
}

/// Describes what is wrong with an answer that must be a 4xx.
fn rejected(answer: &Answer, what: impl FnOnce() -> String) -> Option<String> {
    let problem = invariants::violation(answer)
        .or_else(|| (!answer.status.is_client_error()).then(|| answer.status.as_u16().to_string()))?;
    Some(format!("{}: {problem}", what()))
}

/// Describes what is wrong with an answer that may be a success or a 4xx.
fn no_server_error(answer: &Answer, what: impl FnOnce() -> String) -> Option<String> {
    let problem = invariants::violation(answer)
        .or_else(|| answer.status.is_server_error().then(|| answer.status.as_u16().to_string()))?;
    Some(format!("{}: {problem}", what()))
}
