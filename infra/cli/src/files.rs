//! Reads text in either encoding, and writes files that hold secrets.

use std::{
    fs::{DirBuilder, File},
    io::{self, BufRead, BufReader, BufWriter, Cursor, ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use shared::{
    keys::file_fault,
    text::{self, Encoding},
};
use tempfile::NamedTempFile;

/// The bytes of a text that are read at a time, in which its form is told.
pub const BUFFER_BYTES: usize = 64 * 1024;
/// The longest text in UTF-16 that is converted. Such a text is held in memory.
const CONVERTED_BYTES_MAX: u64 = 1 << 30;

/// The text of an input in UTF-8, whether the input is in UTF-8 or in UTF-16. A byte order mark
/// stays, for the reader of the lines.
///
/// # Errors
///
/// The input cannot be read; `InvalidData` with a phrase if it is a packed file or damaged.
pub fn as_utf8(input: impl Read + 'static) -> io::Result<BufReader<Box<dyn Read>>> {
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, Box::new(input) as Box<dyn Read>);
    let invalid = |why| io::Error::new(ErrorKind::InvalidData, why);
    if Encoding::of(reader.fill_buf()?).map_err(invalid)? == Encoding::Utf8 {
        return Ok(reader);
    }
    let mut bytes = Vec::new();
    reader.take(CONVERTED_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = text::decode(&bytes).map_err(invalid)?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, Box::new(Cursor::new(text.into_bytes()))))
}

/// Writes `text` to a new file that only its owner can read, either whole or not at all. An
/// existing file stays as it is, and is an error.
///
/// # Errors
///
/// A sentence for people.
pub fn write_private(path: &Path, text: &str) -> Result<(), String> {
    describe(path, create_private(path, text))
}

/// Writes the text that `make` returns to a file that only its owner can read, unless the file
/// exists. If several processes do so at once, one of them creates the file, and the others leave
/// it alone.
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
        created => describe(path, created),
    }
}

fn create_private(path: &Path, text: &str) -> io::Result<File> {
    NamedTempFile::new_in(folder_of(path)).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)
    })
}

/// Replaces the contents of a file, either whole or not at all. Afterwards only its owner can read
/// the file.
///
/// # Errors
///
/// A sentence for people.
pub fn replace_private(path: &Path, text: &str) -> Result<(), String> {
    // A symbolic link stays a link: the file behind it is replaced.
    let written = path.canonicalize().and_then(|path| {
        let mut file = NamedTempFile::new_in(folder_of(&path))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)
    });
    describe(path, written)
}

/// Locks the folder of a file. Waits while another process holds the lock. The lock ends when the
/// returned file is dropped.
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
    locked.map_err(|error| format!("{} cannot be opened: {}.", path.display(), file_fault(&error)))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates a folder that only its owner can use, and its missing parent folders. An existing folder
/// stays as it is.
///
/// # Errors
///
/// A sentence for people.
pub fn make_folder(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| unusable_folder(folder, &error))
}

/// Says why the data folder cannot be used, and what to do.
pub fn unusable_folder(folder: &Path, error: &io::Error) -> String {
    format!(
        "The data folder {} cannot be used: {}. Choose another one with --data-dir or DATA_DIR.",
        folder.display(),
        file_fault(error)
    )
}

/// A new file that only its owner can read. It appears under its name when it is finished, whole.
pub struct PrivateFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl PrivateFile {
    /// Begins the file. An existing file stays as it is, and is an error.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn create(path: &Path) -> Result<Self, String> {
        if path.exists() {
            return Err(format!("{} exists already, and is left as it is.", path.display()));
        }
        let file = NamedTempFile::new_in(folder_of(path));
        let file = file.map_err(|error| format!("{} cannot be written: {}.", path.display(), file_fault(&error)))?;
        Ok(Self { file: BufWriter::new(file), path: path.to_owned() })
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn finish(self) -> Result<(), String> {
        let Self { file, path } = self;
        let finished = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| {
            file.as_file().sync_all()?;
            file.persist_noclobber(&path).map_err(|error| error.error)
        });
        describe(&path, finished)
    }
}

impl Write for PrivateFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Creates an empty file that only its owner can read, unless the file exists.
///
/// # Errors
///
/// A sentence for people.
pub fn make_private(path: &Path) -> Result<(), String> {
    describe(path, File::options().create(true).append(true).mode(0o600).open(path))
}

fn describe(path: &Path, written: io::Result<File>) -> Result<(), String> {
    written.map(drop).map_err(|error| format!("{} cannot be written: {}.", path.display(), file_fault(&error)))
}
