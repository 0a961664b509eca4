//! The app: configuration, table, keys, clock and randomness. It hands them out and decides
//! nothing.

#[cfg(feature = "testing")]
mod clock;

use std::{
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use tokio::time;

use crate::{
    account::lock::AccountLocks,
    config::{Config, Firebase, FirebaseSync},
    error::Error,
    firebase::IdentityToolkit,
    keys::{Keys, google::Certificates},
    outbox::Outbox,
    password::Hasher,
    store::Store,
    telemetry::log,
    time::{ResponseFloor, Timestamp},
    token::provider::Provider,
};

/// The parts that a process prepares before its first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// The keys alone.
    Keys,
    /// The keys, and the connection to DynamoDB.
    Table,
    /// These, and the memory of a hash.
    Passwords,
}

/// The longest time that a start waits for the keys and for DynamoDB: no more than one answer may
/// take.
const WARM_UP_MAX: Duration = Duration::from_secs(1);

/// Everything that a handler works with. Cloning shares it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    config: Config,
    store: Store,
    keys: Keys,
    certificates: Certificates,
    /// The keys of each provider of identities, in the order of the configuration.
    provider_keys: Vec<Certificates>,
    hasher: Hasher,
    locks: AccountLocks,
    mails: Outbox,
    endings: Outbox,
    events: Arc<Outbox>,
    firebase: IdentityToolkit,
    mail_floor: ResponseFloor,
    clock: Arc<Clock>,
}

/// The clock of an app, which its store shares.
#[derive(Default)]
struct Clock {
    /// The clock of a test, in the place of the system's.
    #[cfg(feature = "testing")]
    of_test: std::sync::OnceLock<clock::Clock>,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        #[cfg(feature = "testing")]
        if let Some(clock) = self.of_test.get() {
            return clock.now();
        }
        Timestamp::from(SystemTime::now())
    }
}

impl App {
    /// Makes an app of these parts.
    ///
    /// # Errors
    ///
    /// Argon2 does not accept the configured parameters, which [`Config`] prevents.
    pub fn new(config: Config, store: Store, keys: Keys) -> Result<Self, Error> {
        // A hash keeps a core busy. More hashes than cores would only cost memory.
        let concurrency = thread::available_parallelism().map_or(1, usize::from);
        let hasher = Hasher::new(&config.accounts.password_policy, concurrency).map_err(Error::internal)?;
        let Firebase { certificates, emulator_host, tenant_id, .. } = &config.firebase;
        let providers = &config.accounts.identity_providers;
        let provider_keys =
            providers.iter().map(|provider| Certificates::of_provider(&provider.id, provider.keys.clone())).collect();
        let tells_firebase = config.firebase.sync() != FirebaseSync::Off;
        let (clock, events) = (Arc::new(Clock::default()), Arc::new(Outbox::default()));
        let store = store.naming_by(keys.pseudonyms().clone()).noting_endings(tells_firebase);
        let of_store = clock.clone();
        let store = match config.event_webhook.is_on() {
            true => store.noting_events(config.event_webhook.types.clone(), move || of_store.now(), events.clone()),
            false => store,
        };
        Ok(Self(Arc::new(Inner {
            certificates: Certificates::new(certificates.clone()),
            firebase: IdentityToolkit::new(emulator_host.as_deref(), tenant_id.as_deref()),
            store,
            provider_keys,
            config,
            keys,
            hasher,
            locks: AccountLocks::default(),
            mails: Outbox::default(),
            endings: Outbox::default(),
            events,
            mail_floor: ResponseFloor::default(),
            clock,
        })))
    }

    /// Does beforehand, and all at a time, whatever the first request would wait for. A load of
    /// keys that takes longer goes on, and the first request waits for its end. No failure ends a
    /// start: the first request tries again, and says what is wrong.
    pub async fn warm_up(&self, parts: WarmUp) {
        if parts == WarmUp::Passwords {
            self.hasher().prepare();
        }
        let keys = async {
            if let Ok(Err(error)) = time::timeout(WARM_UP_MAX, self.keys().warm(self.now())).await {
                log::fault(&error);
            }
        };
        let signer = async {
            if let Ok(Err(error)) = time::timeout(WARM_UP_MAX, self.keys().prepare_signer(self.now())).await {
                log::fault(&error);
            }
        };
        let table = async {
            if parts == WarmUp::Keys {
                return;
            }
            if let Ok(Err(error)) = time::timeout(WARM_UP_MAX, self.store().connect()).await {
                tracing::warn!(cause = error.cause(), "DynamoDB did not answer at the start");
            }
        };
        tokio::join!(keys, signer, table);
    }

    /// The configuration.
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

    /// The name of an identifier or of an account's id in the log. Empty while no keys are loaded.
    pub fn pseudonym(&self, text: &str) -> String {
        self.keys().pseudonyms().of(text)
    }

    /// The public keys of Firebase ID tokens.
    pub fn certificates(&self) -> &Certificates {
        &self.0.certificates
    }

    /// The provider of identities with this id, and its public keys. `None` if `IDENTITY_PROVIDERS`
    /// names none.
    pub fn provider(&self, id: &str) -> Option<(&Provider, &Certificates)> {
        let providers = self.config().accounts.identity_providers.iter();
        providers.zip(&self.0.provider_keys).find(|(provider, _)| provider.id == id)
    }

    /// The maker and checker of password hashes.
    pub fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    /// The locks of accounts within this process.
    pub fn locks(&self) -> &AccountLocks {
        &self.0.locks
    }

    /// The way to the sender of mails in this process.
    pub fn mails(&self) -> &Outbox {
        &self.0.mails
    }

    /// The way to the task in this process that carries endings out at Firebase.
    pub fn endings(&self) -> &Outbox {
        &self.0.endings
    }

    /// The way to the task in this process that tells the webhook of events.
    pub fn events(&self) -> &Outbox {
        &self.0.events
    }

    /// The users of the Firebase project.
    pub fn firebase(&self) -> &IdentityToolkit {
        &self.0.firebase
    }

    /// The response-time floor of the requests for a mail.
    pub fn mail_floor(&self) -> &ResponseFloor {
        &self.0.mail_floor
    }

    /// The time. A handler reads it once and hands it on, so that an answer is of one moment.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Waits for the next whole second, and returns it.
    pub async fn next_second(&self) -> Timestamp {
        let now = self.now();
        let next = now.floor() + Duration::from_secs(1);
        let wait = u64::try_from(next.milliseconds() - now.milliseconds()).unwrap_or_default();
        time::sleep(Duration::from_millis(wait)).await;
        next
    }

    /// Random bytes from a secure source.
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

    /// A new UUIDv7 (RFC 9562 section 5.7), as 36 characters.
    ///
    /// # Errors
    ///
    /// 500 if the random source fails.
    pub fn uuid(&self) -> Result<String, Error> {
        let milliseconds = self.now().milliseconds().unsigned_abs();
        Ok(uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.random()?).into_uuid().to_string())
    }

    /// Makes this app follow the clock of a test from now on, and returns that clock.
    #[cfg(feature = "testing")]
    pub(crate) fn test_clock(&self) -> &clock::Clock {
        self.0.clock.of_test.get_or_init(clock::Clock::default)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;

    use super::*;
    use crate::testing::{
        Service,
        faults::{Fault, Faults},
    };

    #[tokio::test]
    async fn a_start_connects_to_the_table_if_the_function_uses_it() {
        let service = Service::new(Router::new()).await;
        for (parts, calls) in [(WarmUp::Keys, 0), (WarmUp::Table, 1), (WarmUp::Passwords, 1)] {
            service.app().warm_up(parts).await;
            assert_eq!(service.calls(), vec!["BatchGetItem"; calls], "{parts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_fault_of_the_table_fails_a_start_or_delays_it_by_more_than_a_second() {
        for fault in [
            Fault::Hangs,
            Fault::Reset,
            Fault::Error(500, "InternalServerError"),
            Fault::Error(400, "AccessDeniedException"),
            Fault::Slow(Duration::from_secs(30)),
        ] {
            let faults = Faults::seeded(1);
            let service = Service::faulty(Router::new(), &[], &faults).await;
            let shown = format!("{fault:?}");
            faults.inject_all(fault);
            let start = service.app().warm_up(WarmUp::Table);
            time::timeout(WARM_UP_MAX + Duration::from_millis(1), start).await.expect(&shown);
            faults.clear();
            service.app().store().connect().await.expect(&shown);
        }
    }
}
