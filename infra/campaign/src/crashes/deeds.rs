//! What clients do when their server is killed.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time};

use crate::{
    client::{Answer, Client},
    process::Process,
};

/// How many clients there are at once.
const CLIENTS: usize = 4;
/// Of every account.
pub const PASSWORD: &str = "correct horse battery";
/// More accounts than there are.
const BESIDE: usize = 1_000_000;

/// A new account, asked for until there is an answer.
pub struct Create {
    number: usize,
}

/// What is asked for.
pub enum Deed {
    /// A new account.
    Create(Create),
    /// A refresh with this body.
    Refresh(Value),
}

/// What became of it; no answer where there is none that is whole.
pub enum Done {
    /// The server was dead before.
    NotBegun(Deed),
    /// A new account.
    Create(Create, Option<Answer>),
    /// A refresh with this body.
    Refresh(Value, Option<Answer>),
}

impl Create {
    /// The account of this number.
    pub fn new(number: usize) -> Self {
        Self { number }
    }

    /// An account that nobody else asks for.
    pub fn beside(&self) -> Self {
        Self { number: self.number + BESIDE }
    }

    /// Its address.
    pub fn email(&self) -> String {
        format!("account{}@example.com", self.number)
    }

    /// Its username.
    pub fn username(&self) -> String {
        format!("name{}", self.number)
    }

    /// A login's body.
    pub fn credentials(&self) -> Value {
        json!({"email": self.email(), "password": PASSWORD})
    }

    /// Asks for it, the same each time.
    ///
    /// # Errors
    ///
    /// There is no whole answer.
    pub async fn send(&self, client: &Client) -> Result<Answer, String> {
        let body = json!({"email": self.email(), "username": self.username(), "password": PASSWORD});
        let key = format!("key-{}", self.number);
        client
            .send(client.request(Method::POST, "/create-account").header("idempotency-key", key), body.to_string())
            .await
    }
}

struct Work {
    waiting: Mutex<VecDeque<Deed>>,
    done: Mutex<Vec<Done>>,
    answered: AtomicUsize,
}

/// Lets clients do these deeds, and kills the server a moment after `enough` of them were answered, or all.
pub async fn until_killed(process: Process, deeds: Vec<Deed>, enough: usize, pause: Duration) -> Vec<Done> {
    let enough = enough.min(deeds.len());
    let work =
        Arc::new(Work { waiting: Mutex::new(deeds.into()), done: Mutex::default(), answered: AtomicUsize::new(0) });
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(at_work(work.clone(), process.client()));
    }
    while work.answered.load(Ordering::Acquire) < enough {
        time::sleep(Duration::from_millis(1)).await;
    }
    time::sleep(pause).await;
    process.server.signal(Signal::KILL);
    clients.join_all().await;
    process.kill();
    let mut done = std::mem::take(&mut *locked(&work.done));
    done.extend(std::mem::take(&mut *locked(&work.waiting)).into_iter().map(Done::NotBegun));
    done
}

async fn at_work(work: Arc<Work>, client: Client) {
    loop {
        let Some(deed) = locked(&work.waiting).pop_front() else { return };
        let (done, is_answered) = match deed {
            Deed::Create(create) => {
                let answer = create.send(&client).await.ok();
                let is_answered = answer.is_some();
                (Done::Create(create, answer), is_answered)
            }
            Deed::Refresh(token) => {
                let answer = client.post("/refresh", &token).await.ok();
                let is_answered = answer.is_some();
                (Done::Refresh(token, answer), is_answered)
            }
        };
        locked(&work.done).push(done);
        if !is_answered {
            return;
        }
        work.answered.fetch_add(1, Ordering::Release);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
