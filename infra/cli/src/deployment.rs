//! The deployment that the environment describes, for commands that only look at it. Nothing is
//! served, and no account is read.

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use rustix::fs::{Access, access};
use shared::{
    App,
    config::Config,
    error::Error,
    keys::{KeySet, NewKeys, Source, file_fault},
    store::{Store, embedded::Embedded},
    time::Timestamp,
    token::{access::Issuer, custom::CustomTokenError},
};

use crate::{Failure, aws::Aws};

/// The address that `latchkey serve` listens on by default.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The file of the data folder with the signing keys.
pub const SIGNING_KEYS: &str = "signing-keys.json";
/// The file of the data folder with the public keys, a part of the set.
pub const PUBLIC_KEYS: &str = "public-keys.json";
/// The file of the data folder with the keys of refresh tokens, a part of the set.
pub const REFRESH_KEYS: &str = "refresh-keys.json";
/// The file of the data folder with the demo service account.
pub const SERVICE_ACCOUNT: &str = "firebase-service-account.json";

/// The file of the data folder with the key of mailed codes and links.
pub const PROOF_KEY: &str = "proof-key";

/// The file of the data folder with the embedded table.
pub const DATABASE: &str = "latchkey.db";

/// A deployment's configuration, keys and issuer, to judge tokens by.
pub struct Deployment {
    /// The configuration and the keys. The table behind this app is empty.
    pub app: App,
    /// The issuer and the audience of accepted access tokens.
    pub issuer: Issuer,
    /// Whether there are signing keys. Without keys no access token can be judged.
    pub has_signing_keys: bool,
}

impl Deployment {
    /// The deployment of a configuration. The data folder of `latchkey serve` fills in keys that
    /// the configuration does not name.
    ///
    /// # Errors
    ///
    /// A sentence for people: a variable is wrong.
    pub async fn open(mut config: Config) -> Result<Self, Failure> {
        let issuer = config
            .http
            .issuer
            .get_or_insert_with(|| format!("http://{}", SocketAddr::new(LOOPBACK, config.serve.port)));
        let issuer = issuer.clone();
        let issuer = config.issuer_at(issuer);
        let (signing, has_signing_keys) = signing_keys(&config);
        adopt_demo(&mut config);
        adopt_proof_key(&mut config);
        let sources = config.key_sources(signing);
        let keys = Aws::of(&config).keys(sources).await?;
        let store = Store::new(Embedded::memory().map_err(failure)?.client(), &config.table_name);
        Ok(Self { app: App::new(config, store, keys).map_err(failure)?, issuer, has_signing_keys })
    }

    /// The wall clock of the app.
    pub fn now(&self) -> Timestamp {
        self.app.now()
    }
}

/// Whether the accounts are in the DynamoDB that AWS's own variables name, and not in the embedded
/// database. Accounts are on AWS if the signing keys are.
pub fn is_on_aws(config: &Config) -> bool {
    matches!(config.keys.signing_keys, Some(Source::Secret(_)))
}

/// Opens the embedded database, also while a server uses it. Each change is one transaction, and
/// SQLite runs the transactions of several processes one after the other.
///
/// # Errors
///
/// A sentence for people: there is no database, or it cannot be opened.
pub fn embedded(config: &Config) -> Result<Embedded, Failure> {
    let file = config.serve.data_dir.join(DATABASE);
    // Opening a missing file would create it.
    if !file.is_file() {
        return Err(format!(
            "There is no database {}. Name its folder with --data-dir or DATA_DIR; if the accounts are on AWS, set \
             SIGNING_KEYS_SECRET_ID. (`latchkey serve` makes a database at its first start.)",
            file.display()
        )
        .into());
    }
    // SQLite writes beside the file, also to read it.
    let writable =
        File::options().write(true).open(&file).and_then(|_| Ok(access(&config.serve.data_dir, Access::WRITE_OK)?));
    writable.map_err(|error| {
        format!(
            "{} cannot be opened: {}. SQLite must write there, also to read it.",
            file.display(),
            file_fault(&error)
        )
    })?;
    Embedded::file(&file).map_err(|error| format!("{}: {}", file.display(), error.cause()).into())
}

/// The table in the DynamoDB that AWS's own variables name.
///
/// # Errors
///
/// As [`Aws::dynamodb`].
pub async fn external_table(aws: &Aws, config: &Config) -> Result<Store, String> {
    Ok(Store::new(aws.dynamodb().await?, &config.table_name))
}

/// Checks a table that was made elsewhere.
///
/// # Errors
///
/// A sentence: the table lacks something, or cannot be read. The sentence says what to do.
pub async fn examine(store: &Store, name: &str) -> Result<(), String> {
    match store.schema_problems().await {
        Ok(schema_problems) if schema_problems.is_empty() => Ok(()),
        Ok(schema_problems) => Err(format!("{name}: {}. Deploy template.yaml again", schema_problems.join("; "))),
        Err(error) => Err(format!(
            "{name}: {}. Check TABLE_NAME, the region, the credentials, and that dynamodb:DescribeTable and \
             dynamodb:DescribeTimeToLive are allowed",
            error.cause()
        )),
    }
}

/// The source of the signing keys, and whether keys exist there. The first start of
/// `latchkey serve` makes the file of the data folder.
pub fn signing_keys(config: &Config) -> (Source, bool) {
    match &config.keys.signing_keys {
        Some(source) => (source.clone(), true),
        None => {
            let file = config.serve.data_dir.join(SIGNING_KEYS);
            let is_there = file.exists();
            (Source::File(file), is_there)
        }
    }
}

/// Configures the key of proofs of the data folder, if the file exists and nothing else is named.
pub fn adopt_proof_key(config: &mut Config) {
    let file = config.serve.data_dir.join(PROOF_KEY);
    if config.keys.proof_key.is_none() && file.exists() {
        config.keys.proof_key = Some(Source::File(file));
    }
}

/// Whether a demo account stands in for a service account that is not configured. A deployed
/// service uses none, so that `jwt_token` is the access token there: Firebase would reject a custom
/// token of the demo account.
pub fn wants_demo(config: &Config) -> bool {
    !config.firebase.has_account() && config.wants_firebase() && !config.on_cloud_run
}

/// Configures the demo account of the data folder, if one exists and is wanted.
pub fn adopt_demo(config: &mut Config) {
    let file = config.serve.data_dir.join(SERVICE_ACCOUNT);
    if wants_demo(config) && file.exists() {
        config.firebase.account = Some(Source::File(file));
        config.firebase.is_demo = true;
    }
}

/// The reason why a custom token could not be made.
pub fn refusal(refusal: &CustomTokenError) -> String {
    match refusal {
        CustomTokenError::Request(sentence) => sentence.clone(),
        CustomTokenError::Fault(error) => error.cause(),
    }
}

/// Makes a key set whose first keys sign at once.
///
/// # Errors
///
/// A sentence for people: a key could not be generated.
pub fn new_key_set() -> Result<KeySet, String> {
    Ok(KeySet::generate(now(), new_keys()?, new_keys()?))
}

/// Makes one key for each use.
///
/// # Errors
///
/// As [`new_key_set`].
pub fn new_keys() -> Result<NewKeys, String> {
    NewKeys::generate().map_err(|error| error.cause())
}

/// The wall clock, for commands that run without an [`App`].
#[expect(clippy::disallowed_methods, reason = "there is no App yet")]
pub fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}

fn failure(error: Error) -> Failure {
    error.cause().into()
}
