//! The operations of clients whose server is killed.

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

/// The number of concurrent clients.
const CLIENTS: usize = 4;
/// The password of every account.
pub const PASSWORD: &str = "correct horse battery";
/// More than the number of accounts.
const SIBLING_OFFSET: usize = 1_000_000;

/// A create of an account, repeated until there is an answer.
pub struct Create {
    number: usize,
}

/// An operation to send.
pub enum Operation {
    /// A create of an account.
    Create(Create),
    /// A refresh with this body.
    Refresh(Value),
}

/// The outcome of an operation. The answer is `None` if no complete one arrived.
pub enum Outcome {
    /// The server was dead before the operation was sent.
    NotStarted(Operation),
    /// A create of an account.
    Create(Create, Option<Answer>),
    /// A refresh with this body.
    Refresh(Value, Option<Answer>),
}

impl Create {
    /// The create with this number.
    pub fn new(number: usize) -> Self {
        Self { number }
    }

    /// A create of another account, which no other operation uses.
    pub fn sibling(&self) -> Self {
        Self { number: self.number + SIBLING_OFFSET }
    }

    /// The e-mail address.
    pub fn email(&self) -> String {
        format!("account{}@example.com", self.number)
    }

    /// The username.
    pub fn username(&self) -> String {
        format!("name{}", self.number)
    }

    /// The body of a login.
    pub fn credentials(&self) -> Value {
        json!({"email": self.email(), "password": PASSWORD})
    }

    /// Sends the create, with the same idempotency key each time.
    ///
    /// # Errors
    ///
    /// No complete answer arrives.
    pub async fn send(&self, client: &Client) -> Result<Answer, String> {
        let body = json!({"email": self.email(), "username": self.username(), "password": PASSWORD});
        let key = format!("key-{}", self.number);
        client
            .send(client.request(Method::POST, "/create-account").header("idempotency-key", key), body.to_string())
            .await
    }
}

/// The operations, shared by the clients.
struct Queue {
    waiting: Mutex<VecDeque<Operation>>,
    done: Mutex<Vec<Outcome>>,
    answered: AtomicUsize,
}

/// Lets clients run the operations, and kills the server `pause` after `enough` answers.
pub async fn run_until_killed(
    process: Process,
    operations: Vec<Operation>,
    enough: usize,
    pause: Duration,
) -> Vec<Outcome> {
    let enough = enough.min(operations.len());
    let queue = Arc::new(Queue {
        waiting: Mutex::new(operations.into()),
        done: Mutex::default(),
        answered: AtomicUsize::new(0),
    });
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(run_client(queue.clone(), process.client()));
    }
    while queue.answered.load(Ordering::Acquire) < enough {
        time::sleep(Duration::from_millis(1)).await;
    }
    time::sleep(pause).await;
    process.server.signal(Signal::KILL);
    clients.join_all().await;
    process.kill();
    let mut done = std::mem::take(&mut *locked(&queue.done));
    done.extend(std::mem::take(&mut *locked(&queue.waiting)).into_iter().map(Outcome::NotStarted));
    done
}

async fn run_client(queue: Arc<Queue>, client: Client) {
    loop {
        let Some(operation) = locked(&queue.waiting).pop_front() else { return };
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
        locked(&queue.done).push(done);
        if !is_answered {
            return;
        }
        queue.answered.fetch_add(1, Ordering::Release);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
