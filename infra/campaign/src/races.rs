//! Sends many requests for one e-mail address, idempotency key or refresh token at the same time.
//!
//! Exactly one account or one child token may result, and every other request must get a proper
//! refusal. The rows count the answers and the records.

pub mod addresses;
mod batch;
pub mod copies;
pub mod revocations;
pub mod token_families;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use latchkey::router;
use serde_json::{Value, json};
use shared::testing::{Faults, Service};

use self::batch::Batch;
use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    requests::Request,
    wait_for,
};

const SEED: u64 = 8;
/// The number of concurrent races.
const CONCURRENCY: usize = 20;
/// The longest delay of a DynamoDB call, each way.
const DELAY_MAX: Duration = Duration::from_millis(5);
/// A thousand hashes on two cores take longer than the default time limit of a request.
const PATIENCE: Duration = Duration::from_secs(300);
/// One second less than the interval in which a parent token gets the same child again.
const REUSE: Duration = Duration::from_secs(9);

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        same_address(scale.of(100, 1_000), report).await;
        spellings(report).await;
        same_idempotency_key(report).await;
        same_token(200, report).await;
        lost_answers(scale.of(100, 1_000), report).await;
    });
}

/// A service with random delays of DynamoDB calls, so that concurrent requests interleave in any
/// order.
async fn service() -> Arc<Service> {
    let faults = Faults::seeded(SEED).without_timeouts();
    let service = Service::faulty(router(), &[], &faults).await;
    faults.delay_up_to(DELAY_MAX);
    Arc::new(service)
}

async fn same_address(creates: usize, report: &mut Report) {
    let service = service().await;
    let requests = vec![Request::create("race@races.example").with_time_limit(Some(PATIENCE)); creates];
    let batch = Batch::send(&service, requests).await;
    let taken = batch.count_code(409, "email_taken");
    let records: Vec<String> = invariants::records(&service).await.into_keys().collect();
    let kinds: BTreeSet<&str> = records.iter().filter_map(|key| key.split('#').next()).collect();
    report.row(
        format!("{creates} concurrent creates of one e-mail"),
        "one 201, all others 409 email_taken; three records and no orphan",
        format!("{batch}; {} records of {kinds:?}", invariants::permanent(&records)),
        batch.count(201) == 1 && taken == creates - 1 && invariants::permanent(&records) == 3 && batch.passed(),
    );
}

/// Creates accounts with a hundred spellings of one address: upper and lower case, spaces around,
/// and domains that UTS-46 maps to one.
async fn spellings(report: &mut Report) {
    const DOMAINS: [&str; 10] = [
        "bücher.example",
        "BÜCHER.example",
        "xn--bcher-kva.example",
        "XN--BCHER-KVA.EXAMPLE",
        "bu\u{308}cher.example",
        "bücher。example",
        "bücher．example",
        "ｂücher.example",
        "bü\u{ad}cher.example",
        "bücher.ｅxample",
    ];
    const LOCALS: [&str; 10] =
        ["jo.b", "JO.B", " jo.b", "Jo.b", "jO.b", "jo.B", "\tJo.B", "\n jO.B", "\u{a0}JO.b", "\u{3000}jo.b"];
    let service = service().await;
    let addresses = LOCALS.iter().flat_map(|local| DOMAINS.iter().map(move |domain| format!("{local}@{domain} ")));
    let batch =
        Batch::send(&service, addresses.map(|email| Request::create(&email).with_time_limit(Some(PATIENCE))).collect())
            .await;
    let (accounts, incomplete) = invariants::incomplete_accounts(&service).await;
    report.row(
        "100 concurrent creates with different spellings of one address",
        "one account, 99 × 409 email_taken",
        format!("{batch}; {accounts} accounts"),
        batch.count(201) == 1 && batch.count_code(409, "email_taken") == 99 && accounts == 1 && incomplete.is_empty(),
    );
}

async fn same_idempotency_key(report: &mut Report) {
    let service = service().await;
    let requests =
        vec![Request::create("key@races.example").with_idempotency_key("one key").with_time_limit(Some(PATIENCE)); 50];
    let batch = Batch::send(&service, requests).await;
    let accounts: BTreeSet<&str> = batch.answers(201).filter_map(|body| body["uid"].as_str()).collect();
    let (stored, incomplete) = invariants::incomplete_accounts(&service).await;
    let mut working = Checks::default();
    for session in batch.answers(201) {
        let answer = Request::refresh(session).send(&service).await;
        working.record((answer.status != 200).then(|| format!("a session: {}", answer.status)));
    }
    report.row(
        "50 concurrent creates under one Idempotency-Key",
        "one account; each 201, or 503 with Retry-After, and every session works",
        format!("{batch}; {stored} accounts; sessions: {working}"),
        batch.count(201) + batch.count(503) == 50
            && batch.passed()
            && accounts.len() == 1
            && stored == 1
            && incomplete.is_empty()
            && working.passed(),
    );
}

async fn same_token(refreshes: usize, report: &mut Report) {
    let service = service().await;
    let user = service.account("token@races.example").await;
    let session = service.session(&user).await;
    let batch = Batch::send(&service, vec![Request::refresh(&session); refreshes]).await;
    let children: BTreeSet<&str> = batch.answers(200).filter_map(|body| body["refresh_token"].as_str()).collect();
    let counter = counters(&service).await;
    let next = Request::refresh(&json!({"refresh_token": children.first()})).send(&service).await;
    let rest = batch.count_code(409, "refresh_conflict") + batch.count(503);
    report.row(
        format!("{refreshes} parallel refreshes of one token"),
        "each 200 with the same child, all others 409 refresh_conflict or 503 with Retry-After; counter + 1; session live",
        format!("{batch}; {} children; counter {counter:?}; next: {}", children.len(), next.status.as_u16()),
        children.len() == 1 && batch.count(200) + rest == refreshes && batch.passed() && counter == [1] && next.status == 200,
    );
}

/// The counters of all live sessions in the table.
async fn counters(service: &Service) -> Vec<u32> {
    let sessions = invariants::records(service).await.into_iter().filter(|(key, _)| key.starts_with("SESSION#"));
    sessions
        .filter(|(_, item)| !item.contains_key("ended_at"))
        .filter_map(|(_, item)| item.get("counter").map(AttributeValue::as_n)?.ok()?.parse().ok())
        .collect()
}

async fn lost_answers(sessions: usize, report: &mut Report) {
    let service = service().await;
    let user = service.account("lost@races.example").await;
    let (mut lost, mut again, mut working) = (0, 0, 0);
    // In groups: all at once would exceed the time limit of a request on a few cores.
    for _ in 0..sessions / CONCURRENCY {
        let mut held = Vec::new();
        for _ in 0..CONCURRENCY {
            held.push(service.session(&user).await);
        }
        let first = Batch::send(&service, held.iter().map(Request::refresh).collect()).await;
        service.pass(REUSE);
        let second = Batch::send(&service, held.iter().map(Request::refresh).collect()).await;
        let same = |(one, other): &(&Value, &Value)| one["refresh_token"] == other["refresh_token"];
        lost += first.count(200);
        again += first.answers(200).zip(second.answers(200)).filter(same).count();
        working += Batch::send(&service, second.answers(200).map(Request::refresh).collect()).await.count(200);
    }
    report.row(
        format!("{sessions} refreshes with a lost answer, repeated 9 s later"),
        "each gets the lost child again, and the child works",
        format!("{lost} lost, {again} with the same child again, {working} of them work"),
        [lost, again, working] == [sessions; 3],
    );
}
