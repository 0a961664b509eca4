//! Every error that DynamoDB documents, at every call of every endpoint.

use std::sync::Arc;

use shared::testing::Mishap;

use super::endpoints::{Endpoint, endpoints};
use crate::{
    Scale,
    audit::{self, Tally},
    table::Table,
    wait_for,
};

const SEED: u64 = 4;
/// "Common Errors" and the errors of each operation in DynamoDB's API reference, and what is no answer of it at all.
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

/// Adds its rows.
pub fn run(scale: Scale, table: &mut Table) {
    wait_for(async {
        let panics = audit::panics();
        let sparse = scale.of(4, 1);
        let cases = endpoints().into_iter().enumerate().map(|(number, endpoint)| errors(endpoint, number, sparse));
        let tally = Tally::of(cases).await;
        table.row(
            "every documented error of DynamoDB, and garbage, at each of its calls by each endpoint",
            "503 with Retry-After and nothing of the cause; a success where only tidying up failed",
            tally.to_string(),
            tally.is_clean() && audit::panics() == panics,
        );
        let tally = Tally::of(endpoints().into_iter().map(emptied)).await;
        table.row(
            "200 with an answer that lacks what the operation always tells, at each read and at each refresh",
            "503 with Retry-After: what is not said to be there is not said to be missing",
            tally.to_string(),
            tally.is_clean() && audit::panics() == panics,
        );
    });
}

/// Of every `sparse` errors one is tried, another at each call and each endpoint.
async fn errors(endpoint: Endpoint, number: usize, sparse: usize) -> Tally {
    let (service, faults) = super::service(SEED).await;
    let service = Arc::new(service);
    let ask = endpoint.prepare(&service).await;
    service.calls();
    let answer = ask.of(&service).await;
    let mut tally = Tally::default();
    tally.see((!answer.status.is_success()).then(|| format!("{} without a fault: {}", endpoint.name(), answer.status)));
    let mut operations = service.calls();
    operations.sort();
    operations.dedup();
    let mishaps = ERRORS.iter().map(|&(status, kind)| Mishap::Error(status, kind)).chain([
        Mishap::Garbled(200, "<html></html>"),
        Mishap::Garbled(200, "[1]"),
        Mishap::Garbled(200, "{"),
        Mishap::Garbled(400, "{}"),
        Mishap::Garbled(502, "Bad gateway"),
        Mishap::Reset,
    ]);
    for (at, mishap) in mishaps.enumerate() {
        let chosen = |(call, _): &(usize, &String)| (at + call + number).is_multiple_of(sparse);
        for (_, operation) in operations.iter().enumerate().filter(chosen) {
            let ask = endpoint.prepare(&service).await;
            faults.every(operation, mishap.clone());
            let answer = ask.of(&service).await;
            faults.end();
            let tidying = ["Query", "BatchWriteItem"].contains(&operation.as_str()) && answer.status.is_success();
            let is_right = answer.status == 503 || tidying;
            let wrong =
                (!is_right).then(|| format!("{endpoint:?}, {operation}: {mishap:?}: {}", answer.status.as_u16()));
            tally.see(audit::flaw(&answer).or(wrong));
        }
    }
    tally
}

/// BatchGetItem always has `Responses`, and an UpdateItem that asks for them has `Attributes`, which a logout does not.
async fn emptied(endpoint: Endpoint) -> Tally {
    let (service, faults) = super::service(SEED).await;
    let mut tally = Tally::default();
    let cases = [("BatchGetItem", ""), ("BatchGetItem", "{}"), ("UpdateItem", ""), ("UpdateItem", "{}")];
    for (operation, text) in cases.into_iter().filter(|_| endpoint != Endpoint::Logout) {
        let ask = endpoint.prepare(&service).await;
        faults.every(operation, Mishap::Garbled(200, text));
        service.calls();
        let answer = ask.of(&service).await;
        faults.end();
        if service.calls().iter().any(|call| call == operation) {
            let wrong = (answer.status != 503)
                .then(|| format!("{endpoint:?}, {operation}: {text:?}: {}", answer.status.as_u16()));
            tally.see(audit::flaw(&answer).or(wrong));
        }
    }
    tally
}
