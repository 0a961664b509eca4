//! `latchkey version`: the build that this program is of.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use crate::{Failure, flags::Json, written};

/// The commit that a release was built of. A build from source has none.
const COMMIT: Option<&str> = option_env!("LATCHKEY_COMMIT");
/// The date of that commit, as `2026-05-27`.
const DATE: Option<&str> = option_env!("LATCHKEY_DATE");

/// `latchkey version`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey version
  latchkey version --json")]
pub struct Version {
    #[command(flatten)]
    output: Json,
}

/// The facts of a build.
#[derive(Serialize)]
struct Build {
    version: &'static str,
    commit: Option<&'static str>,
    date: Option<&'static str>,
}

impl Version {
    /// Prints the build.
    ///
    /// # Errors
    ///
    /// Standard output cannot be written.
    pub fn run(&self) -> Result<(), Failure> {
        let build = Build { version: env!("CARGO_PKG_VERSION"), commit: COMMIT, date: DATE };
        let text = if self.output.json {
            serde_json::to_string(&build).map_err(|error| error.to_string())?
        } else {
            format!("latchkey {}, {}", build.version, origin(COMMIT, DATE))
        };
        written(writeln!(io::stdout(), "{text}"))
    }
}

fn origin(commit: Option<&str>, date: Option<&str>) -> String {
    match (commit, date) {
        (Some(commit), Some(date)) => format!("commit {commit} of {date}"),
        _ => "built from source: no release".to_owned(),
    }
}
