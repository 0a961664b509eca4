//! Files with secrets in them.

use std::{
    fs::{DirBuilder, File},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use tempfile::NamedTempFile;

/// Writes `text` to a new file that only its owner can read, whole or not at all. A file that is there already stays as it is.
///
/// # Errors
///
/// A sentence for people.
pub fn write_private(path: &Path, text: &str) -> Result<(), String> {
    told(path, create_private(path, text))
}

/// Writes what `make` gives to a file that only its owner can read, unless it is there already. Of several that do so at once, one
/// makes the file, and all find what that one wrote.
///
/// # Errors
///
/// A sentence for people.
pub fn make_once(path: &Path, make: impl FnOnce() -> Result<String, String>) -> Result<(), String> {
    if path.exists() {
        return Ok(());
    }
    let text = make().map_err(|why| format!("{}: {why}", path.display()))?;
    match create_private(path, &text) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        created => told(path, created),
    }
}

fn create_private(path: &Path, text: &str) -> io::Result<File> {
    NamedTempFile::new_in(folder_of(path)).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)
    })
}

/// Writes `text` in the place of what the file has, whole or not at all; only its owner can read it then.
///
/// # Errors
///
/// A sentence for people.
pub fn replace_private(path: &Path, text: &str) -> Result<(), String> {
    // A link stays one.
    let written = path.canonicalize().and_then(|path| {
        let mut file = NamedTempFile::new_in(folder_of(&path))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)
    });
    told(path, written)
}

/// Waits until nobody else changes a file of this folder, as far as they ask too.
///
/// # Errors
///
/// A sentence for people.
pub fn lock_folder_of(path: &Path) -> Result<File, String> {
    let locked = path.canonicalize().and_then(|path| {
        let folder = File::open(folder_of(&path))?;
        folder.lock()?;
        Ok(folder)
    });
    locked.map_err(|error| format!("{} cannot be opened: {error}.", path.display()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder that only its owner can use, and those above it, if it is not there.
///
/// # Errors
///
/// A sentence for people.
pub fn make_folder(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("The data folder {} cannot be used: {error}.", folder.display()))
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
