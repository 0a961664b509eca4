//! The app: configuration, table, keys, clock and randomness. It hands them out and decides nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use tokio::time;

use crate::{
    account::lock::AccountLocks,
    aws::{aws_config, dynamodb_client, secrets_manager_client},
    config::Config,
    error::Error,
    keys::{Keys, google::Certificates},
    password::Hasher,
    store::Store,
    telemetry::log,
    time::Timestamp,
};

/// How long a start waits for the keys, so that what it may cost is no more than one answer may.
const WARM_UP_MAX: Duration = Duration::from_secs(1);

/// Everything a handler works with. Cloning shares it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    config: Config,
    store: Store,
    keys: Keys,
    certificates: Arc<Certificates>,
    hasher: Hasher,
    locks: AccountLocks,
    /// Milliseconds that tests move the clock by.
    clock_offset: AtomicI64,
}

impl App {
    /// An app of these parts.
    ///
    /// # Errors
    ///
    /// Argon2 does not take the configured parameters, which [`Config`] prevents.
    pub fn new(config: Config, store: Store, keys: Keys) -> Result<Self, Error> {
        // A hash takes a core for all its time, so more at once than there are cores only takes memory.
        let concurrency = thread::available_parallelism().map_or(1, usize::from);
        let hasher = Hasher::new(&config.password_policy, concurrency).map_err(Error::internal)?;
        let certificates = Arc::new(Certificates::new(config.firebase.certificates.clone()));
        Ok(Self(Arc::new(Inner {
            config,
            store,
            keys,
            certificates,
            hasher,
            locks: AccountLocks::default(),
            clock_offset: AtomicI64::new(0),
        })))
    }

    /// An app on AWS.
    ///
    /// # Errors
    ///
    /// As [`App::new`].
    pub async fn connect(config: Config) -> Result<Self, Error> {
        let aws = aws_config().await;
        let signing =
            config.keys.signing_keys.clone().ok_or_else(|| Error::internal("SIGNING_KEYS_SECRET_ID is not set"))?;
        let keys = Keys::new(Some(secrets_manager_client(&aws)), config.key_sources(signing));
        let store = Store::new(dynamodb_client(&aws), &config.table_name);
        Self::new(config, store, keys)
    }

    /// Fetches the keys, so that the first request does not wait for them. What takes longer goes on, and that request waits for it;
    /// what fails, it tries again.
    pub async fn warm_up(&self) {
        if let Ok(Err(error)) = time::timeout(WARM_UP_MAX, self.keys().warm(self.now())).await {
            log::fault(&error);
        }
    }

    /// What the deployment chose.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The table.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The public keys of Firebase ID tokens.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.0.certificates
    }

    /// What makes and checks password hashes.
    pub fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    /// The locks of accounts within this process.
    pub fn locks(&self) -> &AccountLocks {
        &self.0.locks
    }

    /// The time. A handler asks once and hands it on, so that all it says is of one moment.
    pub fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = Timestamp::from(SystemTime::now());
        Timestamp::from_milliseconds(now.milliseconds() + self.0.clock_offset.load(Ordering::Relaxed))
    }

    /// The next whole second, once it has come.
    pub async fn next_second(&self) -> Timestamp {
        let now = self.now();
        let next = now.floor() + Duration::from_secs(1);
        let wait = u64::try_from(next.milliseconds() - now.milliseconds()).unwrap_or_default();
        time::sleep(Duration::from_millis(wait)).await;
        next
    }

    /// Random bytes.
    ///
    /// # Errors
    ///
    /// 500 if the random source fails.
    pub fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the random source")]
        aws_lc_rs::rand::fill(&mut bytes).map_err(Error::internal)?;
        Ok(bytes)
    }

    /// A UUIDv7 (RFC 9562 section 5.7) as 36 characters.
    ///
    /// # Errors
    ///
    /// 500 if the random source fails.
    pub fn uuid(&self) -> Result<String, Error> {
        let milliseconds = self.now().milliseconds().unsigned_abs();
        Ok(uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.random()?).into_uuid().to_string())
    }

    #[cfg(feature = "testing")]
    pub(crate) fn move_clock(&self, by: Duration) {
        self.0.clock_offset.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
