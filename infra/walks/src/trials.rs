//! The trials of a walk. Their names are sentences. They run in order, and are chosen and counted
//! like cargo's own tests.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use libtest_mimic::{Arguments, Trial};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::OnceCell,
};

use crate::process;

/// The trials of one walk, in the order in which they run.
pub struct Trials {
    runtime: Runtime,
    trials: Vec<Trial>,
}

impl Trials {
    /// A walk without a trial yet.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        Self { runtime, trials: Vec::new() }
    }

    /// Adds a trial. A trial fails by a panic.
    pub fn add<F>(&mut self, name: impl Into<String>, trial: F)
    where
        F: AsyncFnOnce() + Send + 'static,
    {
        self.add_if(true, name, trial);
    }

    /// Adds a trial that runs in one form of the walk alone. Other forms list the trial as ignored.
    pub fn add_if<F>(&mut self, runs: bool, name: impl Into<String>, trial: F)
    where
        F: AsyncFnOnce() + Send + 'static,
    {
        let handle = self.runtime.handle().clone();
        let run = move || {
            handle.block_on(trial());
            Ok(())
        };
        self.trials.push(Trial::test(name, run).with_ignored_flag(!runs));
    }

    /// Runs the trials that the arguments choose, and ends every process that they started.
    pub fn run(self, arguments: Arguments) -> ExitCode {
        self.runtime.spawn(end_on_signal());
        // A later trial may need the result of an earlier trial.
        let in_order = Arguments { test_threads: Some(1), ..arguments };
        let conclusion = libtest_mimic::run(&in_order, self.trials);
        process::end_all();
        conclusion.exit_code()
    }
}

/// Ends every started process when a signal ends this program.
async fn end_on_signal() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [mut interrupt, mut terminate, mut hangup] = kinds.map(|kind| signal(kind).expect("signals can be received"));
    let kind = tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt(),
        _ = terminate.recv() => SignalKind::terminate(),
        _ = hangup.recv() => SignalKind::hangup(),
    };
    process::end_all();
    std::process::exit(128 + kind.as_raw_value());
}

/// A fixture that many trials need. The first trial makes it. If that fails, the other trials fail
/// at once.
pub struct Fixture<T>(Arc<Inner<T>>);

struct Inner<T> {
    made: OnceCell<T>,
    is_begun: AtomicBool,
}

impl<T> Fixture<T> {
    /// A fixture that is not made yet.
    pub fn new() -> Self {
        Self(Arc::new(Inner { made: OnceCell::new(), is_begun: AtomicBool::new(false) }))
    }

    /// The fixture. The first call makes it by `make`.
    pub async fn get(&self, make: impl AsyncFnOnce() -> T) -> &T {
        let inner = &self.0;
        let begin = async || {
            let failed = inner.is_begun.swap(true, Ordering::Relaxed);
            assert!(!failed, "an earlier trial failed to make what this one needs");
            make().await
        };
        inner.made.get_or_init(begin).await
    }
}

impl<T> Clone for Fixture<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
