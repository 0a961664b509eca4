//! Test support: an app on a DynamoDB of its own, called without a socket, and emulators
//! of Google and Secrets Manager.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod calls;
mod clock;
mod described;
mod dynamodb;
mod exchange;
pub mod faults;
mod firebase;
mod google;
mod mails;
mod secrets;
pub mod server;
mod session_object;
mod signers;

use std::{
    net::IpAddr,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::Client;
use axum::{Router, http::Method};
use serde_json::Value;

pub(crate) use calls::Calls;
pub use clock::Steps;
pub use dynamodb::Database;
pub use exchange::{Answer, Call, is_error_body};
pub use faults::Faults;
pub use firebase::{FirebaseFault, FirebaseUsers};
pub use google::{
    Certified, Delivery, Google, PROJECT, Reply, certificate, id_token_claims, id_token_header, unsigned,
};
pub use mails::{PROOF_KEY, code_of, link_of, proof_id, proof_keys, wrong_code_of};
pub use secrets::{Fault, Secrets, SecretsManager};
pub use session_object::assert_session_object;
pub use signers::{AWS_SECRETS, FakeKms, GoogleCloud, SIGNING_EMAIL, SignerFault};

use crate::{
    App,
    account::{
        admission::Admission,
        email::{Email, Username},
        ip::IpKey,
        rate_limit::Quota,
        session::Session,
        user::User,
    },
    auth::session_object::SessionObject,
    config::Config,
    http::contract,
    keys::{KeySet, KeySources, Keys, NewKeys, Source, service_account::ServiceAccount},
    password::{Password, Policy, StoredHash},
    store::embedded::{self, Embedded},
    time::Timestamp,
    token::access::Issuer,
};

/// The issuer of every tested app.
pub const ISSUER: &str = "https://login.example";
/// The password of every account that [`Service::account`] makes.
pub const PASSWORD: &str = "correct horse battery staple";
/// Runs a future of a test that needs no runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// The longest that a test waits for the machine before it says that something hangs. It measures
/// no promise of the service.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A router with the HTTP contract and an empty table of its own.
pub struct Service {
    router: Router,
    app: App,
    database: Database,
    client: Client,
    calls: Calls,
}

/// The id of the secret with the signing keys of [`Service::deployed`].
pub const SIGNING_KEYS_ID: &str = "signing-keys";

impl Service {
    /// A service with a Firebase service account, which tells Firebase nothing.
    pub async fn new(router: Router<App>) -> Self {
        Self::configured(router, &[("FIREBASE_SERVICE_ACCOUNT", service_account()), ("FIREBASE_SYNC", "off")]).await
    }

    /// A service with these environment variables.
    pub async fn configured(router: Router<App>, variables: &[(&str, &str)]) -> Self {
        Self::made(router, variables, Database::new(), None).await
    }

    /// A service whose signing keys are in a Secrets Manager, as the secret [`SIGNING_KEYS_ID`]. If
    /// the variables name a part of the keys, they name the whole set too, or the service has only
    /// the part.
    pub async fn deployed(router: Router<App>, variables: &[(&str, &str)], secrets: &SecretsManager) -> Self {
        Self::made(router, variables, Database::new(), Some(secrets)).await
    }

    /// A service with fault injection between client and table. Timeouts and retries are the ones
    /// of a deployment.
    pub async fn faulty(router: Router<App>, variables: &[(&str, &str)], faults: &Faults) -> Self {
        let database = faults.embedded().clone().into();
        Self::with_client(router, variables, database, faults.client_config(), None, |_| {}).await
    }

    /// A service as [`Service::new`], on a database that exists already.
    pub async fn over(router: Router<App>, embedded: &Embedded) -> Self {
        let variables = [("FIREBASE_SERVICE_ACCOUNT", service_account()), ("FIREBASE_SYNC", "off")];
        Self::made(router, &variables, embedded.clone().into(), None).await
    }

    /// Another process of the same deployment: a service on the table of this one.
    pub async fn beside(
        &self,
        router: Router<App>,
        variables: &[(&str, &str)],
        secrets: Option<&SecretsManager>,
    ) -> Self {
        Self::made(router, variables, self.database.clone(), secrets).await
    }

    /// A service as [`Service::configured`], with a change of the sources of its keys. The service
    /// reads no secret of Secrets Manager.
    pub async fn with_sources(
        router: Router<App>,
        variables: &[(&str, &str)],
        change: impl FnOnce(&mut KeySources),
    ) -> Self {
        let database = Database::new();
        let client = database.client_config();
        Self::with_client(router, variables, database, client, None, change).await
    }

    async fn made(
        router: Router<App>,
        variables: &[(&str, &str)],
        database: Database,
        secrets: Option<&SecretsManager>,
    ) -> Self {
        let client = database.client_config();
        Self::with_client(router, variables, database, client, secrets, |_| {}).await
    }

    async fn with_client(
        router: Router<App>,
        variables: &[(&str, &str)],
        database: Database,
        client: aws_sdk_dynamodb::config::Builder,
        secrets: Option<&SecretsManager>,
        change: impl FnOnce(&mut KeySources),
    ) -> Self {
        let config = Config::read(|name| {
            let given = variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| (name == "ISSUER").then(|| ISSUER.to_owned()))
        })
        .expect("these variables are right");
        let calls = Calls::default();
        let client = Client::from_conf(client.interceptor(calls.clone()).build());
        embedded::create_table(&client, &config.table_name).await.expect("the table is made");
        calls.take();
        let store = database.store(client.clone(), &config.table_name);
        let has_part = config.keys.public_keys.is_some() || config.keys.refresh_keys.is_some();
        let signing = match secrets {
            Some(_) if has_part => config.keys.signing_keys.clone(),
            Some(_) => Some(Source::Secret(SIGNING_KEYS_ID.to_owned())),
            None => Some(Source::Text(signing_keys().to_owned())),
        };
        let mut sources = config.key_sources(signing);
        sources.proof_key.get_or_insert_with(|| Source::Text(PROOF_KEY.to_owned()));
        change(&mut sources);
        let keys = Keys::new(secrets.map(SecretsManager::client), sources);
        let app = App::new(config, store, keys).expect("the parameters are right");
        app.test_clock();
        if secrets.is_none() {
            // As a handler does before it touches the table: the keys name the subjects of limits.
            app.keys().ring(app.now()).await.expect("the keys are right");
        }
        Self { router: contract::service(router, app.clone()), app, database, client, calls }
    }

    /// The app of this service.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The router, for a server on a port.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// A client of the table, to read and write without the store.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The DynamoDB calls since the last call of this method, by operation. Each attempt counts.
    pub fn calls(&self) -> Vec<String> {
        self.calls.take()
    }

    /// Sets the clock of the app, so that records of another time are neither older nor younger.
    pub fn travel_to(&self, time: Timestamp) {
        self.app.test_clock().set_to(time);
    }

    /// Sets the clock of the app to the beginning of the next hour. No window of a limit ends while
    /// a test lets some minutes pass.
    pub fn travel_to_next_hour(&self) {
        let hours = self.app.now().seconds().div_euclid(3_600) + 1;
        self.travel_to(Timestamp::from_seconds(hours * 3_600));
    }

    /// Moves the clock of the app.
    pub fn pass(&self, time: Duration) {
        self.app.test_clock().pass(time);
    }

    /// Begins a request.
    pub fn request(&self, method: Method, path: &str) -> Call {
        Call::new(self.router.clone(), method, path)
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path).json(body).await
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    /// Stores an account with the password [`PASSWORD`].
    pub async fn account(&self, email: &str) -> User {
        self.account_with(email, None, |_| {}).await
    }

    /// Stores an account with the password [`PASSWORD`], after a change.
    pub async fn account_with(&self, email: &str, username: Option<&str>, change: impl FnOnce(&mut User)) -> User {
        let email = Email::parse(email).expect("an address");
        let username = username.map(|name| Username::parse(name).expect("a username"));
        let hash = self.hash().await;
        let id = self.app.uuid().expect("an id");
        let mut user = User::new(id, &email, username.as_ref(), "James".to_owned(), hash, self.app.now());
        change(&mut user);
        self.app.store().create_user(&user, None, None, None, None, self.app.now()).await.expect("stored");
        self.calls.take();
        user
    }

    /// The hash of [`PASSWORD`], computed once in a process for each password policy.
    async fn hash(&self) -> StoredHash {
        static MADE: Mutex<Vec<(Policy, StoredHash)>> = Mutex::new(Vec::new());
        let made = || MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = self.app.config().accounts.password_policy;
        let found = made().iter().find(|(of, _)| *of == policy).map(|(_, hash)| hash.clone());
        if let Some(hash) = found {
            return hash;
        }
        let password = Password::parse(PASSWORD).expect("a password");
        let hash = self.app.hasher().hash(password, [5; 16]).await.expect("a hash");
        made().push((policy, hash.clone()));
        hash
    }

    /// A new session of `user`, which is not stored.
    pub fn new_session(&self, user: &User) -> Session {
        let admitted = Admission::default().admit(user).expect("an account that is not disabled");
        crate::auth::session_object::start(&self.app, admitted, self.app.now()).expect("a session")
    }

    /// Starts a session of `user`, and returns its session object as a login does. The address need
    /// not be verified, as in a session from before `REQUIRE_VERIFIED_EMAIL`.
    pub async fn session(&self, user: &User) -> Value {
        let now = self.app.now();
        let issuer = Issuer { url: ISSUER.to_owned(), audience: ISSUER.to_owned() };
        let admitted = Admission::default().admit(user).expect("an account that is not disabled");
        let session = self.new_session(user);
        self.app.store().put_session(&session).await.expect("stored");
        let grant = SessionObject::issue(&self.app, &issuer, admitted, &session, 0, now).await.expect("a grant");
        self.calls.take();
        serde_json::to_value(grant).expect("JSON")
    }

    /// Uses up a quota of an IP address.
    pub async fn exhaust(&self, ip: IpAddr, quota: &Quota) {
        self.app.store().exhaust(quota, &IpKey::new(ip), self.app.now()).await.expect("stored");
        self.calls.take();
    }

    /// Reads the stored account by its id, with its password hash.
    pub async fn stored(&self, user: &User) -> Option<User> {
        let stored = self.app.store().user(&user.id).await.expect("the table answers")?;
        let whole = self.app.store().credentials(&stored).await.expect("the table answers");
        Some(whole.expect("each account has the record of its e-mail address"))
    }

    /// The keys of all records in the table, sorted.
    pub async fn keys_stored(&self) -> Vec<String> {
        let items = self.client.scan().table_name(&self.app.config().table_name).send().await.expect("a scan").items;
        let mut keys: Vec<String> =
            items.unwrap_or_default().iter().filter_map(|item| item.get("pk")?.as_s().ok().cloned()).collect();
        keys.sort();
        keys
    }

    /// The current time of the app.
    pub fn now(&self) -> Timestamp {
        self.app.now()
    }
}

/// The key set of all tests in this process. Generating RSA keys takes longer than most tests.
pub fn signing_keys() -> &'static str {
    static KEYS: OnceLock<String> = OnceLock::new();
    KEYS.get_or_init(|| {
        let keys = || NewKeys::generate().expect("keys");
        KeySet::generate(Timestamp::from_seconds(1_700_000_000), keys(), keys()).to_json().expect("a key set")
    })
}

/// The service account of all tests in this process.
pub fn service_account() -> &'static str {
    static ACCOUNT: OnceLock<String> = OnceLock::new();
    ACCOUNT.get_or_init(|| ServiceAccount::generate_demo(PROJECT).expect("an account"))
}
