//! The Lambda entry of `mail`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve_events(env!("CARGO_PKG_NAME"), mail::Sender::start, mail::handle)
}
