//! The Lambda entry of `well-known`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), well_known::router())
}
