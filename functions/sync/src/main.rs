//! The Lambda entry of `sync`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve_events_without_keys(env!("CARGO_PKG_NAME"), sync::start, sync::handle)
}
