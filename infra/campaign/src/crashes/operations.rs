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
const SIBLING_OFFSET: usize = 1_000_000;

/// A new account, asked for until there is an answer.
pub struct Create {
    number: usize,
}

/// What is asked for.
pub enum Operation {
    /// A new account.
    Create(Create),
    /// A refresh with this body.
    Refresh(Value),
}

/// What became of it; no answer where there is none that is whole.
pub enum Outcome {
    /// The server was dead before.
    NotStarted(Operation),
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

    /// An account that nobody else requests for.
    pub fn sibling(&self) -> Self {
        Self { number: self.number + SIBLING_OFFSET }
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
    waiting: Mutex<VecDeque<Operation>>,
    done: Mutex<Vec<Outcome>>,
    answered: AtomicUsize,
}

/// Lets clients do these operations, and kills the server a moment after `enough` of them were answered, or all.
pub async fn run_until_killed(
    process: Process,
    operations: Vec<Operation>,
    enough: usize,
    pause: Duration,
) -> Vec<Outcome> {
    let enough = enough.min(operations.len());
    let work = Arc::new(Work {
        waiting: Mutex::new(operations.into()),
        done: Mutex::default(),
        answered: AtomicUsize::new(0),
    });
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(run_client(work.clone(), process.client()));
    }
    while work.answered.load(Ordering::Acquire) < enough {
        time::sleep(Duration::from_millis(1)).await;
    }
    time::sleep(pause).await;
    process.server.signal(Signal::KILL);
    clients.join_all().await;
    process.kill();
    let mut done = std::mem::take(&mut *locked(&work.done));
    done.extend(std::mem::take(&mut *locked(&work.waiting)).into_iter().map(Outcome::NotStarted));
    done
}

async fn run_client(work: Arc<Work>, client: Client) {
    loop {
        let Some(operation) = locked(&work.waiting).pop_front() else { return };
        let (done, is_answered) = match operation {
            Operation::Create(create) => {
                let answer = create.send(&client).await.ok();
                let is_answered = answer.is_some();
                (Outcome::Create(create, answer), is_answered)
            }
            Operation::Refresh(token) => {
                let answer = client.post("/refresh", &token).await.ok();
                let is_answered = answer.is_some();
                (Outcome::Refresh(token, answer), is_answered)
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
