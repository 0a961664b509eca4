//! The steps of a paused clock.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use tokio::{
    task::{self, JoinHandle},
    time::{self, Instant},
};

/// One step of [`Steps`], and the pause before the next one.
const STEP: Duration = Duration::from_millis(1);
const BETWEEN_STEPS: Duration = Duration::from_micros(250);

/// Moves tokio's paused clock step by step while sockets are in use, until it is dropped.
///
/// A paused clock jumps to the next timer as soon as the runtime has nothing to do. A runtime that
/// waits for a socket has nothing to do, so every time-out would end at once. Steps keep the clock
/// from jumping. Each step waits for a turn of the runtime, so a busy machine delays the clock as
/// much as the work.
pub struct Steps(JoinHandle<()>);

impl Steps {
    /// Starts to move the clock of this thread's runtime, if the clock is paused. Users at the same
    /// time share the steps.
    pub fn of_paused_clock() -> Option<Arc<Self>> {
        thread_local! {
            static STARTED: RefCell<Weak<Steps>> = RefCell::default();
        }
        if !is_paused() {
            return None;
        }
        STARTED.with_borrow_mut(|started| {
            let steps = started.upgrade().unwrap_or_else(|| Arc::new(Self(tokio::spawn(step_by_step()))));
            *started = Arc::downgrade(&steps);
            Some(steps)
        })
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn step_by_step() {
    // The clock does not jump while a blocking thread is at work. The thread is cancelled when the
    // runtime ends.
    while task::spawn_blocking(|| thread::sleep(BETWEEN_STEPS)).await.is_ok() {
        time::advance(STEP).await;
    }
}

/// Tells a paused clock by its showing the same nanosecond twice.
fn is_paused() -> bool {
    let before = Instant::now();
    thread::sleep(Duration::from_micros(1));
    before == Instant::now()
}
