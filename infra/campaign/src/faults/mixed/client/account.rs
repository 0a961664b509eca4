//! An account and its sessions, as far as the client knows from acknowledgements.

use serde_json::{Value, json};
use shared::testing::PASSWORD;

use crate::requests::Request;

/// Whether an account or a session exists, as far as the client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Its creation was acknowledged, and no request to end it was sent.
    Live,
    /// Its end was acknowledged.
    Ended,
    /// A request to end it was sent and never acknowledged.
    Unsure,
}

/// An account of the client.
pub struct Account {
    /// The e-mail address.
    pub email: String,
    /// The last acknowledged password.
    pub password: String,
    /// A password whose change was sent and never acknowledged.
    pub unconfirmed_password: Option<String>,
    /// The name, if its last change was acknowledged.
    pub name: Option<String>,
    /// Whether a wrong password was sent since the last login.
    pub has_failed_login: bool,
    /// The state of the account.
    pub liveness: Liveness,
    /// The sessions.
    pub sessions: Vec<ClientSession>,
}

/// A session of the account.
pub struct ClientSession {
    /// The last acknowledged session object.
    pub object: Value,
    /// The state of the session.
    pub liveness: Liveness,
}

impl Account {
    /// A new account, with its first session if the client received one.
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

    /// A random live session.
    pub fn live_session(&self, rng: &mut fastrand::Rng) -> Option<usize> {
        let live: Vec<usize> =
            (0..self.sessions.len()).filter(|&at| self.sessions[at].liveness == Liveness::Live).collect();
        (!live.is_empty()).then(|| live[rng.usize(..live.len())])
    }

    /// A login with the acknowledged password.
    pub fn login(&self) -> Request {
        self.login_with(&self.password)
    }

    /// A login with this password.
    pub fn login_with(&self, password: &str) -> Request {
        Request::post("/login", json!({"email": self.email, "password": password}))
    }

    /// Records a login.
    pub fn logged_in(&mut self, session: Value) {
        self.has_failed_login = false;
        self.sessions.push(ClientSession::new(session));
    }
}

impl ClientSession {
    /// A new live session.
    pub fn new(session: Value) -> Self {
        Self { object: session, liveness: Liveness::Live }
    }

    /// Records a request that revokes all sessions, acknowledged or not.
    pub fn revoke(&mut self, acknowledged: bool) {
        match self.liveness {
            Liveness::Ended => {}
            _ if acknowledged => self.liveness = Liveness::Ended,
            _ => self.liveness = Liveness::Unsure,
        }
    }
}
