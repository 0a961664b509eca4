//! Sends many changes of address at the same time, all to one address, with sign-ups for it and
//! with the ways back of earlier changes.
//!
//! Exactly one account may have the address afterwards. Every identifier belongs to one account,
//! and every account has its identifier.

use std::{collections::BTreeMap, sync::Arc};

use latchkey::router;
use serde_json::{Value, json};
use shared::testing::{Faults, PASSWORD, Service, code_of, proof_keys};

use super::{DELAY_MAX, PATIENCE, SEED, batch::Batch};
use crate::{Scale, invariants::Checks, report::Report, requests::Request, wait_for};

const WANTED: &str = "wanted@yopmail.com";
/// Each of so many requests is a sign-up, and all others are changes.
const SIGN_UP_EVERY: usize = 10;
/// The ways back of a round. More sign-ups at a time are refused, since too many hashes would wait.
const WAYS_AT_A_TIME: usize = 20;

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        to_one_address(scale.of(60, 1_000), report).await;
        there_and_back(scale.of(20, 200), report).await;
    });
}

/// A service whose calls of DynamoDB take any time. It counts no mails: all are for one address.
async fn service() -> Arc<Service> {
    let faults = Faults::seeded(SEED).without_timeouts();
    let service = Service::faulty(router(), &[("RATE_LIMITS", "off")], &faults).await;
    faults.delay_up_to(DELAY_MAX);
    Arc::new(service)
}

async fn to_one_address(requests: usize, report: &mut Report) {
    let service = service().await;
    let sign_ups = requests / SIGN_UP_EVERY;
    let mut all = Vec::new();
    for number in 0..requests - sign_ups {
        let user = service.account(&format!("user{number}@yopmail.com")).await;
        let session = service.session(&user).await;
        all.push(change(&service, &session, WANTED).await);
    }
    all.extend(vec![Request::create(WANTED).with_time_limit(Some(PATIENCE)); sign_ups]);
    let batch = Batch::send(&service, all).await;
    let winners = batch.count(200) + batch.count(201);
    let taken = batch.count_code(409, "email_taken");
    let accounts = requests - sign_ups + batch.count(201);
    let checks = identifiers(&service, accounts).await;
    report.row(
        format!("{} concurrent changes to one address, and {sign_ups} sign-ups with it", requests - sign_ups),
        "one 200 or 201, all others 409 email_taken; each identifier has its account, and each account its own",
        format!("{batch}; {checks}"),
        winners == 1 && taken == requests - 1 && checks.passed() && batch.passed(),
    );
}

/// Accounts that have left their address take it back, while strangers sign up with it or change to
/// it.
async fn there_and_back(accounts: usize, report: &mut Report) {
    let service = service().await;
    let mut beside = Vec::new();
    for number in 0..accounts {
        let old = format!("old{number}@yopmail.com");
        let user = service.account_with(&old, None, |user| user.email_verified = true).await;
        let session = service.session(&user).await;
        let request = change(&service, &session, &format!("new{number}@yopmail.com")).await;
        assert_eq!(request.send(&service).await.status, 200, "the change");
        let other = service.account_with(&format!("other{number}@yopmail.com"), None, |_| {}).await;
        let other = service.session(&other).await;
        let rival = change(&service, &other, &old).await;
        let sign_up = Request::create(&old).with_time_limit(Some(PATIENCE));
        beside.push((old, [rival, sign_up]));
    }
    let links = undo_links(&service).await;
    let back = |(old, others): &(String, [Request; 2])| {
        let undo = Request::post("/pages/undo", json!({"token": links[old], "email": old}));
        let [rival, sign_up] = others.clone();
        [rival, sign_up, undo.with_time_limit(Some(PATIENCE))]
    };
    let rounds = beside.chunks(WAYS_AT_A_TIME).map(|round| round.iter().flat_map(back).collect()).collect();
    let batch = Batch::send_rounds(&service, rounds).await;
    let checks = identifiers(&service, 2 * accounts + batch.count(201)).await;
    let faults = batch.count(500) + batch.count(503);
    report.row(
        format!("{accounts} ways back, each beside a sign-up and a change with the former address"),
        "no fault; each identifier has its account, and each account its own",
        format!("{batch}; {checks}"),
        faults == 0 && checks.passed() && batch.passed(),
    );
}

/// The request that completes a change to this address.
async fn change(service: &Service, session: &Value, email: &str) -> Request {
    let asked = Request::post("/me/email", json!({"new_email": email, "password": PASSWORD}));
    let started = asked.with_access_token(session).send(service).await;
    assert_eq!(started.status, 200, "{}", started.text);
    let challenge = &started.body["challenge"];
    let body = json!({"challenge": challenge, "code": code_of(challenge)});
    Request::post("/me/email/complete", body).with_access_token(session).with_time_limit(Some(PATIENCE))
}

/// The links that take a change back, by the former address.
async fn undo_links(service: &Service) -> BTreeMap<String, String> {
    let keys = proof_keys();
    let undo = service.proofs().await.into_iter().filter(|proof| proof.purpose.word() == "undo");
    undo.map(|proof| (proof.email, proof.id.link(keys.sealing()))).collect()
}

/// Each `LOGIN#` record belongs to an account with that identifier, and each account has its one.
/// At most `accounts` of them are there: a way back deletes an account that was never verified.
async fn identifiers(service: &Service, accounts: usize) -> Checks {
    let records = service.records().await;
    let text = |record: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>, name: &str| {
        record.get(name).and_then(|value| value.as_s().ok().cloned()).unwrap_or_default()
    };
    let of_kind = |prefix: &str| -> BTreeMap<String, (String, String)> {
        let found = records.iter().filter(|record| text(record, "pk").starts_with(prefix));
        found.map(|record| (text(record, "pk"), (text(record, "id"), text(record, "email_key")))).collect()
    };
    let (users, logins) = (of_kind("USER#"), of_kind("LOGIN#"));
    let mut checks = Checks::default();
    for (key, (id, email_key)) in &logins {
        let is_own = *key == format!("LOGIN#{email_key}")
            && users.get(&format!("USER#{id}")).is_some_and(|(_, of_user)| of_user == email_key);
        checks.record((!is_own).then(|| format!("{key} belongs to nobody")));
    }
    for (key, (_, email_key)) in &users {
        let has_one = logins.contains_key(&format!("LOGIN#{email_key}"));
        checks.record((!has_one).then(|| format!("{key} has no identifier")));
    }
    checks.record((users.len() > accounts).then(|| format!("{} accounts of {accounts}", users.len())));
    checks
}
