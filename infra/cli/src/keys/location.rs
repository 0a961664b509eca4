//! Reads and changes a key set in its file or secret, without losing the change that somebody else
//! makes meanwhile.

use std::{fmt, fs::File, path::PathBuf};

use shared::{
    config::Config,
    keys::{KeySet, ManagedSecret, Source, Version, read_file},
};

use crate::{aws::Aws, deployment, files};

/// A file or a secret.
pub enum KeyLocation {
    File(PathBuf),
    Secret { managed_secret: ManagedSecret, id: String },
}

/// A key set that was read in order to change it. A file stays locked for as long as this lives. A
/// secret is not locked: the slower of two changes is refused.
pub struct Opened<'a> {
    pub set: KeySet,
    location: &'a KeyLocation,
    version: Option<Version>,
    _lock: Option<File>,
}

impl KeyLocation {
    /// `file`, or else the location of the service's own keys.
    ///
    /// # Errors
    ///
    /// As [`Aws::secrets_manager`].
    pub async fn of(config: &Config, file: Option<PathBuf>) -> Result<Self, String> {
        Ok(match (file, deployment::signing_keys(config).0) {
            (Some(file), _) | (None, Source::File(file)) => Self::File(file),
            (None, Source::Secret(id)) => {
                let client = Aws::of(config).secrets_manager().await?;
                Self::Secret { managed_secret: ManagedSecret::new(client, &id), id }
            }
            // No variable holds the key set itself.
            (None, Source::Text(_)) => Self::File(config.serve.data_dir.join(deployment::SIGNING_KEYS)),
        })
    }

    /// Reads the set for a change that follows at once.
    pub async fn open(&self) -> Result<Opened<'_>, String> {
        let opened = self.read().await?;
        if opened.set.is_empty() {
            return Err(format!("There is no key in {self} yet: latchkey keys generate"));
        }
        Ok(opened)
    }

    async fn read(&self) -> Result<Opened<'_>, String> {
        let (text, version, lock) = match self {
            Self::File(path) => {
                let lock = files::lock_folder_of(path)?;
                let text = read_file(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
                (text, None, Some(lock))
            }
            Self::Secret { managed_secret, id } => {
                let current = managed_secret.current().await.map_err(|error| error.cause())?;
                let current =
                    current.ok_or_else(|| format!("The secret {id} has no value yet: latchkey keys generate"))?;
                (current.text.to_string(), Some(current), None)
            }
        };
        let set = KeySet::parse(&text).map_err(|why| format!("{self}: {why}"))?;
        Ok(Opened { set, location: self, version, _lock: lock })
    }

    /// Writes a first set. An existing set stays as it is, and is an error.
    pub async fn fill(&self, set: &str) -> Result<(), String> {
        let (managed_secret, id) = match self {
            Self::File(path) => {
                return match self.read().await {
                    // The file is locked since it was read.
                    Ok(opened) if opened.set.is_empty() => files::replace_private(path, set),
                    _ => files::write_private(path, set),
                };
            }
            Self::Secret { managed_secret, id } => (managed_secret, id),
        };
        let current = managed_secret.current().await.map_err(|error| error.cause())?;
        match current.as_ref().map(|version| KeySet::parse(&version.text)) {
            Some(Ok(set)) if !set.is_empty() => Err(format!(
                "The secret {id} has a value already; another key set in its place would void every session. To change keys: \
                 latchkey keys rotate"
            )),
            Some(Err(why)) => Err(format!(
                "The secret {id} has a value already: {why} Put its former value back, which may be the version AWSPREVIOUS; \
                 another key set would void every session."
            )),
            _ => Ok(()),
        }?;
        replace(managed_secret, current.as_ref(), set).await
    }
}

impl Opened<'_> {
    /// Writes the set back.
    pub async fn save(self) -> Result<(), String> {
        let text = self.set.to_json().map_err(|error| error.cause())?;
        match self.location {
            KeyLocation::File(path) => files::replace_private(path, &text),
            KeyLocation::Secret { managed_secret, .. } => replace(managed_secret, self.version.as_ref(), &text).await,
        }
    }
}

/// Puts `text` in the place of the version that was read.
///
/// # Errors
///
/// A sentence for the terminal: Secrets Manager fails, or another version is in force by now.
pub(super) async fn replace(
    managed_secret: &ManagedSecret,
    current: Option<&Version>,
    text: &str,
) -> Result<(), String> {
    let replaced = managed_secret.replace(current, text).await;
    replaced.map_err(|error| format!("{}\nIf somebody else changed it meanwhile, run this again.", error.cause()))
}

impl fmt::Display for KeyLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Secret { id, .. } => write!(formatter, "the secret {id}"),
        }
    }
}
