//! The Lambda entry of `refresh`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), refresh::router())
}
