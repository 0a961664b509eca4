//! `latchkey keys`: signing keys by hand.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::{clock::Timestamp, keys::KeySet};

use crate::{Failure, files};

/// What can be done with signing keys.
#[derive(Subcommand)]
pub enum Keys {
    /// Make a new key set, to be put into the secret that SIGNING_KEYS_SECRET_ID names.
    Generate(Generate),
}

/// `latchkey keys generate`.
#[derive(Args)]
pub struct Generate {
    /// The file to write, readable by you alone. It must not exist yet.
    file: PathBuf,
}

impl Keys {
    /// Does it.
    ///
    /// # Errors
    ///
    /// What a person is told.
    pub fn run(self) -> Result<(), Failure> {
        let Self::Generate(Generate { file }) = self;
        let set = KeySet::generate(now()).and_then(|set| set.to_json()).map_err(|error| error.to_string())?;
        Ok(files::write_private(&file, &set)?)
    }
}

/// The time, for the keys that are made before there is an App to ask.
#[expect(clippy::disallowed_methods, reason = "there is no App yet")]
pub fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}
