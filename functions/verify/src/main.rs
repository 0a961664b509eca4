//! The Lambda entry of `verify`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(verify::router())
}
