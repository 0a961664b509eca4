//! The Lambda entry of `account`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), account::router())
}
