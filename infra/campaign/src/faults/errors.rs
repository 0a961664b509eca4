//! Answers each DynamoDB call of each endpoint with every documented error, and with garbage.
//!
//! Each answer must be a 503 with Retry-After, without the cause; a failed cleanup may be a
//! success. The rows count the answers and those that differ.

use std::sync::Arc;

use shared::testing::faults::Fault;

use super::endpoints::{Endpoint, endpoints};
use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    wait_on_paused_clock,
};

const SEED: u64 = 4;
/// The common errors and the errors of each operation in DynamoDB's API reference, and one unknown
/// error.
const ERRORS: [(u16, &str); 20] = [
    (400, "AccessDeniedException"),
    (400, "ExpiredTokenException"),
    (400, "IdempotentParameterMismatchException"),
    (400, "IncompleteSignatureException"),
    (400, "ItemCollectionSizeLimitExceededException"),
    (400, "LimitExceededException"),
    (400, "MissingAuthenticationTokenException"),
    (400, "OptInRequired"),
    (400, "ProvisionedThroughputExceededException"),
    (400, "ReplicatedWriteConflictException"),
    (400, "RequestLimitExceeded"),
    (400, "ResourceNotFoundException"),
    (400, "ThrottlingException"),
    (400, "TransactionInProgressException"),
    (400, "UnrecognizedClientException"),
    (400, "ValidationException"),
    (403, "InvalidSignatureException"),
    (500, "InternalServerError"),
    (503, "ServiceUnavailable"),
    (400, "AnErrorThatNobodyKnows"),
];

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_on_paused_clock(async {
        let panics = invariants::panics();
        let sparse = scale.of(4, 1);
        let cases = endpoints().into_iter().enumerate().map(|(number, endpoint)| errors(endpoint, number, sparse));
        let checks = Checks::run_all(cases).await;
        report.row(
            "every documented error of DynamoDB, and garbage, at each call of each endpoint",
            "503 with Retry-After, without the cause; a success if only the cleanup failed",
            checks.to_string(),
            checks.passed() && invariants::panics() == panics,
        );
        let checks = Checks::run_all(endpoints().into_iter().map(emptied)).await;
        report.row(
            "200 without the fields that the operation always has, at each read and each refresh",
            "503 with Retry-After: a missing field does not mean a missing record",
            checks.to_string(),
            checks.passed() && invariants::panics() == panics,
        );
    });
}

/// Tries one in `sparse` errors, a different one at each call and endpoint.
async fn errors(endpoint: Endpoint, number: usize, sparse: usize) -> Checks {
    let (service, faults) = super::service(SEED).await;
    let service = Arc::new(service);
    let request = endpoint.prepare(&service).await;
    service.calls();
    let answer = request.send(&service).await;
    let mut checks = Checks::default();
    checks.record(
        (!answer.status.is_success()).then(|| format!("{} without a fault: {}", endpoint.name(), answer.status)),
    );
    let mut operations = service.calls();
    operations.sort();
    operations.dedup();
    let all_faults = ERRORS.iter().map(|&(status, kind)| Fault::Error(status, kind)).chain([
        Fault::Garbled(200, "<html></html>"),
        Fault::Garbled(200, "[1]"),
        Fault::Garbled(200, "{"),
        Fault::Garbled(400, "{}"),
        Fault::Garbled(502, "Bad gateway"),
        Fault::Reset,
    ]);
    for (at, fault) in all_faults.enumerate() {
        let chosen = |(call, _): &(usize, &String)| (at + call + number).is_multiple_of(sparse);
        for (_, operation) in operations.iter().enumerate().filter(chosen) {
            let request = endpoint.prepare(&service).await;
            faults.inject_every(operation, fault.clone());
            let answer = request.send(&service).await;
            faults.clear();
            let failed_cleanup =
                ["Query", "BatchWriteItem"].contains(&operation.as_str()) && answer.status.is_success();
            let is_right = answer.status == 503 || failed_cleanup;
            let wrong =
                (!is_right).then(|| format!("{endpoint:?}, {operation}: {fault:?}: {}", answer.status.as_u16()));
            checks.record(invariants::violation(&answer).or(wrong));
        }
    }
    checks
}

/// BatchGetItem always answers `Responses`, and UpdateItem `Attributes` if they are requested. A
/// logout does not request them.
async fn emptied(endpoint: Endpoint) -> Checks {
    let (service, faults) = super::service(SEED).await;
    let mut checks = Checks::default();
    let cases = [("BatchGetItem", ""), ("BatchGetItem", "{}"), ("UpdateItem", ""), ("UpdateItem", "{}")];
    for (operation, text) in cases.into_iter().filter(|_| endpoint != Endpoint::Logout) {
        let request = endpoint.prepare(&service).await;
        faults.inject_every(operation, Fault::Garbled(200, text));
        service.calls();
        let answer = request.send(&service).await;
        faults.clear();
        if service.calls().iter().any(|call| call == operation) {
            let wrong = (answer.status != 503)
                .then(|| format!("{endpoint:?}, {operation}: {text:?}: {}", answer.status.as_u16()));
            checks.record(invariants::violation(&answer).or(wrong));
        }
    }
    checks
}
