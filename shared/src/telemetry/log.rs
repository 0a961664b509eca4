//! Logs on standard error: one JSON object a line, or short lines for people.

use std::{error::Error as _, io, panic};

use json_subscriber::JsonLayer;
use tracing::Subscriber;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{MakeWriter, time::SystemTime},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::text::TextLines;
use crate::error::{Error, chain};

/// The crates that log at the chosen level. All others log at `warn` at most: below `warn`, the
/// AWS SDK writes whole requests, with password hashes in them.
const OWN: [&str; 12] = [
    "account",
    "admin",
    "create_account",
    "jwt",
    "latchkey",
    "login",
    "logout",
    "refresh",
    "rotate_keys",
    "shared",
    "verify",
    "well_known",
];

/// The format of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Google Cloud, which reads the level of a line from `severity`, in its own words.
    GoogleCloud,
    /// AWS or a laptop.
    Elsewhere,
    /// Short lines for people at a terminal.
    Text {
        /// Whether the terminal shows colours.
        colour: bool,
    },
}

/// Starts logging for `service` at `level`. A panic is logged as one line too.
pub fn start(service: &'static str, level: &str, place: LogFormat) {
    let filter = filter(level);
    let (json, text) = match place {
        LogFormat::Text { colour } => (None, Some(TextLines { writer: io::stderr, colour })),
        LogFormat::GoogleCloud | LogFormat::Elsewhere => (Some(lines(service, place, io::stderr)), None),
    };
    // Fails only if logging was started before.
    let _ = tracing_subscriber::registry().with(filter).with(json).with(text).try_init();
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(alarm = "panic", location, message = panic.payload_as_str().unwrap_or_default());
    }));
}

/// The lines that are written, at this level of our own.
fn filter(level: &str) -> Targets {
    let own = level.parse().unwrap_or(tracing::Level::INFO);
    let filter = Targets::new().with_default(tracing::Level::WARN).with_targets(OWN.map(|name| (name, own)));
    // This target repeats, by `Debug`, a panic that the hook has logged as a fault.
    let filter = filter.with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    // The SDK reports as a fault that the embedded DynamoDB has no connections to close.
    filter.with_target("aws_smithy_runtime::client::http::connection_poisoning", LevelFilter::OFF)
}

/// One JSON object a line. The keys of the event, the request and the invocation are at its top.
fn lines<S, W>(service: &'static str, place: LogFormat, writer: W) -> JsonLayer<S, W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    let mut lines = JsonLayer::new(writer);
    lines.with_timer("timestamp", SystemTime);
    lines.with_level("level");
    if place == LogFormat::GoogleCloud {
        lines.add_dynamic_field("severity", |event, _| Some(severity(*event.metadata().level())));
    }
    lines.add_static_field("service", service.into());
    lines.with_target("target");
    lines.with_flattened_event();
    lines.with_top_level_flattened_span_list();
    lines
}

/// A level in the words of Cloud Logging's `LogSeverity`.
fn severity(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "ERROR",
        tracing::Level::WARN => "WARNING",
        tracing::Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

/// Logs the cause of a fault. The caller does not see the cause.
pub fn fault(error: &Error) {
    let Some(cause) = error.source() else { return };
    let (status, code) = error.status_and_code();
    tracing::error!(status, code, cause = chain(cause), "fault");
}

/// The log, for tests.
#[cfg(test)]
pub mod kept {
    use std::{fs, sync::Mutex};

    use serde_json::Value;
    use tempfile::NamedTempFile;
    use tracing::subscriber::{DefaultGuard, set_default};

    use super::*;

    /// The log of this thread, kept until it is read.
    pub struct Log {
        file: NamedTempFile,
        _started: DefaultGuard,
    }

    impl Log {
        /// Starts to keep the log.
        pub fn start(place: LogFormat) -> Self {
            let file = NamedTempFile::new().unwrap();
            let lines = lines("login", place, Mutex::new(file.reopen().unwrap()));
            let _started = set_default(tracing_subscriber::registry().with(lines));
            Self { file, _started }
        }

        /// The lines so far.
        pub fn read(self) -> Vec<Value> {
            let text = fs::read_to_string(self.file.path()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }
}

#[cfg(test)]
mod tests {

    use axum::{
        Router,
        http::{Method, StatusCode},
    };
    use serde_json::{Value, json};

    use super::{kept::Log, *};
    use crate::{telemetry::audit, testing::Service};

    #[test]
    fn all_that_is_said_of_a_line_is_at_its_top() {
        let log = Log::start(LogFormat::Elsewhere);
        let invocation = tracing::error_span!("invocation", cold_start = true, function_request_id = "f-1");
        let request = || tracing::error_span!("request", request_id = "r-1", absent = None::<&str>);
        invocation.in_scope(request).in_scope(|| audit::record("login_ok", "identity", "user"));
        tracing::warn!("alone");
        let lines = log.read();
        let [told, alone] = lines.as_slice() else { panic!("{lines:?}") };
        let mut told = told.clone();
        let timestamp = told.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
        let expected = json!({
            "level": "INFO", "message": "audit", "service": "login", "target": "shared::telemetry::audit", "name": "request",
            "event": "login_ok", "identity": "identity", "user": "user",
            "cold_start": true, "function_request_id": "f-1", "request_id": "r-1",
        });
        assert_eq!(told, expected);
        assert_eq!((&alone["message"], alone.get("request_id")), (&json!("alone"), None));
    }

    #[test]
    fn what_others_log_is_written_from_warn_on_and_not_twice() {
        use tracing::Level;
        for (target, level, is_written) in [
            ("shared::telemetry", Level::INFO, true),
            ("shared::telemetry", Level::DEBUG, false),
            ("aws_smithy_runtime::client", Level::WARN, true),
            ("aws_smithy_runtime::client", Level::INFO, false),
            ("aws_smithy_runtime::client::http::connection_poisoning", Level::ERROR, false),
            ("lambda_runtime::layers::panic", Level::ERROR, false),
        ] {
            assert_eq!(filter("info").would_enable(target, &level), is_written, "{target} {level}");
        }
    }

    #[test]
    fn google_cloud_reads_how_severe_a_line_is_by_its_own_words() {
        let log = Log::start(LogFormat::GoogleCloud);
        tracing::error!("1");
        tracing::warn!("2");
        tracing::info!("3");
        tracing::debug!("4");
        tracing::trace!("5");
        let lines = log.read();
        let severities: Vec<_> = lines.iter().map(|line| line["severity"].as_str().unwrap()).collect();
        assert_eq!(severities, ["ERROR", "WARNING", "INFO", "DEBUG", "DEBUG"]);
    }

    /// The log line of a request whose trace is in `header`, written by Google's front end, under
    /// these variables.
    async fn told(variables: &[(&str, &str)], header: &str) -> Value {
        let service = Service::configured(Router::new(), variables).await;
        let log = Log::start(LogFormat::GoogleCloud);
        let request = service.request(Method::GET, "/nowhere").header("x-cloud-trace-context", header);
        assert_eq!(request.header("x-request-id", "r-1").send().await.status, StatusCode::NOT_FOUND);
        let told = log.read().pop().unwrap();
        assert_eq!((&told["request_id"], &told["status"]), (&json!("r-1"), &json!(404)));
        told
    }

    #[tokio::test]
    async fn on_cloud_run_a_line_names_the_trace_of_the_front_end() {
        const KEY: &str = "logging.googleapis.com/trace";
        let [service, keys, project] =
            [("K_SERVICE", "latchkey"), ("SIGNING_KEYS_FILE", "/keys.json"), ("GOOGLE_CLOUD_PROJECT", "my-project")];
        let on_cloud_run = [service, keys, project];
        let header = "105445aa7843bc8bf206b12000100000/1;o=1";
        let expected = json!("projects/my-project/traces/105445aa7843bc8bf206b12000100000");
        assert_eq!(told(&on_cloud_run, header).await[KEY], expected);
        for header in ["", "105445aa7843bc8bf206b1200010000/1", "105445aa7843bc8bf206b1200010000\"/1", "/1;o=1"] {
            assert_eq!(told(&on_cloud_run, header).await.get(KEY), None, "{header}");
        }
        assert_eq!(told(&[keys, project], header).await.get(KEY), None, "not on Cloud Run");
        assert_eq!(told(&[service, keys], header).await.get(KEY), None, "no project");
    }
}
