//! The Lambda entry of `create-account`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), create_account::router())
}
