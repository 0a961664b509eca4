//! The Lambda entry of `logout`.

use std::process::ExitCode;

use shared::WarmUp;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), WarmUp::Keys, logout::router())
}
