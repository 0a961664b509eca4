//! Whatever is sent, wherever to: a 4xx in the envelope, never a 5xx, and never a success for nonsense.

mod bodies;
mod fields;
mod places;

use shared::testing::{Answer, Service};

use crate::{Scale, audit, audit::Tally, table::Table, wait_for};

/// Adds its rows.
pub fn run(scale: Scale, table: &mut Table) {
    wait_for(async {
        let panics = audit::panics();
        let service = Service::configured(
            latchkey::router(),
            &[("API_KEY", fields::API_KEY), ("JWT_SHARED_SECRET", "a shared secret of at least 32 bytes")],
        )
        .await;
        let mut all = Tally::default();
        let rows = [
            (
                "each field of each endpoint: each wrong type, text, number and encoding",
                fields::nonsense(&service).await,
            ),
            (
                "each body: broken, deep, doubled, empty, too large, of each content type",
                bodies::broken(&service).await,
            ),
            ("each method at each path, and paths that are nearly right", places::nearly(&service).await),
            ("random bodies at each endpoint", bodies::random(&service, scale.of(2_000, 200_000)).await),
        ];
        for (attack, tally) in rows {
            table.row(attack, "0 answers outside the contract", tally.to_string(), tally.is_clean());
            all.add(tally);
        }
        let panics = audit::panics() - panics;
        table.row("all of these requests", "no panic", format!("{}, {panics} panics", all.seen), panics == 0);
    });
}

/// A refusal: what is wrong with an answer that should be one.
fn refused(answer: &Answer, what: impl FnOnce() -> String) -> Option<String> {
    let wrong = audit::flaw(answer)
        .or_else(|| (!answer.status.is_client_error()).then(|| answer.status.as_u16().to_string()))?;
    Some(format!("{}: {wrong}", what()))
}

/// An answer that may be a success too.
fn settled(answer: &Answer, what: impl FnOnce() -> String) -> Option<String> {
    let wrong =
        audit::flaw(answer).or_else(|| answer.status.is_server_error().then(|| answer.status.as_u16().to_string()))?;
    Some(format!("{}: {wrong}", what()))
}
