//! The Lambda entry of `console`.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::serve_documents(env!("CARGO_PKG_NAME"), console::router())
}
