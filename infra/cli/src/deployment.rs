//! The deployment that the environment describes, as far as a command looks at it: nothing is served, no account is read.

use std::{net::SocketAddr, path::PathBuf};

use shared::{
    App,
    access::Party,
    clock::Timestamp,
    config::{Config, Firebase, TokenProfile},
    embedded::Embedded,
    error::Error,
    firebase::Refusal,
    keys::{KeySet, Keys, Source},
    store::Store,
};

use crate::{Failure, keys, serve::LOOPBACK};

/// The file of the data folder with the signing keys.
pub const SIGNING_KEYS: &str = "signing-keys.json";
/// The file of the data folder with the demo service account.
pub const SERVICE_ACCOUNT: &str = "firebase-service-account.json";

/// What commands judge tokens by.
pub struct Deployment {
    /// Its configuration and keys. The table behind it is empty.
    pub app: App,
    /// Whose access tokens are taken.
    pub party: Party,
    /// Whether there are signing keys; without any, access tokens cannot be judged.
    pub has_signing_keys: bool,
}

impl Deployment {
    /// Reads the environment, and the data folder of `latchkey serve` for what the environment leaves out.
    ///
    /// # Errors
    ///
    /// What a person is told: a variable that is wrong.
    pub async fn open() -> Result<Self, Failure> {
        let mut config = Config::from_env().map_err(|wrong| Failure::wrong_use(wrong.to_string()))?;
        let issuer = config.issuer.get_or_insert_with(|| format!("http://{}", SocketAddr::new(LOOPBACK, config.port)));
        let issuer = issuer.clone();
        let party = config.party(issuer);
        let signing = signing_keys(&config);
        let has_signing_keys = signing.is_some();
        let signing = match signing {
            Some(source) => source,
            None => Source::Text(KeySet::generate(keys::now()).and_then(|set| set.to_json()).map_err(told)?),
        };
        let (firebase, _) = adopt_demo(&mut config);
        let secrets = shared::secrets_client(&[Some(&signing), firebase.account.as_ref()]).await;
        let keys = Keys::new(secrets, signing, firebase);
        let store = Store::new(Embedded::memory().map_err(told)?.client(), &config.table_name);
        Ok(Self { app: App::new(config, store, keys).map_err(told)?, party, has_signing_keys })
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.app.now()
    }
}

/// Where the signing keys are, if there are any.
pub fn signing_keys(config: &Config) -> Option<Source> {
    let file: PathBuf = config.data_dir.join(SIGNING_KEYS);
    config.signing_keys.clone().or_else(|| file.exists().then_some(Source::File(file)))
}

/// Takes the demo account of the data folder, if there is one and no other is configured. Gives what the keys are loaded by,
/// and whether it is the demo account: that may be of another project than FIREBASE_PROJECT_ID, as nobody chose it.
pub fn adopt_demo(config: &mut Config) -> (Firebase, bool) {
    let file = config.data_dir.join(SERVICE_ACCOUNT);
    let wanted = config.firebase.account.is_none() && config.token_profile != Some(TokenProfile::Access);
    let is_demo = wanted && file.exists();
    if is_demo {
        config.firebase.account = Some(Source::File(file));
        // Its project is one that was not chosen; any that was comes first.
        let ambient = config.firebase.google_cloud_project.clone();
        config.firebase.project_id = config.firebase.project_id.take().or(ambient);
    }
    let project_id = config.firebase.project_id.clone().filter(|_| !is_demo);
    (Firebase { project_id, ..config.firebase.clone() }, is_demo)
}

/// The cause of a fault, which a person at the machine may know.
pub fn cause(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Why there is no custom token.
pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Request(sentence) => sentence.clone(),
        Refusal::Fault(error) => cause(error),
    }
}

fn told(error: Error) -> Failure {
    cause(&error).into()
}
