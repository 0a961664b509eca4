//! What a client was told of an account and of its sessions.

use serde_json::{Value, json};
use shared::testing::PASSWORD;

use crate::asking::Ask;

/// Whether something is there, as far as its owner was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshState {
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
    pub perhaps: Option<String>,
    /// The last name, if that was acknowledged.
    pub name: Option<String>,
    /// Whether a wrong password was given since the last right one.
    pub guessed: bool,
    /// Of the account itself.
    pub standing: RefreshState,
    /// Its sessions.
    pub visits: Vec<Visit>,
}

/// A session.
pub struct Visit {
    /// The last acknowledged session object.
    pub session: Value,
    /// Of the session.
    pub standing: RefreshState,
}

impl Account {
    /// A new one, with its first session if that was told.
    pub fn new(email: String, session: Option<Value>) -> Self {
        Self {
            email,
            password: PASSWORD.to_owned(),
            perhaps: None,
            name: Some("James".to_owned()),
            guessed: false,
            standing: RefreshState::Live,
            visits: session.into_iter().map(Visit::new).collect(),
        }
    }

    /// Whether the client knows how to log in.
    pub fn is_known(&self) -> bool {
        self.standing == RefreshState::Live && self.perhaps.is_none()
    }

    /// Any of its live sessions.
    pub fn live_visit(&self, random: &mut fastrand::Rng) -> Option<usize> {
        let live: Vec<usize> =
            (0..self.visits.len()).filter(|&at| self.visits[at].standing == RefreshState::Live).collect();
        (!live.is_empty()).then(|| live[random.usize(..live.len())])
    }

    /// With the password that was acknowledged.
    pub fn login(&self) -> Ask {
        self.login_with(&self.password)
    }

    /// With this password.
    pub fn login_with(&self, password: &str) -> Ask {
        Ask::post("/login", json!({"email": self.email, "password": password}))
    }

    /// After a login.
    pub fn logged_in(&mut self, session: Value) {
        self.guessed = false;
        self.visits.push(Visit::new(session));
    }
}

impl Visit {
    /// A live one.
    pub fn new(session: Value) -> Self {
        Self { session, standing: RefreshState::Live }
    }

    /// After something that ends all sessions, acknowledged or not.
    pub fn leave(&mut self, acknowledged: bool) {
        match self.standing {
            RefreshState::Ended => {}
            _ if acknowledged => self.standing = RefreshState::Ended,
            _ => self.standing = RefreshState::Unsure,
        }
    }
}
