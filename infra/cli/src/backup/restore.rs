//! `latchkey restore`: a data folder from an archive.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, BufReader, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use clap::Args;
use shared::{error::Error, keys::file_fault, store::embedded::Embedded};
use tar::Entry;

use super::archive::{self, FILES, Manifest, Member, damaged};
use crate::{
    Failure, deployment,
    escape::shown,
    files::{self, BUFFER_BYTES},
    flags::{DataDir, advise},
    serve, written,
};

/// The folder within the data folder in which an archive is unpacked and checked. It is there only
/// while a restore is at work, or after one that was killed.
const ASIDE: &str = ".restore";
/// Names that a folder may have and still counts as empty: the lock of a server, and the folder
/// that a new disk has.
const IGNORED: [&str; 3] = ["lock", "lost+found", ASIDE];

/// `latchkey restore`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey restore latchkey.tar --data-dir /var/lib/latchkey
  latchkey restore - < latchkey.tar

The folder must be empty. Start latchkey serve on it afterwards.")]
pub struct Restore {
    /// The archive of latchkey backup. With - it is read from standard input.
    from: PathBuf,
    #[command(flatten)]
    data_dir: DataDir,
}

impl Restore {
    /// Fills the data folder. Nothing of a damaged archive is left in it.
    ///
    /// # Errors
    ///
    /// A sentence for people: the folder is not empty, or the archive cannot be used.
    pub fn run(self) -> Result<(), Failure> {
        let config = self.data_dir.config()?;
        let folder = &config.serve.data_dir;
        let input: Box<dyn Read> = if self.from.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(&self.from).map_err(|error| unusable(&self.from, &error, "read"))?)
        };
        let mut archive = archive::reader(BufReader::with_capacity(BUFFER_BYTES, input));
        let mut entries = archive.entries().map_err(|error| error.to_string())?;
        let manifest = Manifest::read(&mut entries)?;
        files::make_folder(folder)?;
        let _lock = serve::lock(folder)?;
        refuse_filled(folder)?;
        let aside = folder.join(ASIDE);
        clear(&aside)?;
        let made = DirBuilder::new().mode(0o700).create(&aside);
        made.map_err(|error| unusable(&aside, &error, "written"))?;
        let checked = match unpack(entries, &manifest, &aside) {
            Ok(()) => check(&aside, &manifest.table),
            Err(why) => Err(why),
        };
        let placed = checked.and_then(|()| place(folder, &aside, &manifest));
        clear(&aside)?;
        placed?;
        let (version, made_at) = (shown(&manifest.version), shown(&manifest.made_at));
        let told = format!("{} is as it was on {made_at}, by Latchkey {version}.", folder.display());
        written(writeln!(io::stdout(), "{told}"))?;
        advise("Sessions that ended later and passwords that were changed later are as they were then.");
        if manifest.table != config.table_name {
            advise(&format!("Its table has another name: set TABLE_NAME={}", shown(&manifest.table)));
        }
        Ok(())
    }
}

/// Refuses a folder that a killed restore has left half full. A server would make new keys and an
/// empty database there.
///
/// # Errors
///
/// A sentence for people.
pub fn refuse_unfinished(folder: &Path) -> Result<(), String> {
    if !folder.join(ASIDE).exists() {
        return Ok(());
    }
    Err(format!("A restore into {} did not come to its end. Run latchkey restore again.", folder.display()))
}

/// Refuses a folder with anything of its own. The files of a restore that was killed do not count.
fn refuse_filled(folder: &Path) -> Result<(), String> {
    let is_unfinished = folder.join(ASIDE).exists();
    let entries = fs::read_dir(folder).map_err(|error| files::unusable_folder(folder, &error))?;
    for name in entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()) {
        let is_left_over = is_unfinished && FILES.contains(&name.as_str());
        if !is_left_over && !IGNORED.contains(&name.as_str()) {
            return Err(format!(
                "{} is not empty: it has {}. Nothing was changed. Name an empty folder with --data-dir, or move this one away.",
                folder.display(),
                shown(&name)
            ));
        }
    }
    Ok(())
}

/// Removes the folder of a restore.
fn clear(aside: &Path) -> Result<(), String> {
    match fs::remove_dir_all(aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(aside, &error, "removed")),
        _ => Ok(()),
    }
}

/// Unpacks every file of the list, and compares it with the list.
fn unpack<'a, R: Read + 'a>(
    entries: impl Iterator<Item = io::Result<Entry<'a, R>>>,
    manifest: &Manifest,
    aside: &Path,
) -> Result<(), String> {
    let mut missing = manifest.files.iter();
    for entry in entries {
        let mut entry = entry.map_err(|_| damaged("an entry", "cannot be read"))?;
        let Some(member) = missing.next().filter(|member| entry.path_bytes().as_ref() == member.name.as_bytes()) else {
            return Err(damaged("its list", "does not match its files"));
        };
        unpack_one(&mut entry, member, aside)?;
    }
    missing.next().map_or(Ok(()), |member| Err(damaged(&member.name, "is missing")))
}

fn unpack_one(entry: &mut impl Read, member: &Member, aside: &Path) -> Result<(), String> {
    let path = aside.join(&member.name);
    let unwritable = |error: io::Error| unusable(&path, &error, "written");
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(unwritable)?;
    let copied = archive::copy(entry, &mut file).and_then(|copied| file.sync_all().map(|()| copied));
    let (bytes, sha256) = copied.map_err(unwritable)?;
    if bytes != member.bytes {
        return Err(damaged(&member.name, "has another length than it had"));
    }
    if sha256 != member.sha256 {
        return Err(damaged(&member.name, "has another SHA-256 than it had"));
    }
    Ok(())
}

/// Opens the database as a server does. A database of a later version is refused here. The first
/// start of a server changes a database of an earlier version.
fn check(aside: &Path, table: &str) -> Result<(), String> {
    let cause = |error: Error| format!("The database of the archive cannot be used: {}", error.cause());
    let embedded = Embedded::file(&aside.join(deployment::DATABASE)).map_err(cause)?;
    if embedded.has_table(table).map_err(cause)? {
        return Ok(());
    }
    Err(damaged(deployment::DATABASE, &format!("has no table {}", shown(table))))
}

/// Moves the files to their place, the database last.
fn place(folder: &Path, aside: &Path, manifest: &Manifest) -> Result<(), String> {
    for name in FILES.iter().filter(|name| manifest.files.iter().any(|member| member.name == **name)) {
        let path = folder.join(name);
        fs::rename(aside.join(name), &path).map_err(|error| unusable(&path, &error, "written"))?;
    }
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| unusable(folder, &error, "written"))
}

fn unusable(path: &Path, error: &io::Error, how: &str) -> String {
    format!("{} cannot be {how}: {}.", path.display(), file_fault(error))
}
