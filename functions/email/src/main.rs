//! The Lambda entry of `email`.

use std::process::ExitCode;

use shared::WarmUp;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), WarmUp::Table, email::router())
}
