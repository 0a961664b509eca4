//! The traffic during the rotations, at `latchkey serve` and at the functions alike.
//!
//! People log in, clients refresh, and servers verify tokens and read the published keys.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    clock,
    deployment::{Deployment, Way},
    http::{Answer, Request},
    process::locked,
    tokens,
};

/// The two ways of the traffic.
pub const WAYS: [Way; 2] = [Way::Serve, Way::Url];
/// The longest delay that a repeated action catches up, in milliseconds.
const LATE_MS_MAX: f64 = 1_000.0;
const PASSWORD: &str = "violet tractor 47 umbrella";

/// The other way.
pub fn elsewhere(way: Way) -> Way {
    if way == Way::Serve { Way::Url } else { Way::Serve }
}

/// A session object's tokens, and the exchange in which they came.
#[derive(Clone, Debug)]
pub struct Session {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// The way that made it.
    pub way: Way,
    /// The time when the request was sent.
    pub sent_at: i64,
    /// The time when the answer came.
    pub got_at: i64,
}

impl Session {
    /// The key that signed its access token.
    pub fn kid(&self) -> String {
        tokens::kid(&self.access_token)
    }
}

/// Requests to a deployment, and the failed requests that had to succeed.
pub struct Traffic {
    deployment: Arc<Deployment>,
    failures: Mutex<Vec<String>>,
    is_stopped: AtomicBool,
    tasks: Mutex<JoinSet<()>>,
    accounts: AtomicUsize,
    logins: AtomicUsize,
    refreshes: AtomicUsize,
}

impl Traffic {
    /// No traffic yet.
    pub fn new(deployment: Arc<Deployment>) -> Arc<Self> {
        Arc::new(Self {
            deployment,
            failures: Mutex::default(),
            is_stopped: AtomicBool::new(false),
            tasks: Mutex::default(),
            accounts: AtomicUsize::new(0),
            logins: AtomicUsize::new(0),
            refreshes: AtomicUsize::new(0),
        })
    }

    /// The failed requests that had to succeed.
    pub fn failures(&self) -> Vec<String> {
        locked(&self.failures).clone()
    }

    /// The number of logins.
    pub fn logins(&self) -> usize {
        self.logins.load(Ordering::Relaxed)
    }

    /// The number of refreshes.
    pub fn refreshes(&self) -> usize {
        self.refreshes.load(Ordering::Relaxed)
    }

    /// Sends a request that must succeed. Returns the answer with the times of the request and the
    /// answer, or records a failure.
    pub async fn succeed(&self, way: Way, function: &str, request: Request) -> Option<(Answer, i64, i64)> {
        let sent_at = clock::now();
        let failure = match self.deployment.ask(way, function, request).await {
            Ok(answer) if answer.is_success() => return Some((answer, sent_at, clock::now())),
            Ok(Answer { status, body, .. }) => format!("{status} {} {}", body["code"], body["message"]),
            Err(error) => error,
        };
        locked(&self.failures).push(format!("{function} at {way:?}: {failure}"));
        None
    }

    async fn session(&self, way: Way, function: &str, body: &Value) -> Option<Session> {
        let request = Request::post(&format!("/{function}"), body);
        let (answer, sent_at, got_at) = self.succeed(way, function, request).await?;
        let text = |name: &str| answer.body[name].as_str().expect("a token").to_owned();
        Some(Session { access_token: text("access_token"), refresh_token: text("refresh_token"), way, sent_at, got_at })
    }

    /// Repeats an action at the rate that `per_second` gives, until the traffic stops.
    pub fn keep<F>(
        self: &Arc<Self>,
        per_second: impl Fn() -> f64 + Send + 'static,
        mut act: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        let traffic = self.clone();
        let run = async move {
            let mut due = clock::now() as f64;
            while !traffic.is_stopped.load(Ordering::Relaxed) {
                act().await;
                let now = clock::now() as f64;
                due = (due + 1000.0 / per_second()).max(now - LATE_MS_MAX);
                clock::sleep((due - now) as i64).await;
            }
        };
        locked(&self.tasks).spawn(run);
    }

    /// Prevents new requests.
    pub fn cut(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Waits for all running tasks. Panics if a task panicked.
    pub async fn stop(&self) {
        self.cut();
        let mut tasks = std::mem::take(&mut *locked(&self.tasks));
        while let Some(ended) = tasks.join_next().await {
            ended.expect("a task that came to its end");
        }
    }

    /// `accepted`, or the code of the refusal.
    pub async fn verdict(&self, token: &str, way: Way) -> String {
        let request = Request::post("/verify", &json!({"token": token}));
        match self.deployment.ask(way, "verify", request).await {
            Ok(answer) if answer.status == 200 => "accepted".to_owned(),
            Ok(answer) => match answer.body["code"].as_str() {
                Some(code) => code.to_owned(),
                None => format!("status {}", answer.status),
            },
            Err(error) => error,
        }
    }

    /// Creates an account. Returns the body of its login, and its session.
    pub async fn new_account(&self) -> (Value, Session) {
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        let account = json!({"email": format!("someone-{number}@yopmail.com"), "password": PASSWORD});
        let session = self.session(Way::Serve, "create-account", &account).await;
        (account, session.unwrap_or_else(|| panic!("no account: {:?}", self.failures())))
    }

    /// Logs in to an account. Returns the session.
    pub async fn login(&self, way: Way, account: &Value) -> Option<Session> {
        self.logins.fetch_add(1, Ordering::Relaxed);
        self.session(way, "login", account).await
    }

    /// Refreshes a session. Returns it with the new tokens.
    pub async fn refresh(&self, way: Way, session: &Session) -> Option<Session> {
        self.refreshes.fetch_add(1, Ordering::Relaxed);
        self.session(way, "refresh", &json!({"refresh_token": session.refresh_token})).await
    }
}
