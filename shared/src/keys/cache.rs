//! Secrets that are kept and renewed: one load at a time, the last good one kept whatever comes after it.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_secretsmanager::Client;
use tokio::time;

use super::Source;
use crate::{
    error::Error,
    keys::flight::{Flights, Hold, is_within},
    time::Timestamp,
};

/// The longest that a load takes: a cold start answers 503 within three seconds.
const LOAD_TIME_MAX: Duration = Duration::from_millis(2_800);
/// How long a cold start waits for that, so that it hears why it failed.
const COLD_WAIT_MAX: Duration = Duration::from_millis(2_900);
/// The longest that an answer waits for something newer than what it could do with.
const WARM_WAIT_MAX: Duration = Duration::from_secs(1);
/// How soon after a load that failed the next may be made behind an answer, while there is something to serve.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// For how long after an answer has waited in vain what is too old serves at once: to wait for one more load would only cost time.
/// With the age of a key set it stays within a minute.
const FAILING: Duration = Duration::from_secs(10);
/// How often what is not found in what is held may cause a load, or made-up tokens would be a free way to have them made.
const EARLY_INTERVAL: Duration = Duration::from_secs(10);

/// Why nothing newer can be had while a load is under way.
const UNENDING: &str = "a load of secrets does not come to its end";

/// What makes something of a document: a sentence for the log if it is none.
type Parse<T> = dyn Fn(&str) -> Result<T, String> + Send + Sync;

/// A secret document, read when it is first needed and kept as what was made of it.
pub(super) struct Cached<T> {
    reader: Arc<Reader<T>>,
    flights: Arc<Flights<Kept<T>>>,
    /// How old it may get before an answer waits for a newer one; it is renewed behind an answer from half of that on.
    age_max: Duration,
    /// A text in a variable never changes.
    changes: bool,
}

struct Reader<T> {
    secrets: Option<Client>,
    source: Source,
    parse: Box<Parse<T>>,
}

struct Kept<T> {
    value: Option<Arc<T>>,
    /// Of the text, so that one that did not change is not made something of again.
    digest: Vec<u8>,
    loaded_at: Timestamp,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { value: None, digest: Vec::new(), loaded_at: Timestamp::from_seconds(0) }
    }
}

impl<T: Send + Sync + 'static> Cached<T> {
    /// What is at `source`; nothing is read yet.
    pub(super) fn new(
        secrets: Option<Client>,
        source: Source,
        age_max: Duration,
        parse: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        let changes = !matches!(source, Source::Text(_));
        let reader = Arc::new(Reader { secrets, source, parse: Box::new(parse) });
        Self { reader, flights: Arc::default(), age_max, changes }
    }

    /// What is kept, or what is loaded now because there is nothing yet or it is too old.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log, within three seconds: nothing is kept, and nothing can be had.
    pub(super) async fn get(&self, now: Timestamp) -> Result<Arc<T>, Error> {
        let (seen, kept, is_young, serves) = {
            let hold = self.flights.look();
            let is_within = |age| is_within(hold.held.loaded_at, age, now);
            let serves = is_within(self.age_max) || hold.in_vain_within(FAILING, now);
            (hold.landed, hold.held.value.clone(), is_within(self.age_max / 2), serves)
        };
        let Some(kept) = kept else { return self.first(now, seen).await };
        if is_young || !self.changes {
            return Ok(kept);
        }
        self.take_off(now, seen, |hold| !serves || !hold.failed_within(RETRY_INTERVAL, now));
        if serves {
            return Ok(kept);
        }
        // When the time is over, what is kept counts.
        let _ = time::timeout(WARM_WAIT_MAX, self.flights.landed_since(seen)).await;
        self.flights.note_if_in_vain(now, |kept| is_within(kept.loaded_at, self.age_max, now));
        Ok(self.flights.look().held.value.clone().unwrap_or(kept))
    }

    async fn first(&self, now: Timestamp, seen: u64) -> Result<Arc<T>, Error> {
        self.take_off(now, seen, |_| true);
        let landed = time::timeout(COLD_WAIT_MAX, self.flights.landed_since(seen)).await;
        let hold = self.flights.look();
        hold.held.value.clone().ok_or_else(|| {
            let cause = hold.cause().filter(|_| landed.is_ok());
            Error::unavailable(cause.unwrap_or(UNENDING))
        })
    }

    /// The same, and if `suits` finds that it lacks something, what is loaded once more, at most every ten seconds.
    ///
    /// # Errors
    ///
    /// As [`Cached::get`]; also if it lacks that and nothing newer can be had, so that nobody can tell.
    pub(super) async fn get_if(&self, now: Timestamp, suits: impl Fn(&T) -> bool) -> Result<Arc<T>, Error> {
        // A load that has ended since then has told all there is to know.
        let seen = self.flights.look().landed;
        let kept = self.get(now).await?;
        if suits(&kept) || !self.changes {
            return Ok(kept);
        }
        self.take_off(now, seen, |hold| hold.may_ask(EARLY_INTERVAL.min(self.age_max), now));
        let is_flying = self.flights.look().is_flying(now);
        let landed = !is_flying || time::timeout(WARM_WAIT_MAX, self.flights.landed_since(seen)).await.is_ok();
        let hold = self.flights.look();
        let newest = hold.held.value.clone().unwrap_or(kept);
        match hold.cause().or((!landed).then_some(UNENDING)) {
            Some(cause) if !suits(&newest) => Err(Error::unavailable(cause)),
            _ => Ok(newest),
        }
    }

    fn take_off(&self, now: Timestamp, seen: u64, allows: impl FnOnce(&mut Hold<Kept<T>>) -> bool) {
        let reader = self.reader.clone();
        let flights = self.flights.clone();
        let load = async move {
            let (digest, value) = {
                let known = |digest: &[u8]| {
                    let held = &flights.look().held;
                    held.value.clone().filter(|_| held.digest == digest)
                };
                reader.load(known).await?
            };
            Ok((digest, value))
        };
        let source = self.reader.source.clone();
        let take_in = move |kept: &mut Kept<T>, (digest, value)| {
            if kept.value.is_some() && kept.digest != digest {
                tracing::info!(?source, "a secret has changed, and the new version is in use");
            }
            (kept.digest, kept.value, kept.loaded_at) = (digest, Some(value), now);
        };
        self.flights.take_off(now, seen, allows, load, take_in);
    }
}

impl<T> Reader<T> {
    /// Reads the document and makes something of it, unless it is `known`.
    async fn load(&self, known: impl Fn(&[u8]) -> Option<Arc<T>>) -> Result<(Vec<u8>, Arc<T>), String> {
        let loaded = self.try_load(known).await;
        if let Err(cause) = &loaded {
            tracing::warn!(cause, "a secret cannot be loaded; what was loaded before, if anything, goes on");
        }
        loaded
    }

    async fn try_load(&self, known: impl Fn(&[u8]) -> Option<Arc<T>>) -> Result<(Vec<u8>, Arc<T>), String> {
        let text = time::timeout(LOAD_TIME_MAX, self.source.read(self.secrets.as_ref()))
            .await
            .map_err(|_| format!("{:?} did not answer within 3 seconds", self.source))??;
        let digest = digest(&SHA256, text.as_bytes()).as_ref().to_vec();
        let value = match known(&digest) {
            Some(value) => value,
            None => Arc::new((self.parse)(&text)?),
        };
        Ok((digest, value))
    }
}
