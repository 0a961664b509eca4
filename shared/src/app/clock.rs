//! The clock of a tested app.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::time::Timestamp;

/// Follows tokio's clock: a test that pauses tokio's clock pauses the app's clock too. Holds the
/// milliseconds that the test let pass besides.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicI64);

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        /// One moment by both clocks, for all apps of a test process.
        #[expect(clippy::disallowed_methods, reason = "a test has no other clock to start from")]
        static START: LazyLock<(SystemTime, std::time::Instant)> =
            LazyLock::new(|| (SystemTime::now(), std::time::Instant::now()));
        let (time, moment) = *START;
        let now = Instant::now().into_std();
        // A clock that was paused before the first app was made stands before the start.
        let time = match now.checked_duration_since(moment) {
            Some(since) => time + since,
            None => time - moment.duration_since(now),
        };
        Timestamp::from_milliseconds(Timestamp::from(time).milliseconds() + self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set_to(&self, time: Timestamp) {
        self.0.fetch_add(time.milliseconds() - self.now().milliseconds(), Ordering::Relaxed);
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
