//! The answers to the records of an import, its progress and its summary.

use std::{
    collections::HashMap,
    io::{self, IsTerminal, Write},
    path::Path,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::super::{accounts, broken, thousands};
use crate::{columns, escape::shown, flags::is_quiet, tell};

/// The most reasons and names of the summary.
const LISTED_MAX: usize = 20;

/// The answer to one record.
pub struct Answer {
    /// The line of the record.
    pub line: u64,
    /// The fate of the account.
    pub outcome: Outcome,
    /// Sentences about fields that were left out.
    pub dropped: Vec<String>,
}

/// The fate of the account of a record.
pub enum Outcome {
    /// Stored under this id, which is empty in a dry run if it is yet to be made.
    Created(String),
    /// There already, under this id.
    Present(String),
    /// Refused, with a sentence.
    Refused(String),
}

/// The number of times that a sentence was said, and the first line that it was said of.
type Tally = HashMap<String, (u64, u64)>;

/// The work that was done so far.
pub struct Report {
    is_dry_run: bool,
    is_json: bool,
    bar: ProgressBar,
    created: u64,
    present: u64,
    refused: Tally,
    dropped: Tally,
    /// Names of values that have no place here, and how many records have one.
    pub unknown: HashMap<String, u64>,
    /// The line of the last record that was answered.
    pub last_line: u64,
}

impl Report {
    /// A report of an import of `bytes`, if their number is known.
    pub fn new(bytes: Option<u64>, is_dry_run: bool, json: bool) -> Self {
        let target = if is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(bytes, target);
        let template = match bytes {
            Some(_) => "{bar:30} {percent:>3}%  {msg}",
            None => "{spinner} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("##-"));
        }
        Self {
            is_dry_run,
            is_json: json || !io::stdout().is_terminal(),
            bar,
            created: 0,
            present: 0,
            refused: HashMap::new(),
            dropped: HashMap::new(),
            unknown: HashMap::new(),
            last_line: 0,
        }
    }

    /// The bar, which counts the bytes that were read.
    pub fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// The number of accounts that were created.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// Whether anything was refused.
    pub fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Counts an answer and prints it: each one as JSON, or those with a fault for people.
    ///
    /// # Errors
    ///
    /// Standard output cannot be written.
    pub fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let Answer { line, outcome, dropped } = answer;
        self.last_line = self.last_line.max(*line);
        match outcome {
            Outcome::Created(_) => self.created += 1,
            Outcome::Present(_) => self.present += 1,
            Outcome::Refused(why) => count(&mut self.refused, why, *line),
        }
        dropped.iter().for_each(|why| count(&mut self.dropped, why, *line));
        self.bar.set_message(format!(
            "{} created, {} refused",
            thousands(self.created),
            thousands(total(&self.refused))
        ));
        if self.is_json {
            let mut out = io::stdout().lock();
            writeln!(out, "{}", json_of(answer))?;
            return out.flush();
        }
        self.bar.suspend(|| {
            let mut out = io::stdout().lock();
            if let Outcome::Refused(why) = outcome {
                writeln!(out, "{}", fitted(&format!("line {line}: refused. {}", shown(why))))?;
            }
            dropped
                .iter()
                .try_for_each(|why| writeln!(out, "{}", fitted(&format!("line {line}: left out. {}", shown(why)))))
        })
    }

    /// Ends the bar, and tells what was done, refused, left out, and not read.
    pub fn tell_summary(&self, file: &Path, form: &str) {
        self.bar.finish_and_clear();
        if is_quiet() {
            return;
        }
        let name =
            if file.as_os_str() == "-" { "standard input".to_owned() } else { shown(&file.display().to_string()) };
        let records = self.created + self.present + total(&self.refused);
        let created = if self.is_dry_run { "would be created" } else { "created" };
        say(&format!("{name} is {form}: {}", accounts(records)));
        say(&format!(
            "{} {created}, {} there already, {} refused",
            thousands(self.created),
            thousands(self.present),
            thousands(total(&self.refused))
        ));
        tell_tally("refused", &self.refused);
        tell_tally("left out, and the account was kept", &self.dropped);
        self.tell_unknown();
        if self.is_dry_run {
            say("this was a dry run: nothing was written");
        }
    }

    fn tell_unknown(&self) {
        let mut unknown: Vec<_> = self.unknown.iter().collect();
        unknown.sort_by(|(one, one_count), (other, other_count)| other_count.cmp(one_count).then(one.cmp(other)));
        let more = unknown.len().saturating_sub(LISTED_MAX);
        let names =
            unknown.iter().take(LISTED_MAX).map(|(name, count)| format!("{} ({})", shown(name), thousands(**count)));
        let names = names.collect::<Vec<_>>().join(", ");
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        if !unknown.is_empty() {
            say(&format!("not imported, because Latchkey has no place for it: {names}{more}"));
        }
    }
}

/// A line of standard output, broken before the edge of the terminal.
fn fitted(text: &str) -> String {
    columns::wrapped(text, 0, columns::of(io::stdout()))
}

fn say(text: &str) {
    tell(&broken(text));
}

fn json_of(Answer { line, outcome, dropped }: &Answer) -> serde_json::Value {
    let mut answer = match outcome {
        Outcome::Created(id) => json!({"ok": true, "id": id, "line": line}),
        Outcome::Present(id) => json!({"ok": true, "id": id, "line": line, "already": true}),
        Outcome::Refused(why) => json!({"ok": false, "error": why, "line": line}),
    };
    if let Some(answer) = answer.as_object_mut().filter(|_| !dropped.is_empty()) {
        answer.insert("left_out".to_owned(), json!(dropped));
    }
    answer
}

fn count(tally: &mut Tally, why: &str, line: u64) {
    tally.entry(why.to_owned()).or_insert((0, line)).0 += 1;
}

fn total(tally: &Tally) -> u64 {
    tally.values().map(|(count, _)| count).sum()
}

fn tell_tally(title: &str, tally: &Tally) {
    let mut reasons: Vec<_> = tally.iter().collect();
    reasons.sort_by(|(_, (one, one_line)), (_, (other, other_line))| other.cmp(one).then(one_line.cmp(other_line)));
    if !reasons.is_empty() {
        say(&format!("{title}:"));
    }
    for (why, (count, line)) in reasons.iter().take(LISTED_MAX) {
        let first = if *count == 1 { "in line" } else { "first in line" };
        say(&format!("  {} × {} ({first} {line})", thousands(*count), shown(why)));
    }
    if reasons.len() > LISTED_MAX {
        say(&format!("  and {} more reasons", reasons.len() - LISTED_MAX));
    }
}
