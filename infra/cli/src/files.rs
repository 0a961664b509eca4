//! Files with secrets in them.

use std::{io::Write, path::Path};

use tempfile::NamedTempFile;

/// Writes `text` to a new file that only its owner can read, whole or not at all. A file that is there already stays as it is.
///
/// # Errors
///
/// A sentence for people.
pub fn write_private(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}
