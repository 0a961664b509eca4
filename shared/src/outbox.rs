//! Effects outside of the table that wait in it, such as mails and endings at Firebase.
//!
//! A handler writes the effect in the transaction of its event, and tells of it after the commit.
//! The task of a server, or a function on the table's stream, then carries the effect out.

mod drain;

use std::sync::OnceLock;

use tokio::sync::mpsc;

pub use drain::{Attempt, attempt_each, drain};

/// The most effects that wait in one process. Limits on requests keep the number far below.
const WAITING_MAX: usize = 10_000;

/// The outcome of an attempt to carry an effect out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// There is nothing left to do.
    Done,
    /// The other side failed for a while. The effect waits for another attempt.
    Later,
}

/// The way from a handler to the task in the same process, such as `latchkey serve`. On Lambda
/// nobody listens, because the table's stream tells the function.
#[derive(Debug, Default)]
pub struct Outbox(OnceLock<mpsc::Sender<String>>);

impl Outbox {
    /// Tells the task of an effect that was committed. An effect that is not told, because nobody
    /// listens or too many wait, stays in the table.
    pub fn tell(&self, id: &str) {
        if let Some(sender) = self.0.get()
            && let Err(error) = sender.try_send(id.to_owned())
        {
            tracing::error!(cause = %error, "the task is not told of an effect that waits in the table");
        }
    }

    /// The ids of effects from now on. `None` if somebody listens already.
    pub fn listen(&self) -> Option<mpsc::Receiver<String>> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.0.set(sender).ok().map(|()| receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_reaches_the_one_who_listens_and_nobody_waits_for_the_task() {
        let outbox = Outbox::default();
        outbox.tell("before");
        let mut effects = outbox.listen().unwrap();
        assert!(outbox.listen().is_none());
        for number in 0..=WAITING_MAX {
            outbox.tell(&number.to_string());
        }
        let told: Vec<_> = std::iter::from_fn(|| effects.try_recv().ok()).collect();
        assert_eq!((told.len(), told.first().map(String::as_str)), (WAITING_MAX, Some("0")));
    }
}
