//! The log and the metrics.

use super::Environment;

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// One short line a request, for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The detail of the log, and the place of the metrics.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// Sets the least severity that is logged. Defaults to `info`. Accepts `error`, `warn`, `info`,
    /// `debug` or `trace`. Read from `LOG_LEVEL`.
    pub log_level: String,
    /// Sets the form of the log: a short line for people, or one JSON object a line for programs.
    /// Defaults to text on a terminal, else JSON. Accepts `text` or `json`. Read from `LOG_FORMAT`
    /// on Cloud Run and a laptop. The functions on Lambda write JSON alone, which their metrics
    /// need. Text leaves out the audit lines of requests, so keep a log as JSON.
    pub log_format: Option<LogForm>,
    /// Names the namespace of the functions' metrics in CloudWatch. Defaults to `Latchkey`. Accepts
    /// 1 to 255 letters, digits and `. - _ / # :`. Read from `METRICS_NAMESPACE` on Lambda. A name
    /// that begins with `AWS/` is refused. `template.yaml` sets the stack's name.
    pub metrics_namespace: String,
}

impl Telemetry {
    pub(super) fn read(env: &mut Environment) -> Self {
        Self { log_level: log_level(env), log_format: log_format(env), metrics_namespace: metrics_namespace(env) }
    }
}

fn log_level(env: &mut Environment) -> String {
    let level = env.word("LOG_LEVEL").unwrap_or_else(|| "info".to_owned());
    if !["error", "warn", "info", "debug", "trace"].contains(&level.as_str()) {
        env.refuse("LOG_LEVEL", "must be error, warn, info, debug or trace");
    }
    level
}

fn log_format(env: &mut Environment) -> Option<LogForm> {
    match env.word("LOG_FORMAT")?.as_str() {
        "text" => Some(LogForm::Text),
        "json" => Some(LogForm::Json),
        _ => {
            env.refuse("LOG_FORMAT", "must be text or json");
            None
        }
    }
}

fn metrics_namespace(env: &mut Environment) -> String {
    let what = "a namespace of CloudWatch: 1 to 255 letters, digits and . - _ / # :, and not one of AWS's own";
    env.checked("METRICS_NAMESPACE", is_namespace, what).unwrap_or_else(|| "Latchkey".to_owned())
}

/// Whether CloudWatch accepts this namespace (API reference, PutMetricData).
fn is_namespace(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#:".contains(&byte);
    text.len() <= 255 && text.bytes().all(fits) && !text.starts_with("AWS/")
}
