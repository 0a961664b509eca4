//! The Lambda entry of `rotate-keys`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve_events(env!("CARGO_PKG_NAME"), async |app| Ok(app), rotate_keys::rotate)
}
