//! A cache that refreshes itself: one load at a time, shared by all requests that wait for it. The
//! last good value stays, whatever a later load brings.
//!
//! The crates for caches do not fit: they drop a value at the end of its time. Nor do they know a
//! process that Lambda freezes in the middle of a load.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{sync::watch, time};
use tracing::Instrument;

use crate::time::Timestamp;

/// The time after which a load counts as dead: Lambda may freeze a process in the middle of one.
const LOAD_TIME_MAX: Duration = Duration::from_secs(3);

/// Whether less than `interval` lies between both moments, whichever is the later. Requests do not
/// come in the order in which they read the clock, and a clock may be set back.
pub(super) fn is_within(moment: Timestamp, interval: Duration, now: Timestamp) -> bool {
    now < moment + interval && moment < now + interval
}

/// The patience of a cache.
#[derive(Clone, Copy)]
pub(super) struct Policy {
    /// The longest wait of a request that nothing in the cache can answer.
    pub cold_wait: Duration,
    /// The longest wait for a newer value than the one that could answer.
    pub warm_wait: Duration,
    /// The shortest time from the start of a failed load to the next load in the background.
    pub retry: Duration,
    /// The same for a load that a request waits for because nothing can answer it.
    pub retry_cold: Duration,
    /// The time for which a stale value serves at once after a request waited and got nothing
    /// newer.
    pub failing: Duration,
    /// The shortest time between two loads for something that a fresh value lacks. Without this
    /// limit, made-up ids would be a free way to cause loads.
    pub early: Duration,
    /// Whether a stale value that lacks the thing asked for counts as no value.
    pub is_cold_without_match: bool,
}

/// A value and its times.
pub(super) struct Entry<T> {
    pub value: Arc<T>,
    /// The time of the load that brought the value.
    pub loaded_at: Timestamp,
    /// The age from which a request waits for a newer value.
    pub fresh_for: Duration,
    /// The age from which a newer value is loaded behind an answer.
    pub renew_after: Duration,
}

impl<T> Entry<T> {
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        is_within(self.loaded_at, self.fresh_for, now)
    }
}

/// The entry that a load makes of its source and of the value before it, or a sentence for the log.
pub(super) type Loading<T> = Pin<Box<dyn Future<Output = Result<Entry<T>, String>> + Send>>;
/// Starts a load at a time, with the value that is held then.
pub(super) type Load<T> = dyn Fn(Option<Arc<T>>, Timestamp) -> Loading<T> + Send + Sync;

struct State<T> {
    entry: Option<Entry<T>>,
    /// The start of the load that is under way.
    loading_since: Option<Timestamp>,
    /// The number of loads that have ended.
    loads_done: u64,
    /// The start of the last load and its cause, if it failed.
    failed: Option<(Timestamp, String)>,
    /// The last time at which a request waited and got nothing newer. A failed load behind an
    /// answer does not count: Lambda may have frozen the process in the middle of it.
    last_wait_failed_at: Option<Timestamp>,
    /// The last time at which something that was not found caused a load.
    early_load_at: Option<Timestamp>,
}

impl<T> State<T> {
    fn is_loading(&self, now: Timestamp) -> bool {
        self.loading_since.is_some_and(|began| is_within(began, LOAD_TIME_MAX, now))
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.is_fresh(now))
    }

    fn failed_within(&self, interval: Duration, now: Timestamp) -> bool {
        self.failed.as_ref().is_some_and(|(began, _)| is_within(*began, interval, now))
    }

    fn look(&self, now: Timestamp, loads_before: u64, matches: impl Fn(&T) -> bool) -> Found<T> {
        let value = self.entry.as_ref().map(|entry| entry.value.clone());
        Found {
            is_match: value.as_deref().is_some_and(matches),
            value,
            is_fresh: self.is_fresh(now),
            has_loaded: self.loads_done != loads_before,
            is_loading: self.is_loading(now),
            cause: self.failed.as_ref().map(|(_, cause)| cause.clone()),
        }
    }

    /// Whether something that is not found may cause a load; if so, the load counts.
    fn may_load_early(&mut self, interval: Duration, now: Timestamp) -> bool {
        let allowed = self.early_load_at.is_none_or(|loaded| !is_within(loaded, interval, now));
        if allowed {
            self.early_load_at = Some(now);
        }
        allowed
    }
}

/// The cache as a request finds it, all of one moment.
pub(super) struct Found<T> {
    /// The newest value.
    pub value: Option<Arc<T>>,
    /// Whether the value has the thing that the request needs.
    pub is_match: bool,
    /// Whether the value is fresh.
    pub is_fresh: bool,
    /// Whether a load has ended since the request came.
    pub has_loaded: bool,
    /// Whether a load is under way.
    pub is_loading: bool,
    /// The cause, if the last load failed.
    pub cause: Option<String>,
}

/// A cache of one value. Cloning shares it.
pub(super) struct RefreshingCache<T> {
    state: Arc<watch::Sender<State<T>>>,
    load: Arc<Load<T>>,
    policy: Policy,
}

impl<T> Clone for RefreshingCache<T> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), load: self.load.clone(), policy: self.policy }
    }
}

impl<T: Send + Sync + 'static> RefreshingCache<T> {
    /// An empty cache; nothing is loaded yet.
    pub(super) fn new(
        policy: Policy,
        load: impl Fn(Option<Arc<T>>, Timestamp) -> Loading<T> + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            entry: None,
            loading_since: None,
            loads_done: 0,
            failed: None,
            last_wait_failed_at: None,
            early_load_at: None,
        };
        Self { state: Arc::new(watch::Sender::new(state)), load: Arc::new(load), policy }
    }

    /// The value for a request that needs one with `matches`, loaded or renewed as far as the
    /// policy allows.
    pub(super) async fn find(&self, now: Timestamp, matches: impl Fn(&T) -> bool) -> Found<T> {
        // Only a load that ends from here on can bring more than the cache holds now.
        let loads_before = self.state.borrow().loads_done;
        let look = || self.state.borrow().look(now, loads_before, &matches);
        let mut found = look();
        let is_cold = self.policy.is_cold_without_match && !found.is_fresh && !found.is_match;
        if found.value.is_none() || is_cold {
            self.load_cold(now, loads_before).await;
            return look();
        }
        if found.is_fresh || self.is_failing(now) {
            self.renew(now, loads_before);
        } else {
            self.start_load(now, loads_before, |_| true);
            self.wait_for_load(now, loads_before, self.policy.warm_wait).await;
            found = look();
        }
        if !found.is_match {
            self.load_early(now, loads_before).await;
            found = look();
        }
        found
    }

    /// Whether a request waited in vain not long ago, so that a stale value serves at once.
    fn is_failing(&self, now: Timestamp) -> bool {
        self.state.borrow().last_wait_failed_at.is_some_and(|waited| is_within(waited, self.policy.failing, now))
    }

    /// Starts a load behind the answer, if it is time for one.
    fn renew(&self, now: Timestamp, loads_before: u64) {
        self.start_load(now, loads_before, |state| {
            let is_due = state.entry.as_ref().is_none_or(|entry| !is_within(entry.loaded_at, entry.renew_after, now));
            is_due && !state.failed_within(self.policy.retry, now)
        });
    }

    /// Loads what a request cannot do without, once the pause after a failed load is over.
    async fn load_cold(&self, now: Timestamp, loads_before: u64) {
        let failed = self.state.borrow().failed.as_ref().map(|(began, _)| *began);
        let pause = failed.map_or(0, |began| (began + self.policy.retry_cold).milliseconds() - now.milliseconds());
        let pause = Duration::from_millis(u64::try_from(pause).unwrap_or_default()).min(self.policy.retry_cold);
        if !pause.is_zero() {
            time::sleep(pause).await;
        }
        let now = now + pause;
        self.start_load(now, loads_before, |_| true);
        self.wait_for_load(now, loads_before, self.policy.cold_wait.saturating_sub(pause)).await;
    }

    /// Loads for something that the value lacks, at most once in a while.
    async fn load_early(&self, now: Timestamp, loads_before: u64) {
        self.start_load(now, loads_before, |state| state.may_load_early(self.policy.early, now));
        if self.state.borrow().is_loading(now) {
            let _ = time::timeout(self.policy.warm_wait, self.load_ended(loads_before)).await;
        }
    }

    /// Waits for a load, and records a wait that brought nothing fresh.
    async fn wait_for_load(&self, now: Timestamp, loads_before: u64, wait: Duration) {
        let _ = time::timeout(wait, self.load_ended(loads_before)).await;
        self.state.send_if_modified(|state| {
            if !state.is_fresh(now) {
                state.last_wait_failed_at = Some(now);
            }
            false
        });
    }

    async fn load_ended(&self, loads_before: u64) {
        // An error would be the end of the sender, which is `self`.
        let _ = self.state.subscribe().wait_for(|state| state.loads_done != loads_before).await;
    }

    /// Starts a load, unless one is under way, one has ended since `loads_before`, or `allows` says
    /// no. `allows` runs at the moment of the start, so that the next request finds the load under
    /// way. The load goes on after the request that started it: other requests wait for it too.
    fn start_load(&self, now: Timestamp, loads_before: u64, allows: impl FnOnce(&mut State<T>) -> bool) {
        let mut previous = None;
        self.state.send_if_modified(|state| {
            if state.loads_done == loads_before && !state.is_loading(now) && allows(state) {
                state.loading_since = Some(now);
                previous = Some(state.entry.as_ref().map(|entry| entry.value.clone()));
            }
            false
        });
        if let Some(previous) = previous {
            let (cache, loading) = (self.clone(), (self.load)(previous, now));
            // The log lines of the load belong to the request that started it.
            tokio::spawn(async move { cache.end_load(now, loading.await) }.in_current_span());
        }
    }

    fn end_load(&self, began: Timestamp, outcome: Result<Entry<T>, String>) {
        self.state.send_if_modified(|state| {
            // A newer load was started after a freeze, and its outcome counts.
            if state.loading_since != Some(began) {
                return false;
            }
            match outcome {
                Ok(entry) => (state.entry, state.failed) = (Some(entry), None),
                Err(cause) => state.failed = Some((began, cause)),
            }
            state.loading_since = None;
            state.loads_done += 1;
            true
        });
    }
}
