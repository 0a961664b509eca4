//! The Lambda entry of `admin`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), admin::router())
}
