//! DynamoDB that throttles, breaks, hangs, lies and loses answers.

mod endpoints;
pub mod errors;
pub mod hanging;
pub mod lost_answers;
pub mod mixed;
pub mod reasons;
pub mod records;

use latchkey::router;
use shared::testing::{Faults, Service};

/// Every function behind one port, on a DynamoDB that faults can befall.
async fn service(seed: u64) -> (Service, Faults) {
    let faults = Faults::seeded(seed);
    (Service::faulty(router(), &[], &faults).await, faults)
}
