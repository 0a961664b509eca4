//! The archive of a data folder: a tar file, whose first entry lists the others with their
//! checksums. Any `tar` lists and unpacks it.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use shared::time::Timestamp;
use tar::{Archive, Builder, Entries, Header};

use crate::{deployment, files::BUFFER_BYTES};

/// The first entry.
const MANIFEST: &str = "latchkey-backup.json";
/// The largest first entry that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;
/// The form of the archives that this program writes. A change that an older program cannot read
/// raises it.
const FORMAT: u32 = 1;

/// The files of a data folder that an archive may have. The database is the last that a restore
/// puts in its place.
pub const FILES: [&str; 6] = [
    deployment::SIGNING_KEYS,
    deployment::PUBLIC_KEYS,
    deployment::REFRESH_KEYS,
    deployment::SERVICE_ACCOUNT,
    deployment::PROOF_KEY,
    deployment::DATABASE,
];

/// The list of an archive's files.
#[derive(Deserialize, Serialize)]
pub struct Manifest {
    format: u32,
    /// The version of the program that made the archive.
    pub version: String,
    /// The moment of the copy (RFC 3339).
    pub made_at: String,
    /// The name of the table in the database.
    pub table: String,
    /// The files, in the order in which they follow.
    pub files: Vec<Member>,
}

/// A file of an archive.
#[derive(Clone, Deserialize, Serialize)]
pub struct Member {
    /// One of [`FILES`].
    pub name: String,
    /// The length in bytes.
    pub bytes: u64,
    /// The SHA-256 of the contents, in lowercase hexadecimal digits.
    pub sha256: String,
}

/// A file that goes into an archive.
pub struct Content {
    member: Member,
    file: File,
}

impl Content {
    /// Reads a file through, for its checksum.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn of(name: &str, mut file: File) -> io::Result<Self> {
        let (bytes, sha256) = copy(&mut file, &mut io::sink())?;
        file.rewind()?;
        Ok(Self { member: Member { name: name.to_owned(), bytes, sha256 }, file })
    }
}

impl Manifest {
    /// The list of these files.
    pub fn of(contents: &[Content], table: &str, now: Timestamp) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: now.rfc3339(),
            table: table.to_owned(),
            files: contents.iter().map(|content| content.member.clone()).collect(),
        }
    }

    /// Reads the first entry of an archive.
    ///
    /// # Errors
    ///
    /// A sentence for people: this is no archive of `latchkey backup`, or one of a later version.
    pub fn read<R: Read>(entries: &mut Entries<'_, R>) -> Result<Self, String> {
        const FOREIGN: &str = "This is no archive of latchkey backup.";
        let entry = entries.next().and_then(Result::ok).ok_or(FOREIGN)?;
        let is_ours = entry.path_bytes().as_ref() == MANIFEST.as_bytes() && entry.size() <= MANIFEST_BYTES_MAX;
        if !is_ours {
            return Err(FOREIGN.to_owned());
        }
        let mut text = String::new();
        entry.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).map_err(|_| damaged(MANIFEST, "cannot be read"))?;
        let form: Form = serde_json::from_str(&text).map_err(|_| damaged(MANIFEST, "cannot be understood"))?;
        if form.format != FORMAT {
            return Err(format!(
                "This archive is of Latchkey {}, and this program is {}. Restore it with that version or a later one.",
                crate::escape::shown(&form.version),
                env!("CARGO_PKG_VERSION")
            ));
        }
        let manifest: Self = serde_json::from_str(&text).map_err(|_| damaged(MANIFEST, "cannot be understood"))?;
        let is_known = |member: &Member| FILES.contains(&member.name.as_str());
        if manifest.files.iter().all(is_known) && manifest.files.iter().any(|file| file.name == deployment::DATABASE) {
            Ok(manifest)
        } else {
            Err(damaged(MANIFEST, "does not list the files of a data folder"))
        }
    }
}

/// The part of a list that every version can read.
#[derive(Deserialize)]
struct Form {
    format: u32,
    version: String,
}

/// A sentence about an archive that is not as it was written.
pub fn damaged(name: &str, how: &str) -> String {
    format!("The archive is damaged: {name} {how}. Use another copy of it, or an earlier archive.")
}

/// Writes an archive.
///
/// # Errors
///
/// A file cannot be read, or the archive cannot be written.
pub fn write(out: impl Write, manifest: &Manifest, contents: Vec<Content>, now: Timestamp) -> io::Result<()> {
    let mut archive = Builder::new(out);
    let mut list = serde_json::to_vec_pretty(manifest)?;
    list.push(b'\n');
    archive.append_data(&mut header(list.len() as u64, now), MANIFEST, list.as_slice())?;
    for Content { member, file } in contents {
        archive.append_data(&mut header(member.bytes, now), &member.name, file.take(member.bytes))?;
    }
    archive.finish()
}

fn header(bytes: u64, now: Timestamp) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(now.seconds().unsigned_abs());
    header
}

/// Opens an archive for [`Manifest::read`] and for its files.
pub fn reader<R: Read>(input: R) -> Archive<R> {
    Archive::new(input)
}

/// Copies everything. Returns the number of bytes and their SHA-256.
///
/// # Errors
///
/// `from` cannot be read, or `to` cannot be written.
pub fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut context, mut bytes) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        context.update(part);
        to.write_all(part)?;
        bytes += read as u64;
    }
    let digits = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, digits))
}
