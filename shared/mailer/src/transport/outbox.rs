//! The outbox of a laptop: each mail is a file, and its code is on the terminal.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use lettre::Message;
use shared::keys::file_fault;
use tokio::task;

use super::Failure;
use crate::Parcel;

/// The folder of the outbox, in the data folder.
pub const OUTBOX: &str = "outbox";
/// The most mails that are kept. The oldest go first.
const KEPT_MAX: usize = 1_000;

/// A folder for mails, each in a file `<id>.eml`. The ids begin with the time, so the names are in
/// the order of the mails.
pub struct Outbox(PathBuf);

impl Outbox {
    /// The outbox in this data folder. The first mail makes its folder. All but the newest mails
    /// are deleted.
    ///
    /// # Errors
    ///
    /// A sentence for people: the folder cannot be used.
    pub fn new(data_dir: &Path) -> Result<Self, String> {
        let folder = data_dir.join(OUTBOX);
        if folder.exists() {
            trim(&folder).map_err(|error| format!("{} cannot be used: {}.", folder.display(), file_fault(&error)))?;
        }
        Ok(Self(folder))
    }

    /// Writes a mail, either whole or not at all, and shows its address and its code.
    pub(super) async fn write(&self, message: &Message, parcel: &Parcel<'_>) -> Result<(), Failure> {
        let (folder, id, bytes) = (self.0.clone(), parcel.mail.id.clone(), message.formatted());
        let written = task::spawn_blocking(move || put(&folder, &id, &bytes)).await;
        let written = written.map_err(io::Error::other).flatten();
        let path = written.map_err(|error| Failure::later(file_fault(&error)))?;
        // If standard output is closed, the file alone has the code.
        let _ = writeln!(io::stdout(), "{}", line(parcel, &path));
        Ok(())
    }
}

/// The line on the terminal.
fn line(parcel: &Parcel<'_>, path: &Path) -> String {
    let Parcel { mail, code, link, .. } = parcel;
    let code = if code.is_empty() { String::new() } else { format!(" code {code}") };
    let link = if link.is_empty() { String::new() } else { format!(" {link}") };
    format!("Mail to {} ({}):{code}{link} in {}", mail.to, mail.kind.name(), path.display())
}

fn put(folder: &Path, id: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    // Only its owner can read the mails.
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let (path, unfinished) = (folder.join(format!("{id}.eml")), folder.join(format!(".{id}.unfinished")));
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// Deletes the oldest mails beyond the number that is kept.
fn trim(folder: &Path) -> io::Result<()> {
    let files = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut mails: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|it| it == "eml")).collect();
    mails.sort_unstable();
    let beyond = mails.len().saturating_sub(KEPT_MAX);
    mails.iter().take(beyond).try_for_each(fs::remove_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_thousand_mails_are_kept_and_other_files_stay() {
        let folder = tempfile::TempDir::new().unwrap();
        let outbox = folder.path().join(OUTBOX);
        fs::create_dir(&outbox).unwrap();
        for number in 0..KEPT_MAX + 3 {
            fs::write(outbox.join(format!("{number:05}.eml")), "").unwrap();
        }
        fs::write(outbox.join("notes.txt"), "").unwrap();
        Outbox::new(folder.path()).unwrap();
        let mut names: Vec<_> = fs::read_dir(&outbox).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!((names.len(), names[0].to_str()), (KEPT_MAX + 1, Some("00003.eml")));
    }
}
