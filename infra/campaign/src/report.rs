//! The table of results: attack or fault, expected outcome, counts.

use std::fmt;

/// The rows so far, in the order of adding.
#[derive(Default)]
pub struct Report(Vec<Row>);

struct Row {
    attack: String,
    expected: String,
    counted: String,
    holds: bool,
}

impl Report {
    /// Adds and prints a row. `holds` says whether the counts are as expected.
    pub fn row(
        &mut self,
        attack: impl Into<String>,
        expected: impl Into<String>,
        counted: impl Into<String>,
        holds: bool,
    ) {
        let row = Row { attack: attack.into(), expected: expected.into(), counted: counted.into(), holds };
        println!("{row}");
        self.0.push(row);
    }

    /// Whether every row is as expected.
    pub fn holds(&self) -> bool {
        self.0.iter().all(|row| row.holds)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attack, expected, counted, holds } = self;
        write!(formatter, "{} | {attack} | {expected} | {counted}", if *holds { "ok  " } else { "FAIL" })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "     | attack or fault | expected | counted")?;
        for row in &self.0 {
            writeln!(formatter, "{row}")?;
        }
        let failed = self.0.iter().filter(|row| !row.holds).count();
        write!(formatter, "{} rows, {failed} of them not as expected", self.0.len())
    }
}
