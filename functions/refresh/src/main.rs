//! The Lambda entry of `refresh`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(refresh::router())
}
