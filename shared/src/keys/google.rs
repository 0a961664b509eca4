//! Published public keys: Google's, which verify Firebase ID tokens, and those of other providers
//! of identities. The first token makes the service fetch the keys. Stale keys are renewed behind
//! an answer, and kept for a day while their server cannot be reached.

mod document;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use http::Uri;
use tokio::sync::OnceCell;

use document::understand_any;
pub use document::{age, lifetime, read, rsa_key, understand};

use super::cache::{Entry, Policy, RefreshingCache};
use crate::{
    error::Error,
    fetch::{Fetched, Fetcher},
    jose::{
        jwk::{KEYS_MAX, KeyDocument},
        jws::VerifyingKey,
    },
    time::Timestamp,
};

/// The URL of the keys at Google.
pub const GOOGLE: &str = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com";

/// The time after their lifetime for which keys still serve, where no newer ones can be fetched.
const GRACE: Duration = Duration::from_secs(86_400);
/// The patience with the endpoint. An answer comes within three seconds in every case.
const POLICY: Policy = Policy {
    cold_wait: Duration::from_millis(2_800),
    warm_wait: Duration::from_millis(2_800),
    retry: Duration::from_secs(10),
    retry_cold: Duration::from_secs(1),
    failing: Duration::from_secs(60),
    early: Duration::from_secs(60),
    // A key that Google has published since is found as soon as Google can be reached again.
    is_cold_without_match: true,
};
/// The longest time before the end of their lifetime from which keys are renewed, and the largest
/// part of the lifetime.
const AHEAD_MAX: Duration = Duration::from_secs(300);
const AHEAD_PART: u32 = 5;
/// The most keys that are kept beside damaged ones, from answers of which no two agree.
const KEPT_MAX: usize = 10 * KEYS_MAX;

/// The keys of one endpoint, shared by all requests of a process.
pub struct Certificates {
    cache: RefreshingCache<PublicKeys>,
    /// The owner of the keys, for sentences.
    owner: Arc<str>,
}

/// The keys that are known.
#[derive(Clone, Default)]
struct PublicKeys {
    keys: HashMap<String, KeptKey>,
    /// The ids of keys in the newest answer that could not be read.
    damaged: HashSet<String>,
}

#[derive(Clone)]
struct KeptKey {
    key: Arc<VerifyingKey>,
    fresh_until: Timestamp,
}

impl PublicKeys {
    fn find(&self, kid: &str, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        self.keys.get(kid).filter(|kept| now < kept.fresh_until + GRACE).map(|kept| kept.key.clone())
    }

    /// Adds the keys of an answer. A whole answer replaces all keys. Beside a damaged key, no
    /// earlier key is dropped: it may be the very one that is damaged.
    fn update(&mut self, document: KeyDocument, fetched_at: Timestamp, lifetime: Duration) {
        let fresh_until = fetched_at + lifetime;
        self.damaged = document.damaged().cloned().collect();
        self.keys.retain(|_, kept| fetched_at < kept.fresh_until + GRACE);
        if self.damaged.is_empty() || self.keys.len() > KEPT_MAX {
            self.keys.clear();
        }
        for (kid, key) in document.keys {
            self.keys.insert(kid, KeptKey { key: Arc::new(key), fresh_until });
        }
    }
}

impl Certificates {
    /// The keys of Firebase that are published at `endpoint`; nothing is fetched yet.
    pub fn new(endpoint: Uri) -> Self {
        Self::from(Endpoint { uri: endpoint, fetcher: OnceCell::new(), owner: "Firebase".into(), read: understand })
    }

    /// The keys of another provider of identities, of RSA or of the curve P-256. Nothing is fetched
    /// yet. Each provider has a cache of its own, so that none waits for the server of another.
    pub fn of_provider(owner: &str, endpoint: Uri) -> Self {
        Self::from(Endpoint { uri: endpoint, fetcher: OnceCell::new(), owner: owner.into(), read: understand_any })
    }

    /// The certificates of a service account, which verify what Google signs with its keys. Nothing
    /// is fetched yet.
    pub fn of_service_account(email: &str, endpoint: Uri) -> Self {
        Self::from(Endpoint { uri: endpoint, fetcher: OnceCell::new(), owner: email.into(), read: understand })
    }

    fn from(endpoint: Endpoint) -> Self {
        let owner = endpoint.owner.clone();
        let endpoint = Arc::new(endpoint);
        let load = move |previous: Option<Arc<PublicKeys>>, now| {
            let endpoint = endpoint.clone();
            let loading = async move {
                let (document, lifetime) = endpoint.ask().await?;
                let mut keys = previous.map(|previous| (*previous).clone()).unwrap_or_default();
                keys.update(document, now, lifetime);
                let renew_after = lifetime - (lifetime / AHEAD_PART).min(AHEAD_MAX);
                Ok(Entry { value: Arc::new(keys), loaded_at: now, fresh_for: lifetime, renew_after })
            };
            Box::pin(loading) as _
        };
        Self { cache: RefreshingCache::new(POLICY, load), owner }
    }

    /// The key with the id `kid`; `None` if no key has this id.
    ///
    /// # Errors
    ///
    /// 503 `keys_unavailable`, within three seconds: the endpoint gives no keys, and the kept ones
    /// cannot tell.
    pub async fn key(&self, kid: &str, now: Timestamp) -> Result<Option<Arc<VerifyingKey>>, Error> {
        let found = self.cache.find(now, |keys| keys.find(kid, now).is_some()).await;
        let key = found.value.as_ref().and_then(|keys| keys.find(kid, now));
        let is_damaged = || found.value.as_ref().is_some_and(|keys| keys.damaged.contains(kid));
        match (key, found.cause) {
            (Some(key), _) => Ok(Some(key)),
            (None, Some(cause)) => Err(Error::keys_unavailable(cause)),
            (None, None) if is_damaged() => {
                Err(Error::keys_unavailable(format!("the key {kid:?} is published damaged")))
            }
            (None, None) if found.is_fresh || found.has_loaded => Ok(None),
            (None, None) => Err(self.too_late()),
        }
    }

    /// All keys that are published.
    ///
    /// # Errors
    ///
    /// As [`Certificates::key`].
    pub async fn all(&self, now: Timestamp) -> Result<Vec<Arc<VerifyingKey>>, Error> {
        let found = self.cache.find(now, |_| true).await;
        match (found.value, found.cause) {
            (Some(known), _) => Ok(known.keys.values().map(|kept| kept.key.clone()).collect()),
            (None, Some(cause)) => Err(Error::keys_unavailable(cause)),
            (None, None) => Err(self.too_late()),
        }
    }

    fn too_late(&self) -> Error {
        Error::keys_unavailable(format!("the public keys of {} came too late", self.owner))
    }
}

struct Endpoint {
    uri: Uri,
    /// Made by the first fetch, as it reads the root certificates of the system.
    fetcher: OnceCell<Fetcher>,
    owner: Arc<str>,
    read: fn(&Fetched) -> Result<(KeyDocument, Duration), String>,
}

impl Endpoint {
    /// Fetches the keys and their lifetime.
    async fn ask(&self) -> Result<(KeyDocument, Duration), String> {
        let outcome = match self.fetcher.get_or_try_init(|| async { Fetcher::new() }).await {
            Ok(fetcher) => fetcher.get(&self.uri).await.and_then(|answer| (self.read)(&answer)),
            Err(refusal) => Err(refusal),
        }
        .map_err(|refusal| format!("{} {refusal}", self.uri));
        match &outcome {
            Ok((document, _)) if document.flawed.is_empty() => {}
            Ok((document, _)) => {
                tracing::warn!(flawed = document.told(), "some keys of {} cannot be used", self.owner);
            }
            Err(cause) => tracing::warn!(cause, "the public keys of {} cannot be fetched", self.owner),
        }
        outcome
    }
}
