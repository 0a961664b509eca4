//! The wall clock, in milliseconds since the Unix epoch, which is the unit of every time here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "programs under test have the same clock, and no other")]
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(elapsed.as_millis()).expect("a clock before the year 292 million")
}

/// Waits for this number of milliseconds. A negative number means no wait.
pub async fn sleep(milliseconds: i64) {
    time::sleep(Duration::from_millis(milliseconds.try_into().unwrap_or_default())).await;
}

/// Waits until this time.
pub async fn sleep_until(time: i64) {
    sleep(time - now()).await;
}
