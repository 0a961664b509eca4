//! Account locks: within this process, requests about one account run one after the other.
//!
//! Without a lock, a thousand parallel guesses at one account would each hash a password before
//! the first of them has changed anything. A thousand parallel requests for one new account would
//! do the same. Under a lock, the later requests see the change, and most of them need no hash.
//!
//! The crate `lockable` does the same; it would bring three more crates into every function.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{self, OwnedMutexGuard};

type Queue = Arc<sync::Mutex<()>>;

/// The locks of a process, by key. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct AccountLocks(Arc<Mutex<HashMap<String, Queue>>>);

/// A lock that is held. Dropping it lets the next request in.
#[derive(Debug)]
pub struct AccountLock {
    /// Whether another request held the lock before.
    pub has_waited: bool,
    locks: AccountLocks,
    key: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl AccountLocks {
    /// Waits for the lock of `key`. Requests get the lock in the order in which they asked.
    pub async fn lock(&self, key: String) -> AccountLock {
        let queue = Arc::clone(self.queues().entry(key.clone()).or_default());
        // Made before the wait, so that a request that gives up leaves nothing behind.
        let mut lock = AccountLock { has_waited: false, locks: self.clone(), key, held: None };
        lock.held = match Arc::clone(&queue).try_lock_owned() {
            Ok(held) => Some(held),
            Err(_) => {
                lock.has_waited = true;
                Some(queue.lock_owned().await)
            }
        };
        lock
    }

    /// The lock of `key`, if no request holds it. Does not wait. A key may name something else than
    /// an account, such as an address.
    pub fn try_lock(&self, key: String) -> Option<AccountLock> {
        let queue = Arc::clone(self.queues().entry(key.clone()).or_default());
        let held = queue.try_lock_owned().ok()?;
        Some(AccountLock { has_waited: false, locks: self.clone(), key, held: Some(held) })
    }

    fn queues(&self) -> std::sync::MutexGuard<'_, HashMap<String, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AccountLock {
    fn drop(&mut self) {
        self.held = None;
        let mut queues = self.locks.queues();
        // The count is 1 if nobody waits: a waiting request has a reference, and a new one needs
        // the mutex of the map first.
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
    async fn requests_with_one_key_run_one_at_a_time_and_others_do_not_wait_for_them() {
        let (locks, inside) = (AccountLocks::default(), Arc::new(AtomicU32::new(0)));
        let first = locks.lock("a".to_owned()).await;
        assert!(!first.has_waited);
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (locks, inside) = (locks.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let lock = locks.lock("a".to_owned()).await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    lock.has_waited
                })
            })
            .collect();
        assert!(!locks.lock("b".to_owned()).await.has_waited);
        // Each waiting request has a reference, beside those of the map and of the first request.
        while Arc::strong_count(&locks.queues()["a"]) < 2 + tasks.len() {
            tokio::task::yield_now().await;
        }
        drop(first);
        let mut waited = 0;
        for task in tasks {
            waited += u32::from(task.await.unwrap());
        }
        assert!(waited > 0);
        assert!(locks.queues().is_empty(), "{locks:?}");
    }

    #[tokio::test]
    async fn a_lock_that_is_held_is_refused_to_who_does_not_wait() {
        let locks = AccountLocks::default();
        let first = locks.try_lock("a".to_owned());
        assert!(
            first.is_some() && locks.try_lock("a".to_owned()).is_none() && locks.try_lock("b".to_owned()).is_some()
        );
        drop(first);
        assert!(locks.try_lock("a".to_owned()).is_some());
        assert!(locks.queues().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_gives_up_waiting_leaves_nothing_behind() {
        let locks = AccountLocks::default();
        let first = locks.lock("a".to_owned()).await;
        let second = time::timeout(Duration::from_millis(5), locks.lock("a".to_owned())).await;
        assert!(second.is_err());
        drop(first);
        assert!(locks.queues().is_empty());
    }
}
