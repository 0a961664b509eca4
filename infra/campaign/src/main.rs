//! The campaign: attacks on the service and faults below it.
//!
//! Each case prints rows of one table: the attack or fault, the expected outcome and the counts.
//! `cargo test` runs a short form of every case, and `make campaign` the long form.
//! Arguments select the cases whose names contain them.
//!
//! Some cases start `latchkey serve` as a process. They use the program of the last build of the
//! workspace: `cargo test --package campaign` alone does not rebuild it.

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a case that cannot go on fails")]

mod canaries;
mod client;
mod connections;
mod contract;
mod crashes;
mod credentials;
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

/// The amount of work in a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// Seconds, with every `cargo test`.
    Short,
    /// Minutes to hours, with `make campaign`.
    Long,
}

impl Scale {
    /// Selects the value for this scale.
    fn of<T>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// Adds the rows of a case to the report.
type Case = fn(Scale, &mut Report);

/// The cases in the order of running, the cheapest first.
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
    ("races: addresses", races::addresses::run),
    ("races: revocations", races::revocations::run),
    ("races: token families", races::token_families::run),
    ("races: copies", races::copies::run),
    ("credentials", credentials::run),
    ("guessing", guessing::run),
    ("guessing: processes", guessing::processes::run),
    ("canaries", canaries::run),
    ("crashes", crashes::run),
    ("connections", connections::run),
    ("load", load::run),
    ("timing", timing::run),
    ("timing: mails", timing::of_mails),
];

fn main() -> ExitCode {
    // Options of libtest, such as --nocapture, have no meaning here.
    let words: Vec<String> = env::args().skip(1).collect();
    let scale = if words.iter().any(|word| word == "--long") { Scale::Long } else { Scale::Short };
    let names: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let mut report = Report::default();
    for &(name, case) in CASES {
        if names.is_empty() || names.iter().any(|wanted| name.contains(wanted.as_str())) {
            #[expect(clippy::disallowed_methods, reason = "measures the case, not the service")]
            let started = Instant::now();
            if panic::catch_unwind(panic::AssertUnwindSafe(|| case(scale, &mut report))).is_err() {
                report.row(name, "runs to its end", "panicked, see above", false);
            }
            println!("campaign: {name} took {:.1} s", started.elapsed().as_secs_f64());
        }
    }
    println!("{report}");
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs an asynchronous case on as many threads as a server has.
fn wait_for<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(case)
}

/// Runs a case that stays in this process, on one thread with a paused clock. Its waits take no
/// time, and are no longer on a machine that is busy with something else.
fn wait_on_paused_clock<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime starts").block_on(case)
}
