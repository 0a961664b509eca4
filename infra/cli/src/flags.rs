//! The flags that commands share. A command takes those that make sense for it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Args;
use shared::config::Config;

use crate::Failure;

/// `--data-dir`.
#[derive(Args, Clone, Debug, Default)]
pub struct DataDir {
    /// The folder with the database and the keys. Without it DATA_DIR counts, then .latchkey.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

impl DataDir {
    /// Reads the environment, with this folder in the place of DATA_DIR.
    ///
    /// # Errors
    ///
    /// Exit code 2: every bad or missing variable, by name.
    pub fn config(self) -> Result<Config, Failure> {
        let mut config = Config::from_env().map_err(|wrong| Failure::wrong_use(wrong.to_string()))?;
        if let Some(folder) = self.data_dir {
            config.serve.data_dir = folder;
        }
        Ok(config)
    }
}

/// `--json`.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Json {
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
}

/// `--quiet`, which every command takes.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Quiet {
    /// Print results and errors alone, without advice.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// Reads an argument that is a whole number from `min` to `max`, which fits into `T`.
pub fn number<T: TryFrom<u64>>(min: u64, max: u64) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            let most = if max == u64::MAX { String::new() } else { format!(" to {max}") };
            format!("a whole number from {min}{most} is expected")
        })
    }
}

/// Whether advice is left out. The whole process has one command.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

impl Quiet {
    /// Holds for the rest of the process.
    pub fn apply(self) {
        IS_QUIET.store(self.quiet, Ordering::Relaxed);
    }
}

/// Writes advice for people to standard error, as [`crate::tell`] does, unless `--quiet` was given.
pub fn advise(text: &str) {
    if !IS_QUIET.load(Ordering::Relaxed) {
        crate::tell(text);
    }
}

/// Whether `--quiet` was given.
pub fn is_quiet() -> bool {
    IS_QUIET.load(Ordering::Relaxed)
}
