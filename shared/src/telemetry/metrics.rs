//! Metrics: what CloudWatch counts and times, as lines of its embedded metric format in the functions' own log. Nothing is sent.
//!
//! | metric | unit | what |
//! |---|---|---|
//! | the words of the audit log, such as `login_ok`, `login_failed`, `login_limited`, `refresh_ok`, `refresh_token_reused` | Count | [`logs::audit`](crate::telemetry::log::audit) |
//! | `verify_ok`, `verify_failed` | Count | verifications; of each failure also one by its `reason`, the error's code |
//! | `cold_start` | Count | invocations that were a process's first |
//! | `hash_ms`, `store_ms`, `signing_ms` | Milliseconds | a password hash, a call of DynamoDB with its retries, the tokens of an answer |
//! | `signing_key_age_seconds` | Seconds | for how long the key of an access token has signed |
//!
//! Each has the dimension `service`, the name of the function. Where nothing was [started](Metrics::start), as in `latchkey serve`,
//! counting costs next to nothing.

use std::{
    io::{self, Write},
    time::Duration,
};

use ::metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tokio::time::Instant;

use crate::{error::Error, time::Timestamp};

/// Computing one password hash, without the wait for a processor.
pub const HASH_MS: &str = "hash_ms";
/// One call of DynamoDB, with what was tried again.
pub const STORE_MS: &str = "store_ms";
/// Signing the tokens of one answer.
pub const SIGNING_MS: &str = "signing_ms";
const SIGNING_KEY_AGE: &str = "signing_key_age_seconds";
const COLD_START: &str = "cold_start";
const VERIFY_OK: &str = "verify_ok";
const VERIFY_FAILED: &str = "verify_failed";

/// What is counted until it is written.
#[derive(Clone, Copy)]
pub struct Metrics(&'static Collector);

impl Metrics {
    /// Starts counting for the function `service`, once in the life of a process.
    ///
    /// # Errors
    ///
    /// It was started before.
    pub fn start(service: &'static str, namespace: &str) -> Result<Self, String> {
        let builder = Builder::new().cloudwatch_namespace(namespace.to_owned()).with_dimension("service", service);
        let collector = builder.init().map_err(|error| error.to_string())?;
        for name in [HASH_MS, STORE_MS, SIGNING_MS] {
            describe_histogram!(name, Unit::Milliseconds, "");
        }
        describe_histogram!(SIGNING_KEY_AGE, Unit::Seconds, "");
        Ok(Self(collector))
    }

    /// Writes what was counted since the last time, if anything was, for the invocation of this id: one line for each set of
    /// dimensions, in one piece.
    ///
    /// # Errors
    ///
    /// They cannot be written.
    pub fn write(self, request_id: &str, mut to: impl Write) -> io::Result<()> {
        let mut lines = Vec::new();
        self.0.set_property("function_request_id", request_id.to_owned()).flush(&mut lines)?;
        to.write_all(&lines)?;
        to.flush()
    }
}

/// Counts an event, by its word in the audit log.
pub fn count(event: &'static str) {
    describe_counter!(event, Unit::Count, "");
    counter!(event).increment(1);
}

/// Counts the first invocation of a process.
pub fn count_cold_start() {
    count(COLD_START);
}

/// Counts a verification, and a failed one by the code it was refused with too.
pub fn count_verification(refused: Option<&Error>) {
    let Some(error) = refused else { return count(VERIFY_OK) };
    count(VERIFY_FAILED);
    counter!(VERIFY_FAILED, "reason" => error.status_and_code().1).increment(1);
}

/// Records what took so long.
pub fn record(name: &'static str, took: Duration) {
    histogram!(name).record(took.as_secs_f64() * 1_000.0);
}

/// Records that the key which signs now has done so `since` then.
pub fn record_key_age(since: Timestamp, now: Timestamp) {
    histogram!(SIGNING_KEY_AGE).record((now.milliseconds() - since.milliseconds()) as f64 / 1_000.0);
}

/// Does `work`, and records what it took.
pub fn timed<T>(name: &'static str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    record(name, began.elapsed());
    done
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// All in one: a process can be started once, and what others count meanwhile is none of these names.
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
        // Of the tests beside this one.
        written();
        count("a_first");
        count("a_first");
        record("a_time_ms", Duration::from_micros(1_500));
        count_verification(Some(&Error::Credentials));
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
