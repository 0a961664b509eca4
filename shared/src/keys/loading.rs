//! Where keys come from: Secrets Manager, a file or a variable; loaded once.

use std::{
    fmt, fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use aws_sdk_secretsmanager::{Client, error::DisplayErrorContext};
use tokio::{sync::OnceCell, time};

use super::KeyRing;
use crate::{error::Error, firebase::ServiceAccount};

/// How long a cold start waits for the secret store before it answers 503.
const FETCH_TIME_MAX: Duration = Duration::from_secs(3);

/// Where a secret document is.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// In Secrets Manager, by name or ARN.
    Secret(String),
    /// In a file.
    File(PathBuf),
    /// In a variable.
    Text(String),
}

/// The keys of a deployment, once loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The service's own.
    pub ring: KeyRing,
    /// Firebase's, where one is configured.
    pub firebase: Option<ServiceAccount>,
}

/// The keys of a deployment: loaded once, by whoever needs them first; a load that failed is tried again by the next.
pub struct Keys {
    secrets: Option<Client>,
    signing: Source,
    firebase: Option<Source>,
    loaded: OnceCell<Loaded>,
}

impl Keys {
    /// Keys from these sources; nothing is read yet. `secrets` is needed only if one of them is a secret.
    pub fn new(secrets: Option<Client>, signing: Source, firebase: Option<Source>) -> Self {
        Self { secrets, signing, firebase, loaded: OnceCell::new() }
    }

    /// The keys, loaded now if they are not.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log: a source cannot be reached within three seconds, or what it gives is no key.
    pub async fn get(&self) -> Result<&Loaded, Error> {
        self.loaded.get_or_try_init(|| self.load()).await
    }

    async fn load(&self) -> Result<Loaded, Error> {
        let firebase = async {
            match &self.firebase {
                Some(source) => self.read(source).await.map(Some),
                None => Ok(None),
            }
        };
        let both = async { tokio::try_join!(self.read(&self.signing), firebase) };
        let (signing, firebase) = time::timeout(FETCH_TIME_MAX, both)
            .await
            .map_err(|_| Error::unavailable("the secret store did not answer within 3 seconds"))??;
        Ok(Loaded {
            ring: KeyRing::parse(&signing).map_err(Error::unavailable)?,
            firebase: firebase.as_deref().map(ServiceAccount::parse).transpose().map_err(Error::unavailable)?,
        })
    }

    async fn read(&self, source: &Source) -> Result<String, Error> {
        match source {
            Source::Text(text) => Ok(text.clone()),
            Source::File(path) => fs::read_to_string(path)
                .map_err(|error| Error::unavailable(format!("{} cannot be read: {error}", path.display()))),
            Source::Secret(id) => {
                let secrets = self
                    .secrets
                    .as_ref()
                    .ok_or_else(|| Error::internal("a secret is configured, but no client for Secrets Manager"))?;
                let answer = secrets.get_secret_value().secret_id(id).send().await.map_err(|error| {
                    Error::unavailable(format!("the secret {id} cannot be read: {}", DisplayErrorContext(error)))
                })?;
                answer
                    .secret_string
                    .filter(|text| !text.is_empty())
                    .ok_or_else(|| Error::unavailable(format!("the secret {id} has no text")))
            }
        }
    }
}

/// Writes `text` to a new file that only its owner can read, whole or not at all; one that is there already stays as it is.
///
/// # Errors
///
/// The file cannot be written.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let partial = path.with_extension("partial");
    // Left by a start that was killed half-way.
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::hard_link(&partial, path).and_then(|()| fs::remove_file(&partial))
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(id) => write!(formatter, "the secret {id}"),
            Self::File(path) => write!(formatter, "the file {}", path.display()),
            Self::Text(_) => formatter.write_str("a variable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};

    use super::*;
    use crate::testing::signing_keys;

    fn client(endpoint: &str) -> Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(endpoint);
        Client::from_conf(config.build())
    }

    /// The status of a load, and what the log would say.
    async fn failed(keys: &Keys) -> (u16, String) {
        let error = keys.get().await.unwrap_err();
        (error.status_and_code().0.as_u16(), std::error::Error::source(&error).unwrap().to_string())
    }

    #[tokio::test]
    async fn a_secret_store_that_is_down_is_503() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let keys = Keys::new(Some(client(&format!("http://{closed}"))), Source::Secret("keys".to_owned()), None);
        let (status, cause) = failed(&keys).await;
        assert!(status == 503 && cause.contains("the secret keys cannot be read"), "{cause}");
    }

    #[tokio::test]
    async fn a_secret_store_that_hangs_is_503_after_three_seconds() {
        let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", hanging.local_addr().unwrap());
        let keys = Keys::new(Some(client(&endpoint)), Source::Secret("keys".to_owned()), None);
        let (status, cause) = failed(&keys).await;
        assert!(status == 503 && cause.contains("within 3 seconds"), "{cause}");
    }

    #[tokio::test]
    async fn a_source_that_gives_no_key_is_503_and_its_text_is_not_told() {
        for (signing, firebase) in [("hunter2", None), (signing_keys(), Some("hunter2"))] {
            let firebase = firebase.map(|text| Source::Text(text.to_owned()));
            let keys = Keys::new(None, Source::Text(signing.to_owned()), firebase);
            let (status, cause) = failed(&keys).await;
            assert!(status == 503 && !cause.contains("hunter2"), "{cause}");
        }
    }

    #[test]
    fn a_private_file_is_written_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(path.with_extension("partial"), "left by a kill").unwrap();
        write_private(&path, "first").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_private(&path, "second").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
    }
}
