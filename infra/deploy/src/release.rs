//! Reads the functions and the template of a release, from its archive or from the folder that the
//! archive was unpacked to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read, Take},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use flate2::read::GzDecoder;

/// The file beside the archive that has the checksums of a release.
const SUMS: &str = "SHA256SUMS";
/// The most bytes that an archive may unpack to. A release has a tenth of this.
const BYTES_MAX: u64 = 512 << 20;
/// The beginning of a function's place in the template of a release. `infra/release/pack.sh` writes
/// the line.
const CODE: &str = "CodeUri: functions/";

/// The template of one version for one processor, and the zip of each function by its name.
pub struct Release {
    /// The name of the archive without its ending, such as `latchkey-0.2.0-aws-arm64`.
    pub name: String,
    /// The template, with a relative place of each zip.
    pub template: String,
    /// The zip of each function, by the function's name.
    pub functions: BTreeMap<String, Vec<u8>>,
    /// Whether the archive was compared with its checksum. False if there is no list of checksums.
    pub is_compared: bool,
}

impl Release {
    /// Reads a release.
    ///
    /// # Errors
    ///
    /// A sentence: the file is missing, is not the file that was released, or is no release for
    /// AWS.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = name(path);
        let (files, is_compared) = if path.is_dir() {
            (unpacked(path)?, false)
        } else {
            let bytes = fs::read(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
            let is_compared = compare(path, &bytes)?;
            (unpack(path, &bytes)?, is_compared)
        };
        let release = Self::of(name, files, is_compared);
        release.must_belong_together(path)?;
        Ok(release)
    }

    fn of(name: String, mut files: BTreeMap<String, Vec<u8>>, is_compared: bool) -> Self {
        let template = files.remove("template.yaml").unwrap_or_default();
        let template = String::from_utf8_lossy(&template).into_owned();
        let functions = files.into_iter().filter_map(|(path, content)| {
            let name = path.strip_prefix("functions/")?.strip_suffix(".zip")?;
            Some((name.to_owned(), content))
        });
        Self { name, template, functions: functions.collect(), is_compared }
    }

    fn must_belong_together(&self, path: &Path) -> Result<(), String> {
        let named: BTreeSet<_> = self.template.lines().filter_map(zip_of).collect();
        let there: BTreeSet<_> = self.functions.keys().map(String::as_str).collect();
        if !named.is_empty() && named == there {
            return Ok(());
        }
        let path = path.display();
        if self.functions.is_empty() {
            return Err(format!(
                "{path} is no release for AWS: its name has the form latchkey-VERSION-aws-arm64.tar.gz, and it has a \
                 template and functions."
            ));
        }
        let odd: Vec<_> = named.symmetric_difference(&there).copied().collect();
        Err(format!("{path} does not belong together: its template and its zips differ in {}.", odd.join(", ")))
    }

    /// The template with the place of each zip, which `place` tells by the function's name.
    pub fn packaged(&self, place: impl Fn(&str) -> String) -> String {
        let lines = self.template.lines().map(|line| match zip_of(line) {
            Some(name) => {
                let indent = line.len() - line.trim_start().len();
                format!("{:indent$}CodeUri: {}\n", "", place(name))
            }
            None => format!("{line}\n"),
        });
        lines.collect()
    }

    /// The size of all zips, in bytes.
    pub fn size(&self) -> usize {
        self.functions.values().map(Vec::len).sum()
    }
}

/// The only release for AWS in the present folder.
///
/// # Errors
///
/// A sentence: there is none, or more than one.
pub fn only() -> Result<PathBuf, String> {
    let files = fs::read_dir(".").map_err(|error| format!("The present folder cannot be read: {error}."))?;
    let found: BTreeSet<_> = files.filter_map(|file| file.ok()?.file_name().into_string().ok()).collect();
    let found: Vec<_> = found
        .into_iter()
        .filter(|name| name.starts_with("latchkey-") && name.contains("-aws-") && name.ends_with(".tar.gz"))
        .collect();
    match found.as_slice() {
        [one] => Ok(PathBuf::from(one)),
        [] => Err(
            "There is no latchkey-VERSION-aws-arm64.tar.gz in this folder. Download it from the release, or name its \
                   path: latchkey deploy PATH."
                .to_owned(),
        ),
        several => Err(format!(
            "There are several releases here: {}. Name one: latchkey deploy {}.",
            several.join(", "),
            several.first().map_or("", String::as_str)
        )),
    }
}

/// The name of the function whose zip a line of the template places.
fn zip_of(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_prefix(CODE)?.strip_suffix(".zip")?;
    name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-').then_some(name)
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".tar.gz").to_owned()
}

/// Whether the archive was compared with the list of checksums beside it.
fn compare(path: &Path, bytes: &[u8]) -> Result<bool, String> {
    let sums = path.with_file_name(SUMS);
    let Ok(list) = fs::read_to_string(&sums) else { return Ok(false) };
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let expected = list.lines().find_map(|line| {
        let (sum, name) = line.split_once(char::is_whitespace)?;
        (name.trim_start().trim_start_matches('*') == file).then_some(sum)
    });
    let Some(expected) = expected else {
        return Err(format!("{} has no line for {file}: it belongs to another release.", sums.display()));
    };
    if sha256(bytes) != expected {
        return Err(format!(
            "{} is not the file that was released: its SHA-256 is not the one in {}. Download it again.",
            path.display(),
            sums.display()
        ));
    }
    Ok(true)
}

/// The SHA-256 of a text in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unpack(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let broken = |error: io::Error| format!("{} cannot be unpacked: {error}. Download it again.", path.display());
    let mut archive = tar::Archive::new(bounded(GzDecoder::new(bytes)));
    let mut files = BTreeMap::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let inner = entry.path().map_err(broken)?.components().skip(1).collect::<PathBuf>();
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(broken)?;
            files.insert(inner.to_string_lossy().into_owned(), content);
        }
    }
    // Only at its end the stream is compared with its checksum.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    Ok(files)
}

/// A stream that ends after the most bytes that an archive may unpack to.
fn bounded<R: Read>(stream: R) -> Take<R> {
    stream.take(BYTES_MAX)
}

fn unpacked(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let unreadable = |error: io::Error| format!("{} cannot be read: {error}.", folder.display());
    let mut files = BTreeMap::new();
    if let Ok(template) = fs::read(folder.join("template.yaml")) {
        files.insert("template.yaml".to_owned(), template);
    }
    let Ok(functions) = fs::read_dir(folder.join("functions")) else { return Ok(files) };
    for file in functions {
        let file = file.map_err(unreadable)?;
        let content = fs::read(file.path()).map_err(unreadable)?;
        files.insert(format!("functions/{}", file.file_name().to_string_lossy()), content);
    }
    Ok(files)
}
