//! The campaign: attacks and faults, each beside what is expected and what was counted, in one table.
//!
//! Every `cargo test` runs a short form of each case; `make campaign` runs the long one. Arguments name the cases to run.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a case that cannot go on fails")]

mod canaries;
mod client;
mod contract;
mod crashes;
mod dynamodb;
mod events;
mod faults;
mod guessing;
mod invariants;
mod load;
mod process;
mod races;
mod report;
mod requests;
mod seeded_rng;
mod statistics;
mod timing;

use std::{env, panic, process::ExitCode, time::Instant};

use report::Report;

/// How much of a case is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// With every `cargo test`: seconds.
    Short,
    /// By `make campaign`: minutes to hours.
    Long,
}

impl Scale {
    /// What a case takes at this scale.
    fn of<T>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// A case: it adds its rows to the table.
type Case = fn(Scale, &mut Report);

/// In this order, the cheapest first.
const CASES: &[(&str, Case)] = &[
    ("contract", contract::run),
    ("events", events::run),
    ("faults: mixed", faults::mixed::run),
    ("faults: lost answers", faults::lost_answers::run),
    ("faults: timeouts", faults::timeouts::run),
    ("faults: cancellations", faults::cancellations::run),
    ("faults: errors", faults::errors::run),
    ("faults: malformed records", faults::malformed_records::run),
    ("races", races::run),
    ("races: revocations", races::revocations::run),
    ("races: token families", races::token_families::run),
    ("guessing", guessing::run),
    ("guessing: processes", guessing::run_processes),
    ("canaries", canaries::canaries),
    ("crashes", crashes::crashes),
    ("load", load::load),
    ("timing", timing::timing),
];

fn main() -> ExitCode {
    // What libtest would take, such as --nocapture, means nothing here.
    let words: Vec<String> = env::args().skip(1).collect();
    let scale = if words.iter().any(|word| word == "--long") { Scale::Long } else { Scale::Short };
    let names: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let mut report = Report::default();
    for &(name, case) in CASES {
        if names.is_empty() || names.iter().any(|wanted| name.contains(wanted.as_str())) {
            #[expect(clippy::disallowed_methods, reason = "the time that the case itself takes")]
            let started = Instant::now();
            if panic::catch_unwind(panic::AssertUnwindSafe(|| case(scale, &mut report))).is_err() {
                report.row(name, "to come to its end", "it panicked, see above", false);
            }
            println!("campaign: {name} took {:.1} s", started.elapsed().as_secs_f64());
        }
    }
    println!("{report}");
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a case that waits, on as many threads as a server would.
fn wait_for<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(case)
}
