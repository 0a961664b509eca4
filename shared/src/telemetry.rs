//! Telemetry: log lines, audit events and metrics.

pub mod log;
pub mod metrics;
