//! Tells the mistake in a text that should be one JSON object: its place, and the cure. Nothing of
//! the text is repeated.
//!
//! The parser looks first and alone: a text that is right costs nothing here.

mod looks;
mod mistakes;
mod scanner;

use std::fmt;

use serde_json::{Map, Value};

use mistakes::Mistake;
pub use mistakes::{NUL_CURE, TWICE_CURE, UTF8_CURE};

/// The mistake in a text. `Display` is a phrase that follows the name of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    phrase: String,
    cure: &'static str,
}

impl Diagnosis {
    /// A mistake of the whole text.
    pub fn whole(phrase: impl Into<String>, cure: &'static str) -> Self {
        Self { phrase: phrase.into(), cure }
    }

    /// A mistake in a field of a form. The fields are counted from 1.
    pub fn in_form(clause: &str, field: usize, cure: &'static str) -> Self {
        Self::whole(format!("{clause}, in field {field}"), cure)
    }

    /// Advice for the people who build the app, in sentences. It may be empty.
    pub fn cure(&self) -> &'static str {
        self.cure
    }

    /// A mistake at this byte of `text`.
    fn at(text: &str, byte: usize, mistake: &Mistake) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let phrase = match mistake {
            Mistake::Syntax { clause, .. } => {
                format!("is not valid JSON: in line {line}, column {column}, {clause}")
            }
            Mistake::Rule { clause, .. } => format!("{clause}, in line {line}, column {column}"),
        };
        Self { phrase, cure: mistake.cure() }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.phrase)
    }
}

/// Reads `text` as one JSON object, as [`super::object`] does.
///
/// # Errors
///
/// The mistake.
pub fn object(text: &[u8]) -> Result<Map<String, Value>, Diagnosis> {
    super::object(text).map_err(|refusal| diagnose(text, refusal))
}

/// Tells the mistake in a text that was refused. Lines and columns count from 1, and columns are
/// characters.
fn diagnose(bytes: &[u8], refusal: &'static str) -> Diagnosis {
    if let Some((phrase, cure)) = looks::of_bytes(bytes) {
        return Diagnosis::whole(phrase, cure);
    }
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
            return Diagnosis::at(&before, before.len(), &mistakes::NOT_UTF8);
        }
    };
    if let Some((phrase, cure)) = looks::of_text(text) {
        return Diagnosis::whole(phrase, cure);
    }
    match scanner::scan(text) {
        Err((byte, mistake)) => Diagnosis::at(text, byte, &mistake),
        Ok(()) => match looks::of_value(text) {
            Some((phrase, cure)) => Diagnosis::whole(phrase, cure),
            // The scanner knows the grammar alone. The parser has refused for another reason.
            None => Diagnosis::whole(refusal, ""),
        },
    }
}

#[cfg(test)]
mod tests;
