//! Files with secrets in them.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

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
    told(path, written)
}

/// Makes an empty file that only its owner can read, if it is not there.
///
/// # Errors
///
/// A sentence for people.
pub fn make_private(path: &Path) -> Result<(), String> {
    told(path, File::options().create(true).append(true).mode(0o600).open(path))
}

fn told(path: &Path, written: io::Result<File>) -> Result<(), String> {
    written.map(drop).map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}
