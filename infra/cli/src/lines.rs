//! Input read line by line, of which no more is held than one line may have.

use std::io::{self, BufRead, Read};

/// The longest line, in bytes and without its end. A custom token has a quarter of it.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The lines of an input.
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Those of `input`.
    pub fn new(input: R) -> Self {
        Self { input, line: Vec::new() }
    }

    /// The next line without its end, or a sentence for one that is too long; none at the end of the input.
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
        // Of one that is too long only the beginning is held.
        if self.line.len() > LINE_BYTES_MAX && !self.line.ends_with(b"\n") {
            self.input.skip_until(b'\n')?;
        }
        let whole = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let is_short = whole.len() <= LINE_BYTES_MAX;
        Ok(Some(if is_short { Ok(whole) } else { Err("The line is longer than 64 KiB.".to_owned()) }))
    }
}
