//! `latchkey smoke`: walks one account through a deployed API, names each step that fails, and
//! deletes the account again.

mod account;
mod client;
mod contract;
mod documents;
mod journey;
mod report;

use std::io;

use axum::http::{HeaderValue, Uri};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    Failure,
    flags::Json,
    smoke::{
        client::Client,
        journey::{CREATE, Journey, STEPS},
        report::{Problem, Report},
    },
    tell, web_address,
};

const DELETION: &str = "the account is deleted";

/// `latchkey smoke`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey smoke https://abc123.execute-api.eu-central-1.amazonaws.com
  latchkey smoke https://login.example --origin https://app.example")]
pub struct Smoke {
    /// The URL of the API: the stack's output ApiUrl, or any other base URL under which the API
    /// answers.
    #[arg(value_parser = web_address)]
    url: Uri,
    /// The web origin that the requests name. If CORS_ALLOWED_ORIGINS of the deployment is a list,
    /// give one of its origins.
    #[arg(long, default_value = "https://smoke.example")]
    origin: HeaderValue,
    #[command(flatten)]
    output: Json,
}

impl Smoke {
    /// Runs every step, prints a line for each, and deletes the account however the run ends.
    ///
    /// # Errors
    ///
    /// Exit code 1 if a step failed, which standard output names; 128 and the signal's number if
    /// the run was stopped.
    pub async fn run(self) -> Result<(), Failure> {
        let mut stop = Stop::new().map_err(|error| format!("Signals cannot be received: {error}."))?;
        let mut journey = Journey::new(Client::new(&self.url, self.origin)?)?;
        let mut report = Report::new(self.output.json);
        report.line(&format!("{} as {}", journey.client.base, journey.account.email));
        let stopped = walk(&mut journey, &mut report, &mut stop).await;
        if stopped.is_some() {
            tell("stopping: the account is deleted first; stop again to leave at once");
        }
        if journey.account.may_exist {
            delete(&mut journey, &mut report, &mut stop, stopped.is_some()).await;
        }
        let code = if report.has_failures() { 1 } else { 0 };
        match stopped.unwrap_or(code) {
            0 => report.line("The API does all that it should, and the account is deleted."),
            1 => report.summary(),
            _ => {}
        }
        report.end(&journey.client.base, &journey.account.email);
        match (stopped.unwrap_or(code), report.written()) {
            (0, written) => written,
            (code, _) => Err(Failure { code, text: String::new() }),
        }
    }
}

/// Runs the steps one after the other. Returns the exit code of the signal that ended the run
/// early, if one did.
async fn walk(journey: &mut Journey, report: &mut Report, stop: &mut Stop) -> Option<u8> {
    for (name, step) in STEPS {
        journey.client.reset_stopwatch();
        let outcome = if *name == CREATE {
            // The answer is awaited: an account that is created after its deletion would stay.
            step(journey).await
        } else {
            tokio::select! {
                biased;
                code = stop.requested() => return Some(code),
                outcome = step(journey) => outcome,
            }
        };
        report.step(name, journey.client.elapsed(), outcome);
    }
    None
}

/// Deletes the account. `may_abort` says whether a signal ends the deletion.
async fn delete(journey: &mut Journey, report: &mut Report, stop: &mut Stop, may_abort: bool) {
    let Journey { client, account, .. } = journey;
    client.reset_stopwatch();
    let outcome = tokio::select! {
        outcome = account.delete(client) => outcome,
        _ = stop.requested(), if may_abort => Err(Problem::failed("the answer was not awaited")),
    };
    let is_deleted = outcome.is_ok();
    report.step(DELETION, client.elapsed(), outcome);
    if !is_deleted {
        report.line(&format!("{0} may still exist. Delete it with: latchkey users delete {0}", account.email));
    }
}

/// The signals that end a run early.
struct Stop {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// Starts to receive the signals, which end the process no longer.
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal. Returns the exit code that a shell gives it: 128 and its number.
    async fn requested(&mut self) -> u8 {
        tokio::select! {
            _ = self.hangup.recv() => 129,
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}
