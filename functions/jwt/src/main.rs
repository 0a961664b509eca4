//! The Lambda entry of `jwt`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), jwt::router())
}
