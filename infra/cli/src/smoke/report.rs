//! The report of a run: a line for each step and a summary, or one JSON object.

use std::{
    io::{self, Write},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::{
    Failure,
    escape::{self, shown},
    flags, written,
};

const OK: Style = AnsiColor::Green.on_default();
const SKIPPED: Style = AnsiColor::Yellow.on_default();
const FAILED: Style = AnsiColor::Red.on_default().bold();
/// The column in which the names of the steps begin.
const INDENT: usize = 23;

/// Why a step did not pass.
#[derive(Debug)]
pub enum Problem {
    /// The API did something else than it should.
    Failed {
        /// A clause that follows the name of the step: the request, and the answer that came.
        found: String,
        /// Sentences with advice; empty if there is none.
        next: String,
    },
    /// An earlier step failed, or the step does not apply to this address: a clause with the
    /// reason.
    Skipped(&'static str),
}

impl Problem {
    /// A failure without advice.
    pub fn failed(found: impl Into<String>) -> Self {
        Self::Failed { found: found.into(), next: String::new() }
    }

    /// A failure with advice.
    pub fn advised(found: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Failed { found: found.into(), next: next.into() }
    }
}

/// Prints the lines, and remembers which steps failed.
#[derive(Default)]
pub struct Report {
    /// Whether one JSON object is printed at the end, in the place of lines.
    is_json: bool,
    steps: Vec<Value>,
    failed: Vec<&'static str>,
    /// The first error of standard output. It is kept until the account is deleted.
    error: Option<io::Error>,
}

impl Report {
    /// The report of a run that begins.
    pub fn new(is_json: bool) -> Self {
        Self { is_json, ..Self::default() }
    }

    /// Prints a line.
    pub fn line(&mut self, text: &str) {
        if self.is_json {
            return;
        }
        if let Err(error) = writeln!(anstream::stdout(), "{text}") {
            self.error.get_or_insert(error);
        }
    }

    /// Prints the line of a step: its outcome, the time that its answers took, and its name.
    pub fn step(&mut self, name: &'static str, took: Duration, outcome: Result<(), Problem>) {
        let is_quiet = outcome.is_ok() && flags::is_quiet();
        let (style, word, why, next) = match outcome {
            Ok(()) => (OK, "ok", String::new(), String::new()),
            Err(Problem::Skipped(reason)) => (SKIPPED, "skipped", reason.to_owned(), String::new()),
            Err(Problem::Failed { found, next }) => {
                self.failed.push(name);
                (FAILED, "FAILED", found, next)
            }
        };
        // The server's own words are among them.
        let (why, next) = (shown(&why).replace('\n', " "), shown(&next));
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let outcome = word.to_ascii_lowercase();
        self.steps.push(json!({"step": name, "outcome": outcome, "ms": milliseconds, "why": why, "next": next}));
        if is_quiet {
            return;
        }
        let took = if took.is_zero() { String::new() } else { format!("{milliseconds} ms") };
        let gap = if why.is_empty() { "" } else { ": " };
        self.line(&format!("  {style}{word:8}{style:#} {took:>10}  {name}{gap}{why}"));
        for sentence in next.lines() {
            self.line(&format!("{:INDENT$}{sentence}", ""));
        }
    }

    /// Whether a step failed.
    pub fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Prints which steps failed.
    pub fn summary(&mut self) {
        self.line(&format!("FAILED: {}.", self.failed.join(", ")));
    }

    /// Prints the whole report of an API at `base` as JSON, if that is wanted.
    pub fn end(&mut self, base: &str, email: &str) {
        if !self.is_json {
            return;
        }
        let whole = json!({"ok": self.failed.is_empty(), "url": base, "email": email, "steps": self.steps});
        let printed = escape::json(&whole).map_err(io::Error::other).and_then(|text| writeln!(io::stdout(), "{text}"));
        if let Err(error) = printed {
            self.error.get_or_insert(error);
        }
    }

    /// Returns what became of writing the lines.
    ///
    /// # Errors
    ///
    /// Standard output cannot be written, for another reason than that its reader has gone.
    pub fn written(self) -> Result<(), Failure> {
        written(self.error.map_or(Ok(()), Err))
    }
}
