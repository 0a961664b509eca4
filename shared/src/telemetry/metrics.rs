//! Metrics: counts and times for CloudWatch, as lines of its embedded metric format in the log of
//! the functions. Nothing is sent.
//!
//! | metric | unit | meaning |
//! |---|---|---|
//! | the words of the audit log, such as `login_ok`, `login_failed`, `login_limited`, `refresh_ok`, `refresh_token_reused` | Count | [`logs::audit`](crate::telemetry::audit::record) |
//! | `verify_ok`, `verify_failed` | Count | verifications; a failure is also counted by its `reason`, the code of the error |
//! | `cold_start` | Count | first invocations of a process |
//! | `hash_ms` | Milliseconds | a password hash |
//! | `store_ms` | Milliseconds | a call of DynamoDB with its retries |
//! | `signing_ms` | Milliseconds | the tokens of an answer |
//! | `signing_key_age_seconds` | Seconds | age of the key that signs access tokens |
//!
//! Each metric has the dimension `service`, the name of the function. Counting costs next to
//! nothing where metrics are not [started](Metrics::start), as in `latchkey serve`.

use std::{
    io::{self, Write},
    time::Duration,
};

use ::metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tokio::time::Instant;

use crate::time::Timestamp;

/// The time of one password hash, without the wait for a processor.
pub const HASH_MS: &str = "hash_ms";
/// The time of one call of DynamoDB, with its retries.
pub const STORE_MS: &str = "store_ms";
/// The time of signing the tokens of one answer.
pub const SIGNING_MS: &str = "signing_ms";
const SIGNING_KEY_AGE: &str = "signing_key_age_seconds";
const COLD_START: &str = "cold_start";
const VERIFY_OK: &str = "verify_ok";
const VERIFY_FAILED: &str = "verify_failed";

/// The counters since the last flush.
#[derive(Clone, Copy)]
pub struct Metrics(&'static Collector);

impl Metrics {
    /// Starts counting for the function `service`, once in the life of a process.
    ///
    /// # Errors
    ///
    /// Counting was started before.
    pub fn start(service: &'static str, namespace: &str) -> Result<Self, String> {
        let builder = Builder::new().cloudwatch_namespace(namespace.to_owned()).with_dimension("service", service);
        let collector = builder.init().map_err(|error| error.to_string())?;
        for name in [HASH_MS, STORE_MS, SIGNING_MS] {
            describe_histogram!(name, Unit::Milliseconds, "");
        }
        describe_histogram!(SIGNING_KEY_AGE, Unit::Seconds, "");
        Ok(Self(collector))
    }

    /// Writes the counters since the last flush, for the invocation with this id: one line for
    /// each set of dimensions, in one piece.
    ///
    /// # Errors
    ///
    /// The lines cannot be written.
    pub fn write(self, request_id: &str, mut to: impl Write) -> io::Result<()> {
        let mut lines = Vec::new();
        self.0.set_property("function_request_id", request_id.to_owned()).flush(&mut lines)?;
        to.write_all(&lines)?;
        to.flush()
    }
}

/// Counts an event by its word in the audit log.
pub fn count(event: &'static str) {
    describe_counter!(event, Unit::Count, "");
    counter!(event).increment(1);
}

/// Counts the first invocation of a process.
pub fn count_cold_start() {
    count(COLD_START);
}

/// Counts a verification. A failed one is also counted by its `reason`, the code of the refusal.
pub fn count_verification(reason: Option<&'static str>) {
    let Some(reason) = reason else { return count(VERIFY_OK) };
    count(VERIFY_FAILED);
    counter!(VERIFY_FAILED, "reason" => reason).increment(1);
}

/// Records a time.
pub fn record(name: &'static str, took: Duration) {
    histogram!(name).record(took.as_secs_f64() * 1_000.0);
}

/// Records the age of the key that signs now, which has signed `since` then.
pub fn record_key_age(since: Timestamp, now: Timestamp) {
    histogram!(SIGNING_KEY_AGE).record((now.milliseconds() - since.milliseconds()) as f64 / 1_000.0);
}

/// Does `work`, and records the time it took.
pub fn timed<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    record(name, began.elapsed());
    done
}

/// Awaits `work`, and records the time it took.
pub async fn timed_async<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = work.await;
    record(name, began.elapsed());
    done
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// One test for all: metrics start once in a process. Other tests count under other names.
    #[test]
    fn what_is_counted_is_written_once_in_cloudwatchs_embedded_metric_format() {
        let metrics = Metrics::start("login", "latchkey-dev").unwrap();
        assert!(Metrics::start("login", "latchkey-dev").is_err());
        let written = || {
            let mut lines = Vec::new();
            metrics.write("id-1", &mut lines).unwrap();
            let lines: Vec<Value> =
                String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            lines
        };
        // The counts of other tests.
        written();
        count("a_first");
        count("a_first");
        record("a_time_ms", Duration::from_micros(1_500));
        count_verification(Some("invalid_credentials"));
        let lines = written();
        let [all, by_reason] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((&all["a_first"], &all["verify_failed"]), (&json!(2), &json!(1)));
        assert_eq!(all["a_time_ms"], json!([1.5]));
        assert_eq!((&all["service"], &all["function_request_id"]), (&json!("login"), &json!("id-1")));
        let directive = &all["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&directive["Namespace"], &directive["Dimensions"]),
            (&json!("latchkey-dev"), &json!([["service"]]))
        );
        assert!(directive["Metrics"].as_array().unwrap().contains(&json!({"Name": "a_first", "Unit": "Count"})));
        let directive = &by_reason["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["service", "reason"]]));
        assert_eq!((&by_reason["reason"], &by_reason["verify_failed"]), (&json!("invalid_credentials"), &json!(1)));
        assert!(written().iter().all(|line| line.get("a_first").is_none()), "only once");
    }
}
