//! Fault injection: DynamoDB that throttles, fails, hangs, answers wrongly and loses answers.

pub mod cancellations;
mod endpoints;
pub mod errors;
pub mod lost_answers;
pub mod malformed_records;
pub mod mixed;
pub mod timeouts;

use latchkey::router;
use shared::testing::{Faults, Service};

/// All functions in one service, on a DynamoDB with fault injection.
async fn service(seed: u64) -> (Service, Faults) {
    let faults = Faults::seeded(seed);
    (Service::faulty(router(), &[], &faults).await, faults)
}
