//! The archives of a folder: their names, and how many of them are kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

use shared::{keys::file_fault, time::Timestamp};

/// The name of an archive that is made now. Names in the order of the alphabet are in the order of
/// time.
pub fn name_at(now: Timestamp) -> String {
    format!("latchkey-{}.tar", now.rfc3339().replace(['-', ':'], ""))
}

/// Whether [`name_at`] may have made this name.
fn is_archive(name: &str) -> bool {
    let time = name.strip_prefix("latchkey-").and_then(|name| name.strip_suffix("Z.tar"));
    time.and_then(|time| time.split_once('T')).is_some_and(|(day, clock)| {
        (day.len(), clock.len()) == (8, 6) && day.bytes().chain(clock.bytes()).all(|byte| byte.is_ascii_digit())
    })
}

/// Deletes the oldest archives of a folder, so that `keep` of them stay. Other files stay too.
///
/// # Errors
///
/// A sentence for people: an archive cannot be deleted.
pub fn delete_older(folder: &Path, keep: usize) -> Result<(), String> {
    let fault = |path: &Path, error| format!("{} cannot be deleted: {}.", path.display(), file_fault(&error));
    let entries = fs::read_dir(folder).map_err(|error| fault(folder, error))?;
    let paths = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_archive));
    let mut paths: Vec<PathBuf> = paths.map(|entry| entry.path()).collect();
    paths.sort();
    paths.reverse();
    for path in paths.iter().skip(keep) {
        fs::remove_file(path).map_err(|error| fault(path, error))?;
    }
    Ok(())
}
