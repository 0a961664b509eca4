//! Reads a new password: a line of standard input, or typed twice at a terminal without an echo.

use std::io::{self, BufRead, IsTerminal};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use shared::password::Password;
use zeroize::Zeroizing;

use crate::{Failure, files::as_utf8, lines::Lines, tell};

/// Reads the new password of `name`.
///
/// # Errors
///
/// A sentence for people: there is no password, it is unusable, or the two typed ones differ.
pub fn read(name: &str) -> Result<Password, Failure> {
    let terminal = io::stdin().is_terminal();
    if !terminal {
        let input = as_utf8(io::stdin()).map_err(|error| format!("Standard input cannot be read: {error}."))?;
        return parse(&line(&mut Lines::new(input))?);
    }
    let mut lines = Lines::new(io::stdin().lock());
    let _silence = Silence::begin()?;
    tell(&format!("the new password of {name}, which is not shown:"));
    let typed = line(&mut lines)?;
    tell("the same again:");
    if *line(&mut lines)? != *typed {
        return Err("The two passwords differ. Nothing was changed.".to_owned().into());
    }
    parse(&typed)
}

/// The next line.
fn line(lines: &mut Lines<impl BufRead>) -> Result<Zeroizing<String>, Failure> {
    let read = lines.read().map_err(|error| format!("Standard input cannot be read: {error}."))?;
    let line = read.ok_or_else(|| Failure::wrong_use("Give the password as a line of standard input."))??;
    let text = str::from_utf8(line).map_err(|_| "The password is not UTF-8.".to_owned())?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn parse(text: &str) -> Result<Password, Failure> {
    if text.is_empty() {
        return Err(Failure::wrong_use("The password is empty."));
    }
    Password::parse(text).map_err(|(_, sentence)| sentence.to_owned().into())
}

/// Keeps the terminal from showing what is typed, until this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> Result<Self, Failure> {
        let failed = |error: rustix::io::Errno| format!("The terminal cannot be told to hide the password: {error}.");
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
