//! The lines for the caller, and the questions.

use std::io::{self, IsTerminal, Write};

/// Prints a line of the result. A closed output is nowhere to report to.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints a line about the progress.
pub fn progress(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Whether somebody can be asked.
pub fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// The answer to a question, without spaces around it.
///
/// # Errors
///
/// A sentence: standard input cannot be read.
pub fn ask(question: &str) -> Result<String, String> {
    let mut output = io::stderr();
    let _ = write!(output, "{question} ");
    let _ = output.flush();
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| format!("Standard input cannot be read: {error}."))?;
    Ok(answer.trim().to_owned())
}
