//! Reads and changes a key set in its file or secret, without losing the change that somebody else
//! makes meanwhile.

use std::{fmt, fs::File, path::PathBuf};

use shared::{
    config::Config,
    keys::{KeySet, ManagedKeySet, ManagedSecret, Part, Source, Version, file_fault, read_file},
};

use crate::{
    aws::Aws,
    deployment::{self, now},
    files,
};

/// The tries to make the parts anew, while others write them too.
const PUBLISH_TRIES: usize = 3;

/// A file or a secret.
pub enum KeyLocation {
    /// The file with the whole set, and the files with its parts.
    File { path: PathBuf, parts: Vec<(Part, PathBuf)> },
    /// The secret with the whole set, which knows the secrets with its parts.
    Secret { managed: Box<ManagedKeySet>, id: String },
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
    /// `file`, or else the location of the service's own keys. The parts of the set are written
    /// beside the service's own keys alone.
    ///
    /// # Errors
    ///
    /// As [`Aws::secrets_manager`].
    pub async fn of(config: &Config, file: Option<PathBuf>) -> Result<Self, String> {
        let own = |path: PathBuf| {
            let parts = [(Part::Public, deployment::PUBLIC_KEYS), (Part::Refresh, deployment::REFRESH_KEYS)];
            Self::File { path, parts: parts.map(|(part, name)| (part, config.serve.data_dir.join(name))).to_vec() }
        };
        let alone = |path| Self::File { path, parts: Vec::new() };
        Ok(match (file, config.keys.signing_keys.clone()) {
            (Some(file), _) | (None, Some(Source::File(file))) => alone(file),
            (None, Some(Source::Secret(id))) => {
                let client = Aws::of(config).secrets_manager().await?;
                let parts = config.key_sources(None).part_ids();
                Self::Secret { managed: Box::new(ManagedKeySet::new(client, &id, parts)), id }
            }
            // No variable holds the key set itself.
            (None, Some(Source::Text(_)) | None) => own(config.serve.data_dir.join(deployment::SIGNING_KEYS)),
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
        let (set, version, lock) = match self {
            Self::File { path, .. } => {
                let lock = files::lock_folder_of(path)?;
                let text = read_file(path)
                    .map_err(|error| format!("{} cannot be read: {}.", path.display(), file_fault(&error)))?;
                (KeySet::parse(&text).map_err(|why| format!("{self}: {why}"))?, None, Some(lock))
            }
            Self::Secret { managed, id } => {
                let (set, current) = managed.current().await.map_err(|error| format!("{self}: {}", error.cause()))?;
                if current.is_none() {
                    return Err(format!("The secret {id} has no value yet: latchkey keys generate"));
                }
                (set, current, None)
            }
        };
        Ok(Opened { set, location: self, version, _lock: lock })
    }

    /// Writes a first set. An existing set stays as it is, and is an error.
    pub async fn fill(&self, set: KeySet) -> Result<(), String> {
        let (managed, id) = match self {
            Self::File { path, .. } => {
                let text = set.to_json().map_err(|error| error.cause())?;
                match self.read().await {
                    // The file is locked since it was read.
                    Ok(opened) if opened.set.is_empty() => files::replace_private(path, &text),
                    Ok(_) => Err(self.has_keys_already()),
                    Err(why) if path.exists() => Err(format!(
                        "{why} Put the former file back; another key set in its place would end every session."
                    )),
                    Err(_) => files::write_private(path, &text),
                }?;
                return self.publish().await;
            }
            Self::Secret { managed, id } => (managed, id),
        };
        let current = match managed.current().await {
            Ok((current, _)) if !current.is_empty() => Err(self.has_keys_already()),
            Ok((_, version)) => Ok(version),
            Err(error) => Err(format!(
                "{} Put the former value of the secret {id} back, which may be the version AWSPREVIOUS; another key set would \
                 void every session.",
                error.cause()
            )),
        }?;
        let set = managed.with_parts(set);
        managed.announce(&set, now()).await.map_err(|error| error.cause())?;
        let text = set.to_json().map_err(|error| error.cause())?;
        replace(managed.secret(), current.as_ref(), &text).await?;
        self.publish().await
    }

    fn has_keys_already(&self) -> String {
        format!(
            "There is a key set in {self} already; another one in its place would end every session. To change keys: \
             latchkey keys rotate. To end every key and every session: latchkey keys generate --replace"
        )
    }

    /// Makes the parts of the set anew, unless they are so already.
    ///
    /// # Errors
    ///
    /// A sentence for people: a part cannot be written.
    pub async fn publish(&self) -> Result<(), String> {
        match self {
            Self::File { parts, .. } if parts.is_empty() => Ok(()),
            Self::File { parts, .. } => {
                let opened = self.read().await?;
                for (part, path) in parts {
                    let text = opened.set.part(*part)?.to_json().map_err(|error| error.cause())?;
                    files::make_private(path)?;
                    files::replace_private(path, &text)?;
                }
                Ok(())
            }
            Self::Secret { managed, .. } => {
                let mut published = managed.publish(now()).await;
                for _ in 1..PUBLISH_TRIES {
                    if published.is_err() {
                        published = managed.publish(now()).await;
                    }
                }
                published.map_err(|error| format!("{}\nThe set is in force. Run: latchkey keys publish", error.cause()))
            }
        }
    }
}

impl Opened<'_> {
    /// Tells everybody who verifies the keys of the set, before a change lets one of them sign.
    pub async fn announce(&self) -> Result<(), String> {
        match self.location {
            // A laptop's parts are written under the lock.
            KeyLocation::File { .. } => Ok(()),
            KeyLocation::Secret { managed, .. } => {
                managed.announce(&self.set, now()).await.map_err(|error| format!("{}\nRun this again.", error.cause()))
            }
        }
    }

    /// Writes the set back, and then its parts.
    pub async fn save(self) -> Result<(), String> {
        let location = self.location;
        match location {
            KeyLocation::File { path, .. } => {
                let text = self.set.to_json().map_err(|error| error.cause())?;
                files::replace_private(path, &text)?;
                drop(self);
            }
            KeyLocation::Secret { managed, .. } => {
                self.announce().await?;
                replace(managed.secret(), self.version.as_ref(), &self.set.to_json().map_err(|error| error.cause())?)
                    .await?;
            }
        }
        location.publish().await
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
            Self::File { path, .. } => write!(formatter, "{}", path.display()),
            Self::Secret { id, .. } => write!(formatter, "the secret {id}"),
        }
    }
}
