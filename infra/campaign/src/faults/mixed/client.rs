//! A client that does everything there is to do, tries again, and remembers what it was told.

mod account;
mod verification;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use shared::testing::{Answer, Service};
use tokio::time;

use self::account::{Account, RefreshState, Visit};
use super::ledger::Ledger;
use crate::{asking::Ask, audit};

/// How often it tries again.
const RETRIES: usize = 3;
/// What it waits instead of the second that it is told to.
const WAIT: Duration = Duration::from_millis(20);
/// What it has at once, so that there is something left to look at in the end.
const ACCOUNTS_MIN: usize = 2;

/// A client with accounts of its own, which nobody else touches.
pub struct Client {
    service: Arc<Service>,
    random: fastrand::Rng,
    number: usize,
    made: usize,
    accounts: Vec<Account>,
    ledger: Ledger,
}

/// How an operation ended.
enum Outcome {
    Done(Answer),
    /// A 4xx, and whether a try before it had failed, which may have been carried out.
    Refused(Answer, bool),
    GaveUp,
}

impl Client {
    /// The client with this number.
    pub fn new(service: Arc<Service>, number: usize, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed ^ number as u64);
        Self { service, random, number, made: 0, accounts: Vec::new(), ledger: Ledger::default() }
    }

    /// Does one operation, any.
    pub async fn act(&mut self) {
        let live: Vec<usize> = (0..self.accounts.len()).filter(|&at| self.accounts[at].is_known()).collect();
        if live.len() < ACCOUNTS_MIN {
            return self.create().await;
        }
        let at = live[self.random.usize(..live.len())];
        let Some(visit) = self.accounts[at].live_visit(&mut self.random) else { return self.login(at).await };
        match self.random.u8(0..100) {
            0..6 => self.create().await,
            6..14 => self.login(at).await,
            14..18 => self.guess(at).await,
            18..50 => self.refresh(at, visit).await,
            50..58 => self.logout(at, visit).await,
            58..70 => self.look(at, visit, "verify", Ask::verify_live).await,
            70..83 => self.look(at, visit, "me", Ask::me).await,
            83..93 => self.rename(at, visit).await,
            93..97 => self.change_password(at, visit).await,
            _ => self.delete(at, visit).await,
        }
    }

    /// Asks until it is told what it expects, or is refused, or has tried often enough.
    async fn patiently(&mut self, kind: &'static str, expected: u16, ask: Ask) -> Outcome {
        let mut outcome = Outcome::GaveUp;
        for attempt in 0..=RETRIES {
            let answer = ask.of(&self.service).await;
            let status = answer.status.as_u16();
            self.ledger.status(status);
            self.ledger.answers.see(audit::flaw(&answer).map(|flaw| format!("{kind}: {flaw}")));
            if status == expected {
                outcome = Outcome::Done(answer);
                break;
            }
            if !answer.header("retry-after").is_empty() {
                time::sleep(WAIT).await;
            } else if answer.status.is_client_error() {
                outcome = Outcome::Refused(answer, attempt > 0);
                break;
            }
        }
        self.ledger.operation(kind, matches!(outcome, Outcome::Done(_)));
        outcome
    }

    /// A 4xx that nothing explains.
    fn improper(&mut self, kind: &'static str, answer: &Answer) {
        self.ledger.answers.wrong(format!("{kind}: an improper {} {}", answer.status, answer.body["code"]));
    }

    async fn create(&mut self) {
        self.made += 1;
        let email = format!("c{}-{}@faults.example", self.number, self.made);
        let keyed = self.random.bool();
        let mut ask = Ask::create(&email);
        if keyed {
            ask = ask.under(&email);
        }
        let outcome = self.patiently("create", 201, ask).await;
        let conflict = matches!(&outcome, Outcome::Refused(answer, _) if answer.status == 409);
        if keyed {
            self.ledger.creates.see(conflict.then(|| format!("409 for {email}")));
        }
        match outcome {
            Outcome::Done(answer) => self.accounts.push(Account::new(email, Some(answer.body))),
            // A try before was carried out: without a key there is no telling that it was this client's own.
            Outcome::Refused(_, true) if conflict => self.accounts.push(Account::new(email, None)),
            Outcome::Refused(answer, _) => self.improper("create", &answer),
            Outcome::GaveUp => {}
        }
    }

    async fn login(&mut self, at: usize) {
        let ask = self.accounts[at].login();
        match self.patiently("login", 200, ask).await {
            Outcome::Done(answer) => self.accounts[at].logged_in(answer.body),
            Outcome::Refused(answer, _) => self.improper("login", &answer),
            Outcome::GaveUp => {}
        }
    }

    /// One wrong password between two right ones, however often it is tried again, is below every limit.
    async fn guess(&mut self, at: usize) {
        if self.accounts[at].guessed {
            return self.login(at).await;
        }
        self.accounts[at].guessed = true;
        let body = json!({"email": self.accounts[at].email, "password": "not the right password"});
        if let Outcome::Refused(answer, _) = self.patiently("wrong login", 401, Ask::post("/login", body)).await {
            self.improper("wrong login", &answer);
        }
    }

    async fn refresh(&mut self, at: usize, visit: usize) {
        let ask = Ask::refresh(&self.accounts[at].visits[visit].session);
        match self.patiently("refresh", 200, ask).await {
            Outcome::Done(answer) => self.accounts[at].visits[visit].session = answer.body,
            Outcome::Refused(answer, _) => self.improper("refresh", &answer),
            // The token that was sent is still worth a child.
            Outcome::GaveUp => {}
        }
    }

    async fn logout(&mut self, at: usize, visit: usize) {
        let ask = Ask::logout(&self.accounts[at].visits[visit].session);
        let outcome = self.patiently("logout", 200, ask).await;
        if let Outcome::Refused(answer, _) = &outcome {
            self.improper("logout", answer);
        }
        self.accounts[at].visits[visit].standing = ended_if(matches!(outcome, Outcome::Done(_)));
    }

    async fn look(&mut self, at: usize, visit: usize, kind: &'static str, ask: fn(&Value) -> Ask) {
        let ask = ask(&self.accounts[at].visits[visit].session);
        if let Outcome::Refused(answer, _) = self.patiently(kind, 200, ask).await {
            self.improper(kind, &answer);
        }
    }

    async fn rename(&mut self, at: usize, visit: usize) {
        let name = format!("Name {}", self.random.u32(..));
        let mut body = json!({"name": name});
        if self.random.u8(..4) == 0 {
            body["username"] = json!(format!("u{}-{}", self.number, self.random.u32(..)));
        }
        let ask = Ask::change(&self.accounts[at].visits[visit].session, body);
        let outcome = self.patiently("change", 200, ask).await;
        if let Outcome::Refused(answer, _) = &outcome {
            self.improper("change", answer);
        }
        self.accounts[at].name = matches!(outcome, Outcome::Done(_)).then_some(name);
    }

    async fn change_password(&mut self, at: usize, visit: usize) {
        let new = format!("a better password {}", self.random.u32(..));
        let account = &self.accounts[at];
        let ask = Ask::change_password(&account.visits[visit].session, &account.password, &new);
        let outcome = self.patiently("password", 200, ask).await;
        let account = &mut self.accounts[at];
        account.visits.iter_mut().for_each(|visit| visit.leave(matches!(outcome, Outcome::Done(_))));
        match outcome {
            Outcome::Done(answer) => {
                account.password = new;
                account.visits.push(Visit::new(answer.body));
            }
            // A try before was carried out, and with it the password and the session have changed.
            Outcome::Refused(answer, true) if answer.status == 401 => account.perhaps = Some(new),
            Outcome::Refused(answer, _) => self.improper("password", &answer),
            Outcome::GaveUp => account.perhaps = Some(new),
        }
    }

    async fn delete(&mut self, at: usize, visit: usize) {
        let account = &self.accounts[at];
        let ask = Ask::delete(&account.visits[visit].session, &account.password);
        let outcome = self.patiently("delete", 200, ask).await;
        let done = matches!(outcome, Outcome::Done(_));
        let account = &mut self.accounts[at];
        account.standing = ended_if(done);
        account.visits.iter_mut().for_each(|visit| visit.leave(done));
        match outcome {
            Outcome::Refused(answer, tried) if !tried || answer.status != 401 => self.improper("delete", &answer),
            _ => {}
        }
    }
}

fn ended_if(acknowledged: bool) -> RefreshState {
    if acknowledged { RefreshState::Ended } else { RefreshState::Unsure }
}
