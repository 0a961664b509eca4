//! Secret documents: read when they are first needed, parsed once for each version, and renewed.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_secretsmanager::Client;
use tokio::time;

use super::{
    Source,
    cache::{Entry, Policy, RefreshingCache},
};
use crate::{error::Error, time::Timestamp};

/// The longest time of a load: a cold start answers 503 within three seconds.
const LOAD_TIME_MAX: Duration = Duration::from_millis(2_800);
/// The shortest time between two loads for a key that the document lacks.
const EARLY_INTERVAL: Duration = Duration::from_secs(10);
/// The patience with Secrets Manager.
const POLICY: Policy = Policy {
    // Longer than a load, so that a cold start hears why the load failed.
    cold_wait: Duration::from_millis(2_900),
    warm_wait: Duration::from_secs(1),
    retry: Duration::from_secs(5),
    retry_cold: Duration::ZERO,
    // With the age of a key set, this stays within a minute.
    failing: Duration::from_secs(10),
    early: EARLY_INTERVAL,
    is_cold_without_match: false,
};

/// The cause of an error while a load is under way.
const UNENDING: &str = "a load of secrets does not come to its end";

/// Parses the document. The error is a sentence for the log.
type Parse<T> = dyn Fn(&str) -> Result<T, String> + Send + Sync;

/// A secret document, kept as the value that was parsed from it.
pub(super) struct Document<T> {
    cache: RefreshingCache<Version<T>>,
    /// Whether the document can change. The text of a variable never does.
    changes: bool,
}

struct Version<T> {
    value: Arc<T>,
    /// The digest of the text, so that an unchanged text is not parsed again.
    digest: Vec<u8>,
}

struct Reader<T> {
    secrets: Option<Client>,
    source: Source,
    parse: Box<Parse<T>>,
}

impl<T: Send + Sync + 'static> Document<T> {
    /// The document at `source`; nothing is read yet. From `age_max` on, a request waits for a
    /// newer version; from half of that on, one is loaded behind an answer.
    pub(super) fn new(
        secrets: Option<Client>,
        source: Source,
        age_max: Duration,
        parse: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        let changes = !matches!(source, Source::Text(_));
        let (fresh_for, renew_after) = if changes { (age_max, age_max / 2) } else { (Duration::MAX, Duration::MAX) };
        let reader = Arc::new(Reader { secrets, source, parse: Box::new(parse) });
        let policy = Policy { early: EARLY_INTERVAL.min(age_max), ..POLICY };
        let cache = RefreshingCache::new(policy, move |previous, now| {
            let reader = reader.clone();
            Box::pin(async move {
                let value = Arc::new(reader.load(previous).await?);
                Ok(Entry { value, loaded_at: now, fresh_for, renew_after })
            })
        });
        Self { cache, changes }
    }

    /// The value that is kept, or the one that is loaded now because there is none or it is too
    /// old.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log, within three seconds: nothing is kept, and nothing can be
    /// loaded.
    pub(super) async fn get(&self, now: Timestamp) -> Result<Arc<T>, Error> {
        self.get_if(now, |_| true).await
    }

    /// The same; a value that `suits` refuses is loaded once more, at most every ten seconds.
    ///
    /// # Errors
    ///
    /// As [`Document::get`]. 503 also if the value lacks something and nothing newer can be
    /// loaded, so that nobody can tell.
    pub(super) async fn get_if(&self, now: Timestamp, suits: impl Fn(&T) -> bool) -> Result<Arc<T>, Error> {
        let found = self.cache.find(now, |version| !self.changes || suits(&version.value)).await;
        let cause = if found.is_loading && !found.has_loaded { Some(UNENDING.to_owned()) } else { found.cause };
        match (found.value, cause) {
            (Some(version), None) => Ok(version.value.clone()),
            (Some(version), _) if found.is_match => Ok(version.value.clone()),
            (_, cause) => Err(Error::unavailable(cause.unwrap_or_else(|| UNENDING.to_owned()))),
        }
    }
}

impl<T> Reader<T> {
    /// Reads the document and parses it, unless its text is that of the version before.
    async fn load(&self, previous: Option<Arc<Version<T>>>) -> Result<Version<T>, String> {
        let loaded = self.try_load(previous.as_deref()).await;
        match &loaded {
            // Without a version before, the cause goes to whoever waits, and is told there.
            Err(cause) if previous.is_some() => {
                tracing::warn!(cause, "a secret cannot be loaded; the last loaded value stays in use");
            }
            Ok(version) if previous.is_some_and(|previous| previous.digest != version.digest) => {
                tracing::info!(source = ?self.source, "a secret has changed, and the new version is in use");
            }
            Err(_) | Ok(_) => {}
        }
        loaded
    }

    async fn try_load(&self, previous: Option<&Version<T>>) -> Result<Version<T>, String> {
        let text = time::timeout(LOAD_TIME_MAX, self.source.read(self.secrets.as_ref()))
            .await
            .map_err(|_| format!("{:?} did not answer within 3 seconds", self.source))??;
        let digest = digest(&SHA256, text.as_bytes()).as_ref().to_vec();
        let value = match previous.filter(|previous| previous.digest == digest) {
            Some(previous) => previous.value.clone(),
            None => Arc::new((self.parse)(&text)?),
        };
        Ok(Version { value, digest })
    }
}
