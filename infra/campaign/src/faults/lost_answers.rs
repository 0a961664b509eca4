//! Loses the answers of DynamoDB to writes, and delays writes until after their retry.
//!
//! A create must be found again or be repeatable, and a late write must revive nothing. The rows
//! count the answers and records that break this.

use std::time::Duration;

use serde_json::{Value, json};
use shared::testing::{Answer, Faults, Service, faults::Fault};
use tokio::time;

use crate::{
    Scale,
    invariants::{self, Checks},
    report::Report,
    requests::Request,
    wait_on_paused_clock,
};

const SEED: u64 = 2;
const LATE: Duration = Duration::from_millis(300);
/// The reads that a store may use to look for the result of a write.
const READS: [&str; 4] = ["BatchGetItem", "GetItem", "Query", "TransactGetItems"];

/// Runs the case, and adds its rows.
pub fn run(_: Scale, report: &mut Report) {
    let (applied, repeated, session, create) =
        wait_on_paused_clock(async { tokio::join!(applied(), repeated(), late_session(), late_create()) });
    let rows = [
        (
            "a create that was applied and whose answer was lost in all attempts",
            "201 after a read; the session works",
            applied,
        ),
        (
            "the same with failing reads, then repeated with its Idempotency-Key",
            "503, then 201 with the same account, and one account",
            repeated,
        ),
        ("the session write of a login arrives again after the logout", "the session stays revoked", session),
        ("the write of a create arrives again after the account was deleted", "the account stays deleted", create),
    ];
    for (attack, expected, checks) in rows {
        report.row(attack, expected, checks.to_string(), checks.passed());
    }
}

/// The ways to lose the answer to an applied write.
fn losses() -> [(&'static str, Fault); 4] {
    [
        ("reset", Fault::AnswerLost),
        ("never", Fault::AnswerHangs),
        ("cut", Fault::AnswerCut),
        ("after the time-out", Fault::Slow(Duration::from_secs(2))),
    ]
}

async fn applied() -> Checks {
    let lost = losses().into_iter().flat_map(|(loss, fault)| {
        [false, true].map(|keyed| (format!("lost by {loss}, key: {keyed}"), vec![fault.clone()], keyed))
    });
    // The first attempt is applied; the store sees the error of the last one.
    let refused = ["ThrottlingException", "TransactionInProgressException"]
        .map(|code| (format!("lost, and then {code}"), vec![Fault::AnswerLost, Fault::Error(400, code)], false));
    Checks::run_all(lost.chain(refused).map(|(how, faults_in_turn, keyed)| applied_once(how, faults_in_turn, keyed)))
        .await
}

/// Injects the faults into the attempts in turn, and the last one into all further attempts.
async fn applied_once(how: String, faults_in_turn: Vec<Fault>, keyed: bool) -> Checks {
    let (service, faults) = super::service(SEED).await;
    let mut checks = Checks::default();
    let (last, first) = faults_in_turn.split_last().expect("at least one fault");
    for fault in first {
        faults.inject_next("TransactWriteItems", fault.clone());
    }
    faults.inject_every("TransactWriteItems", last.clone());
    let answer = create("lost@faults.example", keyed).send(&service).await;
    checks.record(unless(201, &answer, &format!("answer {how}")));
    faults.clear();
    if answer.status == 201 {
        checks.record(unless_usable(&service, &answer.body).await);
    }
    checks
}

async fn repeated() -> Checks {
    Checks::run_all(losses().map(|(loss, fault)| repeated_once(loss, fault))).await
}

async fn repeated_once(loss: &'static str, fault: Fault) -> Checks {
    let (service, faults) = super::service(SEED).await;
    let mut checks = Checks::default();
    faults.inject_every("TransactWriteItems", fault);
    fail_reads(&faults);
    let lost = create("lost@faults.example", true).send(&service).await;
    checks.record(unless(503, &lost, &format!("answer lost by {loss}, reads fail")));
    faults.clear();
    let again = create("lost@faults.example", true).send(&service).await;
    checks.record(unless(201, &again, &format!("repeated after {loss}")));
    checks.record(unless_usable(&service, &again.body).await);
    let (accounts, incomplete) = invariants::incomplete_accounts(&service).await;
    checks.record(
        (accounts != 1 || !incomplete.is_empty()).then(|| format!("{accounts} accounts, incomplete: {incomplete:?}")),
    );
    checks
}

/// The first session write of a login seems lost and is retried. The first write arrives after the
/// logout.
async fn late_session() -> Checks {
    let mut checks = Checks::default();
    for operation in ["PutItem", "TransactWriteItems"] {
        let (service, faults) = super::service(SEED).await;
        service.account("late@faults.example").await;
        faults.inject_next(operation, Fault::Late(LATE));
        let session = Request::login("late@faults.example").send(&service).await;
        checks.record(unless(200, &session, "login"));
        checks.record(unless(200, &Request::logout(&session.body).send(&service).await, "logout"));
        time::sleep(LATE * 2).await;
        let answer = Request::refresh(&session.body).send(&service).await;
        checks.record(unless(401, &answer, &format!("refresh after a logout and a late {operation}")));
    }
    checks
}

/// The first write of a create arrives after the account was deleted.
async fn late_create() -> Checks {
    let (service, faults) = super::service(SEED).await;
    faults.inject_next("TransactWriteItems", Fault::Late(LATE));
    let created = create("late@faults.example", false).send(&service).await;
    let mut checks = Checks::default();
    checks.record(unless(201, &created, "create"));
    let password = shared::testing::PASSWORD;
    checks.record(unless(200, &Request::delete_account(&created.body, password).send(&service).await, "delete"));
    time::sleep(LATE * 2).await;
    let (accounts, incomplete) = invariants::incomplete_accounts(&service).await;
    checks.record((accounts > 0).then(|| format!("{accounts} accounts are back, incomplete: {incomplete:?}")));
    checks
}

fn create(email: &str, keyed: bool) -> Request {
    let request = Request::create(email);
    if keyed { request.with_idempotency_key("a key of this create") } else { request }
}

fn fail_reads(faults: &Faults) {
    for read in READS {
        faults.inject_every(read, Fault::Reset);
    }
}

fn unless(status: u16, answer: &Answer, what: &str) -> Option<String> {
    let describe = || format!("{what}: {} {}", answer.status.as_u16(), answer.body["code"]);
    invariants::violation(answer).or_else(|| (answer.status != status).then(describe))
}

async fn unless_usable(service: &Service, session: &Value) -> Option<String> {
    let me = Request::me(session).send(service).await;
    let refreshed = Request::refresh(session).send(service).await;
    let works = me.status == 200 && refreshed.status == 200 && me.body["user"]["id"] == session["uid"];
    (!works).then(|| format!("the session does not work: {} {}", me.status, json!(refreshed.body["code"])))
}
