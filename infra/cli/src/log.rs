//! The log of the tool, on standard error: short lines on a terminal, else JSON.

use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};
use shared::{
    config::{Config, LogForm},
    telemetry::log::{self, LogFormat},
};

/// The form of the log, by LOG_FORMAT or by the place of standard error. Cloud Run reads JSON.
pub fn form(config: &Config) -> LogForm {
    let is_for_people = !config.on_cloud_run && io::stderr().is_terminal();
    config.telemetry.log_format.unwrap_or(if is_for_people { LogForm::Text } else { LogForm::Json })
}

/// Starts the log. A second start has no effect.
pub fn start(config: &Config) {
    let format = match form(config) {
        // NO_COLOR and a file in the place of the terminal count here.
        LogForm::Text => LogFormat::Text { colour: AutoStream::choice(&io::stderr()) != ColorChoice::Never },
        LogForm::Json if config.on_cloud_run => LogFormat::GoogleCloud,
        LogForm::Json => LogFormat::Elsewhere,
    };
    log::start("latchkey", &config.telemetry.log_level, format);
}

/// Records what the tool did, and not a request.
pub fn as_tool(record: impl FnOnce()) {
    tracing::info_span!("tool", actor = "tool").in_scope(record);
}
