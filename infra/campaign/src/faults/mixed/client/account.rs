//! What a client was told of an account and of its sessions.

use serde_json::{Value, json};
use shared::testing::PASSWORD;

use crate::requests::Request;

/// Whether something is there, as far as its owner was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Made, and nothing was asked that would end it.
    Live,
    /// Its end was acknowledged.
    Ended,
    /// Its end was asked for and never acknowledged.
    Unsure,
}

/// An account.
pub struct Account {
    /// Its address.
    pub email: String,
    /// The last acknowledged one.
    pub password: String,
    /// One that was asked for and never acknowledged.
    pub unconfirmed_password: Option<String>,
    /// The last name, if that was acknowledged.
    pub name: Option<String>,
    /// Whether a wrong password was given since the last right one.
    pub has_failed_login: bool,
    /// Of the account itself.
    pub liveness: Liveness,
    /// Its sessions.
    pub sessions: Vec<ClientSession>,
}

/// A session.
pub struct ClientSession {
    /// The last acknowledged session object.
    pub object: Value,
    /// Of the session.
    pub liveness: Liveness,
}

impl Account {
    /// A new one, with its first session if that was told.
    pub fn new(email: String, session: Option<Value>) -> Self {
        Self {
            email,
            password: PASSWORD.to_owned(),
            unconfirmed_password: None,
            name: Some("James".to_owned()),
            has_failed_login: false,
            liveness: Liveness::Live,
            sessions: session.into_iter().map(ClientSession::new).collect(),
        }
    }

    /// Whether the client knows how to log in.
    pub fn is_known(&self) -> bool {
        self.liveness == Liveness::Live && self.unconfirmed_password.is_none()
    }

    /// Any of its live sessions.
    pub fn live_session(&self, rng: &mut fastrand::Rng) -> Option<usize> {
        let live: Vec<usize> =
            (0..self.sessions.len()).filter(|&at| self.sessions[at].liveness == Liveness::Live).collect();
        (!live.is_empty()).then(|| live[rng.usize(..live.len())])
    }

    /// With the password that was acknowledged.
    pub fn login(&self) -> Request {
        self.login_with(&self.password)
    }

    /// With this password.
    pub fn login_with(&self, password: &str) -> Request {
        Request::post("/login", json!({"email": self.email, "password": password}))
    }

    /// After a login.
    pub fn logged_in(&mut self, session: Value) {
        self.has_failed_login = false;
        self.sessions.push(ClientSession::new(session));
    }
}

impl ClientSession {
    /// A live one.
    pub fn new(session: Value) -> Self {
        Self { object: session, liveness: Liveness::Live }
    }

    /// After something that ends all sessions, acknowledged or not.
    pub fn leave(&mut self, acknowledged: bool) {
        match self.liveness {
            Liveness::Ended => {}
            _ if acknowledged => self.liveness = Liveness::Ended,
            _ => self.liveness = Liveness::Unsure,
        }
    }
}
