//! Whatever is sent, wherever to: a 4xx in the envelope, never a 5xx, and never a success for each_field.

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

/// Adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        let panics = invariants::panics();
        let variables = [("API_KEY", fields::API_KEY), ("JWT_SHARED_SECRET", "a shared secret of at least 32 bytes")];
        let service = Arc::new(Service::configured(latchkey::router(), &variables).await);
        let mut all = Checks::default();
        let requests = scale.of(2_000, 200_000);
        // Beside each other, on as many cores as there are.
        let (one, two, three, four) = (service.clone(), service.clone(), service.clone(), service);
        let parts = [
            (
                "each field of each endpoint: each wrong type, text, number and encoding",
                tokio::spawn(async move { fields::each_field(&one).await }),
            ),
            (
                "each body: broken, deep, doubled, empty, too large, of each content type",
                tokio::spawn(async move { bodies::broken(&two).await }),
            ),
            (
                "each method at each path, and paths that are nearly right",
                tokio::spawn(async move { routes::methods_and_paths(&three).await }),
            ),
            ("random bodies at each endpoint", tokio::spawn(async move { bodies::random(&four, requests).await })),
        ];
        for (attack, part) in parts {
            let checks = part.await.expect("it comes to its end");
            report.row(attack, "0 answers outside the contract", checks.to_string(), checks.passed());
            all.add(checks);
        }
        let panics = invariants::panics() - panics;
        report.row("all of these requests", "no panic", format!("{}, {panics} panics", all.checked), panics == 0);
    });
}

/// A refusal: what is wrong with an answer that should be one.
fn rejected(answer: &Answer, what: impl FnOnce() -> String) -> Option<String> {
    let wrong = invariants::violation(answer)
        .or_else(|| (!answer.status.is_client_error()).then(|| answer.status.as_u16().to_string()))?;
    Some(format!("{}: {wrong}", what()))
}

/// An answer that may be a success too.
fn no_server_error(answer: &Answer, what: impl FnOnce() -> String) -> Option<String> {
    let wrong = invariants::violation(answer)
        .or_else(|| answer.status.is_server_error().then(|| answer.status.as_u16().to_string()))?;
    Some(format!("{}: {wrong}", what()))
}
