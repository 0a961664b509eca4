//! The Lambda entry of `account`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(account::router())
}
