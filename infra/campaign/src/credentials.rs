//! Changes a profile a hundred times a second, beside changes of whatever admits.
//!
//! Somebody with a stolen access token may change name and metadata without a pause. No password
//! change, deletion or logout everywhere may fail or wait because of that. The rows count the
//! answers, and the longest time of one. Only the long form judges the time: the short one runs
//! beside whatever else the machine does.

mod profile_load;

use std::{fmt, sync::Arc, time::Duration};

use latchkey::router;
use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{Answer, Faults, PASSWORD, PROJECT, Service, service_account},
};
use tokio::time::{self, Instant};

use self::profile_load::{ProfileLoad, RATE};
use crate::{Scale, invariants, report::Report, requests::Request, wait_for};

const SEED: u64 = 14;
/// The longest delay of a DynamoDB call, each way. Reads and writes then overlap in every order.
const DELAY_MAX: Duration = Duration::from_millis(5);
/// The longest time of an answer.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// The time for which the profile changes before the first request.
const HEAD_START: Duration = Duration::from_millis(50);

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        let service = service(&[]).await;
        let changes = scale.of(8, 20);
        let passwords = password_changes(&service, changes).await;
        passwords.report("password changes with the right password", ANSWER_MAX, scale, report);
        deletions(&service, changes).await.report("deletions with the right password", ANSWER_MAX, scale, report);
        logouts(&service, changes).await.report("logouts everywhere", ANSWER_MAX, scale, report);
        incomplete(&service, report).await;
        let firebase = [
            ("TOKEN_PROFILE", "firebase"),
            ("FIREBASE_PROJECT_ID", PROJECT),
            ("FIREBASE_SERVICE_ACCOUNT", service_account()),
        ];
        let service = self::service(&firebase).await;
        let passwords = password_changes(&service, scale.of(2, 20)).await;
        // The answer waits for the next whole second, because Firebase tells times in seconds.
        passwords.report("password changes with custom tokens", ANSWER_MAX * 2, scale, report);
    });
}

async fn service(variables: &[(&str, &str)]) -> Arc<Service> {
    let faults = Faults::seeded(SEED).without_timeouts();
    let service = Service::faulty(router(), variables, &faults).await;
    // The tests hold each answer against the API description, and read it for the first answer.
    Request::get("/health").send(&service).await;
    faults.delay_up_to(DELAY_MAX);
    Arc::new(service)
}

/// The answers to requests beside a load of profile changes.
#[derive(Default)]
struct Answers {
    statuses: Vec<u16>,
    longest: Duration,
    /// Profile changes that were answered with 200.
    renamed: usize,
    /// Profile changes with any other answer than 200 and 401. A token that was just ended is 401.
    refused_renames: Vec<u16>,
}

impl Answers {
    async fn send(&mut self, service: &Service, request: Request) -> Answer {
        let began = Instant::now();
        let answer = request.send(service).await;
        self.longest = self.longest.max(began.elapsed());
        self.statuses.push(answer.status.as_u16());
        answer
    }

    /// Stops the load. A change that loses to the end of its account has one more status.
    async fn stop(&mut self, load: ProfileLoad, lost: Option<u16>) {
        for status in load.stop().await {
            match status {
                200 => self.renamed += 1,
                401 => {}
                other if Some(other) == lost => {}
                other => self.refused_renames.push(other),
            }
        }
    }

    fn report(&self, requests: &str, longest: Duration, scale: Scale, report: &mut Report) {
        let ok = self.statuses.iter().filter(|status| **status == 200).count();
        report.row(
            format!("{} {requests}, beside {RATE} PATCH /me a second", self.statuses.len()),
            format!("each is 200 within {} s, and no profile change is refused", longest.as_secs()),
            self.to_string(),
            ok == self.statuses.len()
                && (scale == Scale::Short || self.longest <= longest)
                && self.renamed > 0
                && self.refused_renames.is_empty(),
        );
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others: Vec<&u16> = self.statuses.iter().filter(|status| **status != 200).collect();
        let Self { statuses, longest, renamed, refused_renames } = self;
        let ok = statuses.len() - others.len();
        write!(formatter, "{ok} × 200, others {others:?}, the longest {} ms; ", longest.as_millis())?;
        write!(formatter, "{renamed} profile changes, others {refused_renames:?}")
    }
}

/// Changes the password of one account again and again. Each change ends the token of the load,
/// which goes on with the new one.
async fn password_changes(service: &Arc<Service>, changes: usize) -> Answers {
    let user = service.account("passwords@credentials.example").await;
    let mut session = service.session(&user).await;
    let load = ProfileLoad::start(service, session.clone());
    time::sleep(HEAD_START).await;
    let (mut answers, mut current) = (Answers::default(), PASSWORD.to_owned());
    for number in 0..changes {
        let new = format!("violet tractor umbrella {number}");
        let answer = answers.send(service, Request::change_password(&session, &current, &new)).await;
        if answer.status == 200 {
            (session, current) = (answer.body, new);
            load.go_on_with(session.clone());
        }
    }
    answers.stop(load, None).await;
    answers
}

async fn deletions(service: &Arc<Service>, deletions: usize) -> Answers {
    let mut answers = Answers::default();
    for number in 0..deletions {
        let (email, username) = (format!("gone{number}@credentials.example"), format!("gone{number}"));
        let user = service.account_with(&email, Some(&username), |_| {}).await;
        let session = service.session(&user).await;
        let load = ProfileLoad::start(service, session.clone());
        time::sleep(HEAD_START).await;
        answers.send(service, Request::delete_account(&session, PASSWORD)).await;
        answers.stop(load, Some(503)).await;
    }
    answers
}

async fn logouts(service: &Arc<Service>, logouts: usize) -> Answers {
    let user = service.account("logouts@credentials.example").await;
    let mut session = service.session(&user).await;
    let load = ProfileLoad::start(service, session.clone());
    time::sleep(HEAD_START).await;
    let mut answers = Answers::default();
    for _ in 0..logouts {
        let body = json!({"refresh_token": session["refresh_token"], "everywhere": true});
        answers.send(service, Request::post("/logout", body)).await;
        session = new_session(service, &user).await;
        load.go_on_with(session.clone());
    }
    answers.stop(load, None).await;
    answers
}

async fn new_session(service: &Service, user: &User) -> Value {
    let user = service.stored(user).await.expect("the account is there");
    service.session(&user).await
}

async fn incomplete(service: &Service, report: &mut Report) {
    let (accounts, incomplete) = invariants::incomplete_accounts(service).await;
    report.row(
        "the records after all of these",
        "two accounts, each whole; no record of a deleted account",
        format!("{accounts} accounts, incomplete: {incomplete:?}"),
        accounts == 2 && incomplete.is_empty(),
    );
}
