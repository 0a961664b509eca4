//! Turns: of those in this process who ask about the same, one at a time.
//!
//! A thousand guesses at one account, or a thousand requests for one new account, would each hash a password before the first of
//! them has changed anything. In turn, those after it see what it did, and most need no hash.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{self, OwnedMutexGuard};

type Queue = Arc<sync::Mutex<()>>;

/// The queues of a process. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<HashMap<String, Queue>>>);

/// A turn; the next one comes when it is dropped.
#[derive(Debug)]
pub struct Turn {
    /// Whether others were before it.
    pub has_waited: bool,
    turns: Turns,
    key: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for its turn among those of the same key, in the order of asking.
    pub async fn take(&self, key: String) -> Turn {
        let queue = Arc::clone(self.lock().entry(key.clone()).or_default());
        // Made before the wait: whoever gives up waiting leaves nothing behind either.
        let mut turn = Turn { has_waited: false, turns: self.clone(), key, held: None };
        turn.held = match Arc::clone(&queue).try_lock_owned() {
            Ok(held) => Some(held),
            Err(_) => {
                turn.has_waited = true;
                Some(queue.lock_owned().await)
            }
        };
        turn
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.held = None;
        let mut queues = self.turns.lock();
        // Nobody else has a hold of it: those who wait have one each, and new ones take theirs under this lock.
        if queues.get(&self.key).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use tokio::time;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn those_of_one_key_come_one_at_a_time_and_others_do_not_wait_for_them() {
        let (turns, inside) = (Turns::default(), Arc::new(AtomicU32::new(0)));
        let first = turns.take("a".to_owned()).await;
        assert!(!first.has_waited);
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (turns, inside) = (turns.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let turn = turns.take("a".to_owned()).await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    turn.has_waited
                })
            })
            .collect();
        assert!(!turns.take("b".to_owned()).await.has_waited);
        time::sleep(Duration::from_millis(20)).await;
        drop(first);
        let mut waited = 0;
        for task in tasks {
            waited += u32::from(task.await.unwrap());
        }
        assert!(waited > 0);
        assert!(turns.lock().is_empty(), "{turns:?}");
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let turns = Turns::default();
        let first = turns.take("a".to_owned()).await;
        let second = time::timeout(Duration::from_millis(5), turns.take("a".to_owned())).await;
        assert!(second.is_err());
        drop(first);
        assert!(turns.lock().is_empty());
    }
}
