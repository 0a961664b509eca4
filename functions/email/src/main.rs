//! The Lambda entry of `email`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), email::router())
}
