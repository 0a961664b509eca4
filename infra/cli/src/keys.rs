//! `latchkey keys`: signing keys by hand.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::{
    clock::Timestamp,
    keys::{KeySet, write_private},
};

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
    /// A sentence for people.
    pub fn run(self) -> Result<(), String> {
        let Self::Generate(Generate { file }) = self;
        #[expect(clippy::disallowed_methods, reason = "a tool run by hand has no App to ask the time of")]
        let now = Timestamp::from(std::time::SystemTime::now());
        let set = KeySet::generate(now).and_then(|set| set.to_json()).map_err(|error| error.to_string())?;
        write_private(&file, &set).map_err(|error| format!("{} cannot be written: {error}.", file.display()))
    }
}
