//! The server of one process, `latchkey serve`.

use std::path::PathBuf;

use super::Environment;

/// Where `latchkey serve` listens, and where it keeps its files.
#[derive(Clone, Debug)]
pub struct Serve {
    /// `PORT`, 8080: of `latchkey serve`.
    pub port: u16,
    /// `DATA_DIR`, `.latchkey`: where `latchkey serve` keeps its database and keys.
    pub data_dir: PathBuf,
}

impl Serve {
    pub(super) fn read(env: &mut Environment) -> Self {
        Self {
            port: env.number("PORT", 8080, 0, u16::MAX.into()) as u16,
            data_dir: env.text("DATA_DIR").unwrap_or_else(|| ".latchkey".to_owned()).into(),
        }
    }
}
