//! The Lambda entry of `well-known`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve(well_known::router())
}
