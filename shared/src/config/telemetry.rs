//! The log and the metrics.

use super::Environment;

/// What is logged, and where metrics go.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// `LOG_LEVEL`, info: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: String,
    /// `METRICS_NAMESPACE`, `Latchkey`: where CloudWatch keeps the metrics of the functions.
    pub metrics_namespace: String,
}

impl Telemetry {
    pub(super) fn read(env: &mut Environment) -> Self {
        Self { log_level: log_level(env), metrics_namespace: metrics_namespace(env) }
    }
}

fn log_level(env: &mut Environment) -> String {
    let level = env.text("LOG_LEVEL").unwrap_or_else(|| "info".to_owned()).to_ascii_lowercase();
    if !["error", "warn", "info", "debug", "trace"].contains(&level.as_str()) {
        env.refuse("LOG_LEVEL", "must be error, warn, info, debug or trace");
    }
    level
}

fn metrics_namespace(env: &mut Environment) -> String {
    let what = "a namespace of CloudWatch: 1 to 255 letters, digits and . - _ / # :, and not one of AWS's own";
    env.checked("METRICS_NAMESPACE", is_namespace, what).unwrap_or_else(|| "Latchkey".to_owned())
}

/// As the API reference of CloudWatch has it (PutMetricData, Namespace).
fn is_namespace(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#:".contains(&byte);
    text.len() <= 255 && text.bytes().all(fits) && !text.starts_with("AWS/")
}
