//! The columns of a terminal.

use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

/// The narrowest terminal that lines are broken for. Below, a word would stand in each line.
const COLUMNS_MIN: usize = 40;

/// The number of columns of a terminal. `None` if this is another file, whose reader breaks no
/// lines.
pub fn of(file: impl AsFd) -> Option<usize> {
    let columns = usize::from(tcgetwinsize(file).ok()?.ws_col);
    (columns >= COLUMNS_MIN).then_some(columns)
}

/// A text whose lines end before `columns`. The first line begins behind `indent` columns that are
/// written already, and each other line with as much white space. A longer word keeps its length.
pub fn wrapped(text: &str, indent: usize, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let (mut wrapped, mut used) = (String::new(), indent);
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > indent && used + 1 + length > columns {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > indent {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += length;
    }
    wrapped
}
