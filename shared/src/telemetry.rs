//! Telemetry: log lines, audit events and metrics.

pub mod audit;
pub mod log;
pub mod metrics;
mod text;

pub use text::harmless_path;
