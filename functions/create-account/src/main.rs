//! The Lambda entry of `create-account`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(create_account::router())
}
