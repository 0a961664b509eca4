//! Loads that many wait for and one makes: what is held meanwhile, and how the last load went.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tracing::Instrument;

use crate::time::Timestamp;

/// From when on a load that never ended is taken for dead: a function may be frozen in the middle of one.
const FLIGHT_MAX: Duration = Duration::from_secs(3);

/// Whether less than `interval` lies between both, whichever is the later: requests do not come here in the order in which they
/// asked for the time, and a clock may be set back.
pub(crate) fn is_within(moment: Timestamp, interval: Duration, now: Timestamp) -> bool {
    now < moment + interval && moment < now + interval
}

/// What is held, and what was tried.
#[derive(Default)]
pub(crate) struct Hold<T> {
    /// What the loads that succeeded brought.
    pub(crate) held: T,
    /// When the load that is under way began.
    flight: Option<Timestamp>,
    /// How many loads have ended.
    pub(crate) landed: u64,
    /// When the last load began and why it failed, if it did.
    failed: Option<(Timestamp, String)>,
    /// When an answer last waited for a load that brought nothing.
    in_vain: Option<Timestamp>,
    /// When something that was not found last caused a load.
    asked: Option<Timestamp>,
}

impl<T> Hold<T> {
    pub(crate) fn is_flying(&self, now: Timestamp) -> bool {
        self.flight.is_some_and(|began| is_within(began, FLIGHT_MAX, now))
    }

    /// Whether something that is not found may cause a load: not within `interval` of the last one of that kind, or made-up ids
    /// would be a free way to have loads made.
    pub(crate) fn may_ask(&mut self, interval: Duration, now: Timestamp) -> bool {
        let allowed = self.asked.is_none_or(|asked| !is_within(asked, interval, now));
        if allowed {
            self.asked = Some(now);
        }
        allowed
    }

    pub(crate) fn failed_at(&self) -> Option<Timestamp> {
        self.failed.as_ref().map(|(began, _)| *began)
    }

    pub(crate) fn failed_within(&self, interval: Duration, now: Timestamp) -> bool {
        self.failed_at().is_some_and(|began| is_within(began, interval, now))
    }

    /// Whether an answer has waited in vain within `interval`. A load behind an answer that fails says nothing of its source: a
    /// function may be frozen in the middle of it.
    pub(crate) fn in_vain_within(&self, interval: Duration, now: Timestamp) -> bool {
        self.in_vain.is_some_and(|waited| is_within(waited, interval, now))
    }

    /// Why the last load failed, if it did.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.failed.as_ref().map(|(_, cause)| cause.as_str())
    }
}

/// At most one load at a time of what is held.
#[derive(Default)]
pub(crate) struct Flights<T>(watch::Sender<Hold<T>>);

impl<T: Send + Sync + 'static> Flights<T> {
    /// What is held now. Not to be kept across an `await`.
    pub(crate) fn look(&self) -> watch::Ref<'_, Hold<T>> {
        self.0.borrow()
    }

    /// Notes that an answer waited in vain, if what is held is not `fresh` now.
    pub(crate) fn note_if_in_vain(&self, now: Timestamp, fresh: impl FnOnce(&T) -> bool) {
        self.0.send_if_modified(|hold| {
            if !fresh(&hold.held) {
                hold.in_vain = Some(now);
            }
            false
        });
    }

    /// Waits until a load has ended since `seen` had.
    pub(crate) async fn landed_since(&self, seen: u64) {
        // An error would be the end of the sender, which is `self`.
        let _ = self.0.subscribe().wait_for(|hold| hold.landed != seen).await;
    }

    /// Starts a load, unless one is under way, has ended since `seen`, or `allows` has something against it. That is asked at the
    /// moment of the start, so that whoever comes next finds the load under way. It goes on when the request that caused it
    /// does not: others wait for it too.
    pub(crate) fn take_off<L: Send>(
        self: &Arc<Self>,
        now: Timestamp,
        seen: u64,
        allows: impl FnOnce(&mut Hold<T>) -> bool,
        load: impl Future<Output = Result<L, String>> + Send + 'static,
        take_in: impl FnOnce(&mut T, L) + Send + 'static,
    ) {
        let mut starts = false;
        self.0.send_if_modified(|hold| {
            starts = hold.landed == seen && !hold.is_flying(now) && allows(hold);
            if starts {
                hold.flight = Some(now);
            }
            false
        });
        if starts {
            let flights = self.clone();
            let flight = async move {
                let outcome = load.await;
                flights.land(now, outcome, take_in);
            };
            // What it logs is of the request that sent it.
            tokio::spawn(flight.in_current_span());
        }
    }

    fn land<L>(&self, began: Timestamp, outcome: Result<L, String>, take_in: impl FnOnce(&mut T, L)) {
        self.0.send_if_modified(|hold| {
            // A newer one was sent after a freeze, and what that finds, or has found, counts instead.
            if hold.flight != Some(began) {
                return false;
            }
            match outcome {
                Ok(load) => {
                    take_in(&mut hold.held, load);
                    hold.failed = None;
                }
                Err(cause) => hold.failed = Some((began, cause)),
            }
            hold.flight = None;
            hold.landed += 1;
            true
        });
    }
}
