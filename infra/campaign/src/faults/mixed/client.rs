//! A client that runs random operations, retries them, and remembers every acknowledgement.

mod account;
mod verification;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use shared::testing::{Answer, Service};
use tokio::time;

use self::account::{Account, ClientSession, Liveness};
use super::counts::Counts;
use crate::{invariants, requests::Request};

/// The number of retries of an operation.
const RETRIES: usize = 3;
/// The pause before a retry, in place of the second in Retry-After.
const WAIT: Duration = Duration::from_millis(20);
/// The least number of accounts, so that some are left for the final checks.
const ACCOUNTS_MIN: usize = 2;

/// A client with accounts that no other client uses.
pub struct Client {
    service: Arc<Service>,
    rng: fastrand::Rng,
    number: usize,
    made: usize,
    accounts: Vec<Account>,
    counts: Counts,
}

/// The outcome of an operation.
enum Outcome {
    Done(Answer),
    /// A 4xx, and whether an earlier attempt failed. An earlier attempt may have been applied.
    Refused(Answer, bool),
    GaveUp,
}

impl Client {
    /// The client with this number.
    pub fn new(service: Arc<Service>, number: usize, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed ^ number as u64);
        Self { service, rng, number, made: 0, accounts: Vec::new(), counts: Counts::default() }
    }

    /// Runs one random operation.
    pub async fn run_one(&mut self) {
        let live: Vec<usize> = (0..self.accounts.len()).filter(|&at| self.accounts[at].is_known()).collect();
        if live.len() < ACCOUNTS_MIN {
            return self.create().await;
        }
        let at = live[self.rng.usize(..live.len())];
        let Some(session) = self.accounts[at].live_session(&mut self.rng) else { return self.login(at).await };
        match self.rng.u8(0..100) {
            0..6 => self.create().await,
            6..14 => self.login(at).await,
            14..18 => self.guess(at).await,
            18..50 => self.refresh(at, session).await,
            50..58 => self.logout(at, session).await,
            58..70 => self.read(at, session, "verify", Request::check_revoked).await,
            70..83 => self.read(at, session, "me", Request::me).await,
            83..93 => self.rename(at, session).await,
            93..97 => self.change_password(at, session).await,
            _ => self.delete(at, session).await,
        }
    }

    /// Sends a request until the expected status, a refusal, or the last retry.
    async fn with_retries(&mut self, kind: &'static str, expected: u16, request: Request) -> Outcome {
        let mut outcome = Outcome::GaveUp;
        for attempt in 0..=RETRIES {
            let answer = request.send(&self.service).await;
            let status = answer.status.as_u16();
            self.counts.status(status);
            self.counts.answers.record(invariants::violation(&answer).map(|flaw| format!("{kind}: {flaw}")));
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
        self.counts.operation(kind, matches!(outcome, Outcome::Done(_)));
        outcome
    }

    /// Counts a 4xx without a reason.
    fn unexpected_refusal(&mut self, kind: &'static str, answer: &Answer) {
        self.counts.answers.fail(format!("{kind}: an unexpected {} {}", answer.status, answer.body["code"]));
    }

    async fn create(&mut self) {
        self.made += 1;
        let email = format!("c{}-{}@faults.example", self.number, self.made);
        let keyed = self.rng.bool();
        let mut request = Request::create(&email);
        if keyed {
            request = request.with_idempotency_key(&email);
        }
        let outcome = self.with_retries("create", 201, request).await;
        let conflict = matches!(&outcome, Outcome::Refused(answer, _) if answer.status == 409);
        if keyed {
            self.counts.creates.record(conflict.then(|| format!("409 for {email}")));
        }
        match outcome {
            Outcome::Done(answer) => self.accounts.push(Account::new(email, Some(answer.body))),
            // An earlier attempt was applied. Without a key the service cannot recognize its own
            // client.
            Outcome::Refused(_, true) if conflict => self.accounts.push(Account::new(email, None)),
            Outcome::Refused(answer, _) => self.unexpected_refusal("create", &answer),
            Outcome::GaveUp => {}
        }
    }

    async fn login(&mut self, at: usize) {
        let request = self.accounts[at].login();
        match self.with_retries("login", 200, request).await {
            Outcome::Done(answer) => self.accounts[at].logged_in(answer.body),
            Outcome::Refused(answer, _) => self.unexpected_refusal("login", &answer),
            Outcome::GaveUp => {}
        }
    }

    /// Tries one wrong password between two logins. Even with its retries it stays below every
    /// limit.
    async fn guess(&mut self, at: usize) {
        if self.accounts[at].has_failed_login {
            return self.login(at).await;
        }
        self.accounts[at].has_failed_login = true;
        let body = json!({"email": self.accounts[at].email, "password": "not the right password"});
        if let Outcome::Refused(answer, _) = self.with_retries("wrong login", 401, Request::post("/login", body)).await
        {
            self.unexpected_refusal("wrong login", &answer);
        }
    }

    async fn refresh(&mut self, at: usize, session: usize) {
        let request = Request::refresh(&self.accounts[at].sessions[session].object);
        match self.with_retries("refresh", 200, request).await {
            Outcome::Done(answer) => self.accounts[at].sessions[session].object = answer.body,
            Outcome::Refused(answer, _) => self.unexpected_refusal("refresh", &answer),
            // The sent token can still be refreshed.
            Outcome::GaveUp => {}
        }
    }

    async fn logout(&mut self, at: usize, session: usize) {
        let request = Request::logout(&self.accounts[at].sessions[session].object);
        let outcome = self.with_retries("logout", 200, request).await;
        if let Outcome::Refused(answer, _) = &outcome {
            self.unexpected_refusal("logout", answer);
        }
        self.accounts[at].sessions[session].liveness = ended_if(matches!(outcome, Outcome::Done(_)));
    }

    async fn read(&mut self, at: usize, session: usize, kind: &'static str, request: fn(&Value) -> Request) {
        let request = request(&self.accounts[at].sessions[session].object);
        if let Outcome::Refused(answer, _) = self.with_retries(kind, 200, request).await {
            self.unexpected_refusal(kind, &answer);
        }
    }

    async fn rename(&mut self, at: usize, session: usize) {
        let name = format!("Name {}", self.rng.u32(..));
        let mut body = json!({"name": name});
        if self.rng.u8(..4) == 0 {
            body["username"] = json!(format!("u{}-{}", self.number, self.rng.u32(..)));
        }
        let request = Request::change_profile(&self.accounts[at].sessions[session].object, body);
        let outcome = self.with_retries("change", 200, request).await;
        if let Outcome::Refused(answer, _) = &outcome {
            self.unexpected_refusal("change", answer);
        }
        self.accounts[at].name = matches!(outcome, Outcome::Done(_)).then_some(name);
    }

    async fn change_password(&mut self, at: usize, session: usize) {
        let new = format!("a better password {}", self.rng.u32(..));
        let account = &self.accounts[at];
        let request = Request::change_password(&account.sessions[session].object, &account.password, &new);
        let outcome = self.with_retries("password", 200, request).await;
        let account = &mut self.accounts[at];
        account.sessions.iter_mut().for_each(|session| session.revoke(matches!(outcome, Outcome::Done(_))));
        match outcome {
            Outcome::Done(answer) => {
                account.password = new;
                account.sessions.push(ClientSession::new(answer.body));
            }
            // An earlier attempt was applied, and changed the password and the session.
            Outcome::Refused(answer, true) if answer.status == 401 => account.unconfirmed_password = Some(new),
            Outcome::Refused(answer, _) => self.unexpected_refusal("password", &answer),
            Outcome::GaveUp => account.unconfirmed_password = Some(new),
        }
    }

    async fn delete(&mut self, at: usize, session: usize) {
        let account = &self.accounts[at];
        let request = Request::delete_account(&account.sessions[session].object, &account.password);
        let outcome = self.with_retries("delete", 200, request).await;
        let done = matches!(outcome, Outcome::Done(_));
        let account = &mut self.accounts[at];
        account.liveness = ended_if(done);
        account.sessions.iter_mut().for_each(|session| session.revoke(done));
        match outcome {
            Outcome::Refused(answer, tried) if !tried || answer.status != 401 => {
                self.unexpected_refusal("delete", &answer)
            }
            _ => {}
        }
    }
}

fn ended_if(acknowledged: bool) -> Liveness {
    if acknowledged { Liveness::Ended } else { Liveness::Unsure }
}
