//! The log of the tool, on standard error.

use shared::{
    config::Config,
    telemetry::log::{self, LogFormat},
};

/// Starts the log of a command that changes something. A second start has no effect.
pub fn start(config: &Config) {
    log::start("latchkey", &config.telemetry.log_level, LogFormat::Elsewhere);
}

/// Records what the tool did, and not a request.
pub fn as_tool(record: impl FnOnce()) {
    tracing::info_span!("tool", actor = "tool").in_scope(record);
}
