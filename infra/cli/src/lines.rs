//! Reads input line by line, and holds at most one line of the longest allowed length.

use std::io::{self, BufRead, Read};

/// The longest line in bytes, without its end. A custom token has a quarter of this length.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The lines of an input.
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Reads the lines of `input`.
    pub fn new(input: R) -> Self {
        Self { input, line: Vec::new() }
    }

    /// The next line without its end, or a sentence if the line is too long. `None` at the end of
    /// the input.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub fn read(&mut self) -> io::Result<Option<Result<&[u8], String>>> {
        self.line.clear();
        self.input.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        // Only the beginning of a long line is held; the rest is skipped.
        if self.line.len() > LINE_BYTES_MAX && !self.line.ends_with(b"\n") {
            self.input.skip_until(b'\n')?;
        }
        let whole = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let is_short = whole.len() <= LINE_BYTES_MAX;
        Ok(Some(if is_short { Ok(whole) } else { Err("The line is longer than 64 KiB.".to_owned()) }))
    }
}
