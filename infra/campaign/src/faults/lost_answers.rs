//! Creates whose answer is lost on the way from DynamoDB, and writes that arrive after their repeat.

use std::time::Duration;

use serde_json::{Value, json};
use shared::testing::{Answer, Faults, Mishap, Service};
use tokio::time;

use crate::{
    Scale,
    asking::Ask,
    audit::{self, Tally},
    table::Table,
    wait_for,
};

const SEED: u64 = 2;
const LATE: Duration = Duration::from_millis(300);
/// The reads by which a store may look for what became of its write.
const READS: [&str; 4] = ["BatchGetItem", "GetItem", "Query", "TransactGetItems"];

/// Adds its rows.
pub fn run(_: Scale, table: &mut Table) {
    let (applied, repeated, session, create) =
        wait_for(async { tokio::join!(applied(), repeated(), late_session(), late_create()) });
    let rows = [
        (
            "a create that was carried out and whose answer was lost in all attempts",
            "201, read back; its session works",
            applied,
        ),
        (
            "the same where nothing can be read back either, repeated with its Idempotency-Key",
            "503, then 201 with the same account, once",
            repeated,
        ),
        ("the write of a login's session arrives again, late, after the logout", "the session stays ended", session),
        ("the write of a create arrives again, late, after the account was deleted", "the account stays gone", create),
    ];
    for (attack, expected, tally) in rows {
        table.row(attack, expected, tally.to_string(), tally.is_clean());
    }
}

/// How the answer to a write that was carried out is lost.
fn losses() -> [(&'static str, Mishap); 4] {
    [
        ("reset", Mishap::AnswerLost),
        ("never", Mishap::AnswerHangs),
        ("cut", Mishap::AnswerCut),
        ("after the time-out", Mishap::Slow(Duration::from_secs(2))),
    ]
}

async fn applied() -> Tally {
    let lost = losses().into_iter().flat_map(|(loss, mishap)| {
        [false, true].map(|keyed| (format!("lost by {loss}, key: {keyed}"), vec![mishap.clone()], keyed))
    });
    // The first try is carried out; what the store hears of is the last one.
    let refused = ["ThrottlingException", "TransactionInProgressException"]
        .map(|code| (format!("lost, and then {code}"), vec![Mishap::AnswerLost, Mishap::Error(400, code)], false));
    Tally::of(lost.chain(refused).map(|(how, mishaps, keyed)| applied_once(how, mishaps, keyed))).await
}

/// One after the other befalls the write, and the last one every further try.
async fn applied_once(how: String, mishaps: Vec<Mishap>, keyed: bool) -> Tally {
    let (service, faults) = super::service(SEED).await;
    let mut tally = Tally::default();
    let (last, first) = mishaps.split_last().expect("a mishap");
    for mishap in first {
        faults.next("TransactWriteItems", mishap.clone());
    }
    faults.every("TransactWriteItems", last.clone());
    let answer = create("lost@faults.example", keyed).of(&service).await;
    tally.see(unless(201, &answer, &format!("answer {how}")));
    faults.end();
    if answer.status == 201 {
        tally.see(unless_usable(&service, &answer.body).await);
    }
    tally
}

async fn repeated() -> Tally {
    Tally::of(losses().map(|(loss, mishap)| repeated_once(loss, mishap))).await
}

async fn repeated_once(loss: &'static str, mishap: Mishap) -> Tally {
    let (service, faults) = super::service(SEED).await;
    let mut tally = Tally::default();
    faults.every("TransactWriteItems", mishap);
    blind(&faults);
    let lost = create("lost@faults.example", true).of(&service).await;
    tally.see(unless(503, &lost, &format!("answer lost by {loss}, and nothing can be read")));
    faults.end();
    let again = create("lost@faults.example", true).of(&service).await;
    tally.see(unless(201, &again, &format!("repeated after {loss}")));
    tally.see(unless_usable(&service, &again.body).await);
    let (accounts, halves) = audit::halves(&service).await;
    tally.see((accounts != 1 || !halves.is_empty()).then(|| format!("{accounts} accounts, halves {halves:?}")));
    tally
}

/// The session of a login is written by a call that seems lost, and again by its repeat; after a logout the first one arrives.
async fn late_session() -> Tally {
    let mut tally = Tally::default();
    for operation in ["PutItem", "TransactWriteItems"] {
        let (service, faults) = super::service(SEED).await;
        service.account("late@faults.example").await;
        faults.next(operation, Mishap::Late(LATE));
        let session = Ask::login("late@faults.example").of(&service).await;
        tally.see(unless(200, &session, "login"));
        tally.see(unless(200, &Ask::logout(&session.body).of(&service).await, "logout"));
        time::sleep(LATE * 2).await;
        let answer = Ask::refresh(&session.body).of(&service).await;
        tally.see(unless(401, &answer, &format!("refresh after a logout and a late {operation}")));
    }
    tally
}

/// The same with an account that is deleted before its first write arrives.
async fn late_create() -> Tally {
    let (service, faults) = super::service(SEED).await;
    faults.next("TransactWriteItems", Mishap::Late(LATE));
    let created = create("late@faults.example", false).of(&service).await;
    let mut tally = Tally::default();
    tally.see(unless(201, &created, "create"));
    let password = shared::testing::PASSWORD;
    tally.see(unless(200, &Ask::delete(&created.body, password).of(&service).await, "delete"));
    time::sleep(LATE * 2).await;
    let (accounts, halves) = audit::halves(&service).await;
    tally.see((accounts > 0).then(|| format!("{accounts} accounts are back, halves {halves:?}")));
    tally
}

fn create(email: &str, keyed: bool) -> Ask {
    let ask = Ask::create(email);
    if keyed { ask.under("a key of this create") } else { ask }
}

fn blind(faults: &Faults) {
    for read in READS {
        faults.every(read, Mishap::Reset);
    }
}

fn unless(status: u16, answer: &Answer, what: &str) -> Option<String> {
    let told = || format!("{what}: {} {}", answer.status.as_u16(), answer.body["code"]);
    audit::flaw(answer).or_else(|| (answer.status != status).then(told))
}

async fn unless_usable(service: &Service, session: &Value) -> Option<String> {
    let me = Ask::me(session).of(service).await;
    let refreshed = Ask::refresh(session).of(service).await;
    let works = me.status == 200 && refreshed.status == 200 && me.body["user"]["id"] == session["uid"];
    (!works).then(|| format!("the session does not work: {} {}", me.status, json!(refreshed.body["code"])))
}
