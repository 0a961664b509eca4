//! Input read line by line, of which no more is held than one line may have.

use std::io::{self, BufRead, Read};

/// The longest line, in bytes and without its end. A custom token has a quarter of it.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What went wrong, and on which side.
pub enum Failure {
    Input(io::Error),
    Output(io::Error),
}

/// Hands every line to `answer`, without its end, or a sentence for one that is too long.
pub fn each(
    mut input: impl BufRead,
    mut answer: impl FnMut(Result<&[u8], String>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut line = Vec::new();
    while read(&mut input, &mut line).map_err(Failure::Input)? {
        let whole = line.strip_suffix(b"\n").unwrap_or(&line);
        let whole =
            if whole.len() > LINE_BYTES_MAX { Err("The line is longer than 64 KiB.".to_owned()) } else { Ok(whole) };
        answer(whole).map_err(Failure::Output)?;
    }
    Ok(())
}

/// Reads the next line, of one that is too long only the beginning. False at the end of the input.
fn read(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    input.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', line)?;
    if line.len() > LINE_BYTES_MAX && !line.ends_with(b"\n") {
        input.skip_until(b'\n')?;
    }
    Ok(!line.is_empty())
}
