//! The outcome of a change of the keys, said once.

use std::io::{self, Write};

use serde_json::json;

use super::KeyLocation;
use crate::{
    Failure, escape,
    flags::{Json, advise},
    written,
};

/// The outcome of a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The change is in force.
    Done,
    /// Told by a dry run.
    Planned,
    /// The set was so already.
    Unchanged,
}

/// Prints what a change did, or would do: a line for each key, or one JSON object.
pub fn say(output: Json, location: &KeyLocation, sentences: &[String], outcome: Outcome) -> Result<(), Failure> {
    if output.json {
        let is_changed = outcome == Outcome::Done;
        return print_json(&json!({"changed": is_changed, "keys": location.to_string(), "changes": sentences}));
    }
    let mark = match outcome {
        Outcome::Done => "done: ",
        Outcome::Planned => "would: ",
        Outcome::Unchanged => {
            advise(&format!("it is so already in {location}; nothing was changed"));
            return Ok(());
        }
    };
    advise(&format!("in {location}:"));
    let lines: String = sentences.iter().map(|sentence| format!("{mark}{sentence}\n")).collect();
    written(io::stdout().write_all(lines.as_bytes()))
}

/// Prints a value over several lines.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    written(writeln!(io::stdout(), "{}", escape::json(value)?))
}
