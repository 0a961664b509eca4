//! The Lambda entry of `well-known`.

use std::process::ExitCode;

use shared::WarmUp;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), WarmUp::Keys, well_known::router())
}
