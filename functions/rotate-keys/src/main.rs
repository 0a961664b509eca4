//! The Lambda entry of `rotate-keys`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve_events(rotate_keys::rotate)
}
