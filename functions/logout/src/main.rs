//! The Lambda entry of `logout`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(logout::router())
}
