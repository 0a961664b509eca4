//! Where keys come from: Secrets Manager, a file or a variable; loaded once.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_sdk_secretsmanager::Client;
use tokio::{sync::OnceCell, task, time};

use super::KeyRing;
use crate::{config::Firebase, error::Error, firebase::ServiceAccount, logs};

/// How long a cold start waits for the secret store before it answers 503.
const FETCH_TIME_MAX: Duration = Duration::from_secs(3);

/// More than any key file has, so that a longer one is refused as what it is and not read to its end.
const FILE_BYTES_MAX: u64 = 128 * 1024;

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

/// The keys of a deployment, loaded.
#[derive(Clone, Copy, Debug)]
pub struct Loaded<'a> {
    /// The service's own.
    pub ring: &'a KeyRing,
    /// Firebase's, where one is configured.
    pub firebase: Option<&'a ServiceAccount>,
}

/// The keys of a deployment: each loaded once, by whoever needs it first; a load that failed is tried again by the next.
pub struct Keys {
    secrets: Option<Client>,
    signing: Source,
    firebase: Firebase,
    ring: OnceCell<KeyRing>,
    account: OnceCell<Option<ServiceAccount>>,
}

impl Keys {
    /// Keys from these sources; nothing is read yet. `secrets` is needed only if one of them is a secret.
    pub fn new(secrets: Option<Client>, signing: Source, firebase: Firebase) -> Self {
        Self { secrets, signing, firebase, ring: OnceCell::new(), account: OnceCell::new() }
    }

    /// All keys, loaded now if they are not, both at the same time.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log: a source cannot be reached within three seconds, or what it gives is no key.
    pub async fn get(&self) -> Result<Loaded<'_>, Error> {
        let (ring, firebase) = tokio::try_join!(self.ring(), self.firebase())?;
        Ok(Loaded { ring, firebase })
    }

    /// The service's own keys.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn ring(&self) -> Result<&KeyRing, Error> {
        let load = async || KeyRing::parse(&self.read(&self.signing).await?).map_err(Error::unavailable);
        self.ring.get_or_try_init(load).await
    }

    /// The Firebase service account, where one is configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn firebase(&self) -> Result<Option<&ServiceAccount>, Error> {
        Ok(self.account.get_or_try_init(|| self.load_account()).await?.as_ref())
    }

    async fn load_account(&self) -> Result<Option<ServiceAccount>, Error> {
        let Some(source) = &self.firebase.account else { return Ok(None) };
        let account = self.account(&self.read(source).await?);
        account.map(Some).map_err(|refusal| Error::unavailable(format!("{}: {refusal}", named(source))))
    }

    /// The service account, as it was pasted; a custom token of another project's account would be refused by the project whose
    /// ID tokens are verified here.
    fn account(&self, text: &str) -> Result<ServiceAccount, String> {
        let Firebase { client_email, project_id, is_demo, .. } = &self.firebase;
        let account = ServiceAccount::parse_as(text, client_email.as_deref(), project_id.as_deref())?;
        if !account.repairs.is_empty() {
            let repairs = account.repairs.join(", ");
            tracing::warn!(repairs, "the Firebase service account was not as Google gives it, and was repaired");
        }
        match project_id {
            Some(project) if *project != account.project_id && !is_demo => Err(format!(
                "FIREBASE_PROJECT_ID is {project}, but the service account belongs to the project {}. Take the service \
                 account of {project}, or change or unset FIREBASE_PROJECT_ID.",
                account.project_id
            )),
            _ => Ok(account),
        }
    }

    async fn read(&self, source: &Source) -> Result<String, Error> {
        time::timeout(FETCH_TIME_MAX, self.fetch(source))
            .await
            .map_err(|_| Error::unavailable(format!("{source:?} did not answer within 3 seconds")))?
    }

    async fn fetch(&self, source: &Source) -> Result<String, Error> {
        match source {
            Source::Text(text) => Ok(text.clone()),
            Source::File(path) => {
                // A file may be a pipe that nobody writes to.
                let (path, shown) = (path.clone(), path.display().to_string());
                let read = task::spawn_blocking(move || read_file(&path)).await.map_err(Error::internal)?;
                read.map_err(|error| Error::unavailable(format!("{shown} cannot be read: {error}")))
            }
            Source::Secret(id) => {
                let secrets = self
                    .secrets
                    .as_ref()
                    .ok_or_else(|| Error::internal("a secret is configured, but no client for Secrets Manager"))?;
                let answer = secrets.get_secret_value().secret_id(id).send().await.map_err(|error| {
                    Error::unavailable(format!("the secret {id} cannot be read: {}", logs::causes(&error)))
                })?;
                answer
                    .secret_string
                    .filter(|text| !text.is_empty())
                    .ok_or_else(|| Error::unavailable(format!("the secret {id} has no text")))
            }
        }
    }
}

/// The text of a key file. What is no UTF-8 is no key either, and is refused as such where it is understood.
///
/// # Errors
///
/// As the operating system has them.
pub fn read_file(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What to mend where the service account is wrong.
fn named(source: &Source) -> String {
    match source {
        Source::Secret(_) => "FIREBASE_SERVICE_ACCOUNT_SECRET_ID".to_owned(),
        Source::Text(_) => "FIREBASE_SERVICE_ACCOUNT".to_owned(),
        Source::File(path) => path.display().to_string(),
    }
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
    use std::{
        io::{Read, Write},
        net::{SocketAddr, TcpListener},
    };

    use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};

    use super::*;
    use crate::{
        config::Config,
        testing::{service_account, signing_keys},
    };

    fn firebase(variables: &[(&str, &str)]) -> Firebase {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::read(get).unwrap().firebase
    }

    /// Keys in a Secrets Manager at this address.
    fn keys_at(address: SocketAddr) -> Keys {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(format!("http://{address}"));
        Keys::new(Some(Client::from_conf(config.build())), Source::Secret("keys".to_owned()), firebase(&[]))
    }

    /// The status of a load, and what the log would say.
    async fn failed(keys: &Keys) -> (u16, String) {
        let error = keys.get().await.unwrap_err();
        (error.status_and_code().0.as_u16(), std::error::Error::source(&error).unwrap().to_string())
    }

    #[tokio::test]
    async fn a_secret_store_that_is_down_is_503() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (status, cause) = failed(&keys_at(closed)).await;
        assert!(status == 503 && cause.contains("the secret keys cannot be read"), "{cause}");
    }

    #[tokio::test]
    async fn a_secret_store_that_hangs_is_503_after_three_seconds() {
        let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
        let (status, cause) = failed(&keys_at(hanging.local_addr().unwrap())).await;
        assert!(status == 503 && cause.contains("within 3 seconds"), "{cause}");
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_503_and_is_not_told() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        std::thread::spawn(move || {
            let body = r#"{"CreatedDate":"never","SecretString":"hunter2"}"#;
            for stream in server.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]).unwrap();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        let (status, cause) = failed(&keys_at(address)).await;
        assert!(
            status == 503 && cause.contains("the secret keys cannot be read") && !cause.contains("hunter2"),
            "{cause}"
        );
    }

    #[tokio::test]
    async fn a_source_that_gives_no_key_is_503_and_its_text_is_not_told() {
        for (signing, account) in [("hunter2", ""), (signing_keys(), "{\"hunter2\":1}")] {
            let firebase = firebase(&[("FIREBASE_SERVICE_ACCOUNT", account)]);
            let keys = Keys::new(None, Source::Text(signing.to_owned()), firebase);
            let (status, cause) = failed(&keys).await;
            assert!(status == 503 && !cause.contains("hunter2"), "{cause}");
        }
    }

    #[tokio::test]
    async fn a_service_account_of_another_project_is_refused_by_both_names() {
        let keys = |project: &str| {
            let variables = [("FIREBASE_SERVICE_ACCOUNT", service_account()), ("FIREBASE_PROJECT_ID", project)];
            Keys::new(None, Source::Text(signing_keys().to_owned()), firebase(&variables))
        };
        assert!(keys("demo-latchkey").get().await.is_ok());
        let (status, cause) = failed(&keys("other")).await;
        assert!(status == 503 && cause.contains("is other") && cause.contains("project demo-latchkey"), "{cause}");
    }
}
