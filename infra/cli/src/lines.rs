//! Reads input line by line, and holds at most one line of the longest allowed length.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::{Map, Value};
use shared::{jose::json::diagnosis, text::BYTE_ORDER_MARK};

/// The longest line in bytes, without its end. A custom token has a quarter of this length.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Reads the JSON object of a line or of an argument, which begins the sentence as `subject`.
///
/// # Errors
///
/// A sentence with the place of the mistake. It never quotes the text.
pub fn object(subject: &str, text: &[u8]) -> Result<Map<String, Value>, String> {
    // The number of the line stands before the sentence.
    let sentence = |phrase: String| format!("{subject} {}.", phrase.replace("in line 1, column", "in column"));
    diagnosis::object(text).map_err(|mistake| sentence(mistake.to_string()))
}

/// The lines of an input.
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    /// Reads the lines of `input`.
    pub fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The number of the line that was read last, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The next line that holds more than white space, as [`Lines::read`] gives it.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub fn read_filled(&mut self) -> io::Result<Option<Result<&[u8], String>>> {
        loop {
            match self.advance()? {
                false => return Ok(None),
                true if self.whole().trim_ascii().is_empty() => {}
                true => return Ok(Some(self.bounded())),
            }
        }
    }

    /// The next line without its end, or a sentence if the line is too long. `None` at the end of
    /// the input.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub fn read(&mut self) -> io::Result<Option<Result<&[u8], String>>> {
        Ok(if self.advance()? { Some(self.bounded()) } else { None })
    }

    /// Reads the next line. `false` at the end of the input.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.input.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(false);
        }
        // Only the beginning of a long line is held; the rest is skipped.
        if self.line.len() > LINE_BYTES_MAX && !self.line.ends_with(b"\n") {
            self.input.skip_until(b'\n')?;
        }
        if self.number == 0 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        self.number += 1;
        Ok(true)
    }

    fn whole(&self) -> &[u8] {
        let whole = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        whole.strip_suffix(b"\r").unwrap_or(whole)
    }

    fn bounded(&self) -> Result<&[u8], String> {
        let is_short = self.whole().len() <= LINE_BYTES_MAX;
        if is_short { Ok(self.whole()) } else { Err("The line is longer than 64 KiB.".to_owned()) }
    }
}

impl<R: Read> Lines<BufReader<R>> {
    /// Whether more of the input was read than the lines that were returned.
    pub fn has_more(&self) -> bool {
        !self.input.buffer().is_empty()
    }
}
