//! The app: what every handler works with.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use tokio::time;

use crate::{
    account::{
        email::Identifier,
        ip::ClientIp,
        session::{RefreshToken, Session, SessionId},
        user::User,
    },
    auth::turns::{Turn, Turns},
    aws::{aws_config, dynamodb_client, secrets_manager_client},
    config::Config,
    error::Error,
    keys::{KeyRing, Keys, google::Certificates},
    password::Hasher,
    store::{Client, Store},
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
    turns: Turns,
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
            turns: Turns::default(),
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
            config.signing_keys.clone().ok_or_else(|| Error::internal("SIGNING_KEYS_SECRET_ID is not set"))?;
        let keys = Keys::new(Some(secrets_manager_client(&aws)), signing, &config);
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

    /// The Firebase project whose ID tokens are verified, if there is one: `FIREBASE_PROJECT_ID`, the service account's, or
    /// `GOOGLE_CLOUD_PROJECT`.
    ///
    /// # Errors
    ///
    /// 503 while the service account, which would tell it, cannot be had.
    pub async fn firebase_project(&self, now: Timestamp) -> Result<Option<Cow<'_, str>>, Error> {
        let firebase = &self.config().firebase;
        // Most deployments name it, and need not wait for the account.
        if let Some(project) = &firebase.project_id {
            return Ok(Some(project.into()));
        }
        let account = self.keys().firebase(now).await?;
        let project = firebase.project(account.as_ref().map(|account| account.project_id.as_str()));
        Ok(project.map(|(project, _)| project.to_owned().into()))
    }

    /// What makes and checks password hashes.
    pub fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    /// Who is next among those who ask about the same.
    pub fn turns(&self) -> &Turns {
        &self.0.turns
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

    /// A new session of `user`, not stored yet.
    ///
    /// # Errors
    ///
    /// 500 if the random source fails.
    pub fn new_session(&self, user: &User, now: Timestamp) -> Result<Session, Error> {
        Ok(Session::start(SessionId::new(self.random()?), user, now, &self.config().session_lifetimes))
    }

    /// Reads a refresh token that one of the keys made; anything else is none. The table is not asked.
    ///
    /// # Errors
    ///
    /// 503 while there are no keys, or where they lack its key and newer ones cannot be had.
    pub async fn refresh_token(&self, text: &str, now: Timestamp) -> Result<Option<RefreshToken>, Error> {
        let open = |ring: &KeyRing| RefreshToken::open(text, ring.refresh_verifying(now));
        let ring = self.keys().ring_if(now, |ring| !RefreshToken::is_like_one(text) || open(ring).is_some()).await?;
        Ok(open(&ring))
    }

    /// The session of a refresh token that is shown to prove that its client logged in before; none if it is not one of ours, or
    /// that cannot be told now: a login does not hang on it.
    pub async fn known_device(&self, shown: Option<&str>, now: Timestamp) -> Option<SessionId> {
        let text = shown.filter(|_| self.config().rate_limits)?;
        self.refresh_token(text.trim(), now).await.ok().flatten().map(|token| token.session)
    }

    /// The turn of an attempt among those in this process at the same account by the same client, so that one that others' failures
    /// refuse is refused without a hash; none where nobody is counted.
    pub async fn turn_at(&self, identifier: &Identifier, device: Option<SessionId>) -> Option<Turn> {
        let device = device.map(|id| id.to_string()).unwrap_or_default();
        let limited = self.config().rate_limits;
        if limited { Some(self.turns().take(format!("login {device} {}", identifier.key())).await) } else { None }
    }

    /// Whom attempts at a password are counted by; none where nobody is.
    pub fn guesser<'a>(&self, device: Option<SessionId>, origin: &'a ClientIp) -> Option<Client<'a>> {
        self.config().rate_limits.then_some(Client { device, address: origin.0.as_ref() })
    }

    /// Lets somebody log in to an account, once the right password was given.
    ///
    /// # Errors
    ///
    /// 403 for a disabled account, and for one whose address is not verified where that is asked for.
    pub fn admit(&self, user: &User) -> Result<(), Error> {
        user.refuse_if_disabled()?;
        if self.config().require_verified_email && !user.email_verified { Err(Error::EmailNotVerified) } else { Ok(()) }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn move_clock(&self, by: Duration) {
        self.0.clock_offset.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
