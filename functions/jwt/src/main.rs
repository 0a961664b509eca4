//! The Lambda entry of `jwt`.

use std::process::ExitCode;

use shared::WarmUp;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), WarmUp::Keys, jwt::router())
}
