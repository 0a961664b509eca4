//! The Lambda entry of `login`.

use std::process::ExitCode;

use shared::WarmUp;

fn main() -> ExitCode {
    shared::lambda::serve(env!("CARGO_PKG_NAME"), WarmUp::Passwords, login::router())
}
