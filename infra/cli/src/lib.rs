//! The tool `latchkey` as a library, so that the tests run the same code.

pub mod aws;
pub mod backup;
mod columns;
pub mod command_line;
pub mod deploy;
pub mod deployment;
pub mod doctor;
mod escape;
pub mod files;
pub mod firebase;
pub mod flags;
pub mod health;
pub mod keys;
pub mod lines;
mod log;
pub mod mail;
pub mod serve;
pub mod smoke;
pub mod table;
pub mod token;
pub mod users;
pub mod version;
mod webhook;

use std::io::{self, Write};

use axum::{Router, http::Uri};
use shared::{App, http::api::Api};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code: 1 for a "no", 2 for wrong use.
    pub code: u8,
    /// One sentence a line, for people.
    pub text: String,
}

impl Failure {
    /// A "no" whose reasons are on standard output already.
    pub fn said() -> Self {
        Self { code: 1, text: String::new() }
    }

    /// Wrong use: an argument or a variable is missing or wrong.
    pub fn wrong_use(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { code: 1, text }
    }
}

/// Turns the outcome of writing a result into the command's outcome. A reader that closed the pipe
/// has read enough, so a broken pipe is no failure.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("The result cannot be written: {error}.").into())
        }
        _ => Ok(()),
    }
}

/// Writes a text for people to standard error, each line with the tool's name before it.
pub fn tell(text: &str) {
    for line in text.lines() {
        // If standard error is closed, there is nowhere left to report that.
        let _ = writeln!(io::stderr(), "latchkey: {line}");
    }
}

/// Reads an argument that is a URL of the web.
fn web_address(text: &str) -> Result<Uri, &'static str> {
    let uri = text.parse::<Uri>().map_err(|_| "it is no URL")?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if is_web { Ok(uri) } else { Err("it must begin with https:// or http://") }
}

/// The endpoints and pages of every function, in the order of the documents about the API.
pub fn api() -> Api {
    [
        create_account::api(),
        login::api(),
        refresh::api(),
        logout::api(),
        email::api(),
        account::api(),
        verify::api(),
        jwt::api(),
        admin::api(),
        well_known::api(),
        console::api(),
    ]
    .into_iter()
    .fold(Api::new(), Api::merge)
}

/// The routes of every function.
pub fn router() -> Router<App> {
    api().router()
}
