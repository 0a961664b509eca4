//! The public keys of Firebase ID tokens: fetched when the first token needs them, kept as long as the answer says, renewed in
//! the background, and served on for a day while Google cannot be reached.

mod document;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use http::Uri;
use tokio::{sync::OnceCell, time};

pub use document::{age, lifetime, read, understand};

use crate::{
    error::Error,
    fetch::Fetcher,
    jose::{
        jwk::{KEYS_MAX, KeyDocument},
        jws::VerifyingKey,
    },
    keys::flight::{Flights, Hold},
    time::Timestamp,
};

/// Where Google publishes them.
pub const GOOGLE: &str = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com";

/// How long past their lifetime keys still serve where no newer ones can be had.
const GRACE: Duration = Duration::from_secs(86_400);
/// The longest that an answer waits for keys.
const WAIT_MAX: Duration = Duration::from_millis(2_800);
/// How often a key that is not known may cause a fetch, or made-up ids would be a free way to have them made.
const UNKNOWN_INTERVAL: Duration = Duration::from_secs(60);
/// How soon after a fetch that failed the next may be made, while there are keys to serve and while there are none.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);
const RETRY_INTERVAL_EMPTY: Duration = Duration::from_secs(1);
/// For how long after an answer has waited in vain keys past their lifetime serve at once: to wait for one more fetch would only
/// cost time.
const FAILING: Duration = Duration::from_secs(60);
/// How long before the end of their lifetime keys are renewed, at most; and at most this part of it.
const AHEAD_MAX: Duration = Duration::from_secs(300);
const AHEAD_PART: u32 = 5;
/// The most keys that are held on to beside damaged ones, from answers of which no two agree.
const HELD_MAX: usize = 10 * KEYS_MAX;

/// The keys of one endpoint, shared by all requests of a process.
pub struct Certificates {
    endpoint: Uri,
    fetcher: OnceCell<Fetcher>,
    flights: Arc<Flights<Held>>,
}

/// What is known.
#[derive(Default)]
struct Held {
    keys: HashMap<String, Kept>,
    /// The ids of keys that the newest answer holds, but that could not be read.
    damaged: HashSet<String>,
    /// The end of the newest answer's lifetime, and from when on it is renewed.
    fresh_until: Option<Timestamp>,
    renew_from: Option<Timestamp>,
}

struct Kept {
    key: Arc<VerifyingKey>,
    fresh_until: Timestamp,
}

impl Held {
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.fresh_until.is_some_and(|end| now < end)
    }

    fn find(&self, kid: &str, now: Timestamp) -> Option<Arc<VerifyingKey>> {
        self.keys.get(kid).filter(|kept| now < kept.fresh_until + GRACE).map(|kept| kept.key.clone())
    }

    /// Takes in what an answer says. One that is whole replaces everything; beside a damaged key nothing is let go of, as that
    /// may be the very key.
    fn take_in(&mut self, document: KeyDocument, fetched_at: Timestamp, lifetime: Duration) {
        let fresh_until = fetched_at + lifetime;
        self.damaged = document.damaged().cloned().collect();
        self.keys.retain(|_, kept| fetched_at < kept.fresh_until + GRACE);
        if self.damaged.is_empty() || self.keys.len() > HELD_MAX {
            self.keys.clear();
        }
        for (kid, key) in document.keys {
            self.keys.insert(kid, Kept { key: Arc::new(key), fresh_until });
        }
        self.fresh_until = Some(fresh_until);
        self.renew_from = Some(fetched_at + (lifetime - (lifetime / AHEAD_PART).min(AHEAD_MAX)));
    }
}

impl Certificates {
    /// The keys published at `endpoint`; nothing is fetched yet.
    pub fn new(endpoint: Uri) -> Self {
        Self { endpoint, fetcher: OnceCell::new(), flights: Arc::default() }
    }

    /// The key that `kid` names; None if there is none of that name.
    ///
    /// # Errors
    ///
    /// 503 `keys_unavailable`, within three seconds: the endpoint gives no keys, and none are held that could tell.
    pub async fn key(self: &Arc<Self>, kid: &str, now: Timestamp) -> Result<Option<Arc<VerifyingKey>>, Error> {
        let seen = self.flights.look().landed;
        // When the time is over, what is held counts.
        if time::timeout(WAIT_MAX, self.prepare(kid, now, seen)).await.is_err() {
            self.flights.note_if_in_vain(now, |held| held.is_fresh(now));
        }
        let hold = self.flights.look();
        let is_news = hold.held.is_fresh(now) || hold.landed != seen;
        match (hold.held.find(kid, now), hold.cause()) {
            (Some(key), _) => Ok(Some(key)),
            (None, Some(cause)) => Err(Error::keys_unavailable(cause)),
            (None, None) if hold.held.damaged.contains(kid) => {
                Err(Error::keys_unavailable(format!("the key {kid:?} is published damaged")))
            }
            (None, None) if is_news => Ok(None),
            (None, None) => Err(Error::keys_unavailable("the public keys of Firebase came too late")),
        }
    }

    /// Fetches what `kid` needs. `seen` is how many fetches had ended when the request came: one that ended since then has
    /// told all there is to know.
    async fn prepare(self: &Arc<Self>, kid: &str, now: Timestamp, seen: u64) {
        let (known, fresh, failing) = {
            let hold = self.flights.look();
            (hold.held.find(kid, now).is_some(), hold.held.is_fresh(now), hold.in_vain_within(FAILING, now))
        };
        match (known, fresh) {
            (true, true) => self.renew(now, seen),
            (true, false) if failing => self.renew(now, seen),
            // Here withdrawn keys end.
            (true, false) => self.fetch(now, seen).await,
            (false, true) => self.fetch_for_unknown(now, seen).await,
            (false, false) => self.fetch_when_allowed(now, seen).await,
        }
    }

    /// Starts a fetch behind the answer's back, if it is time for one.
    fn renew(self: &Arc<Self>, now: Timestamp, seen: u64) {
        self.take_off_if(now, seen, |hold| {
            hold.held.renew_from.is_some_and(|from| now >= from) && !hold.failed_within(RETRY_INTERVAL, now)
        });
    }

    /// One fetch, waited for: a new one, or the one that is under way.
    async fn fetch(self: &Arc<Self>, now: Timestamp, seen: u64) {
        self.take_off_if(now, seen, |_| true);
        self.flights.landed_since(seen).await;
        self.flights.note_if_in_vain(now, |held| held.is_fresh(now));
    }

    /// A fetch, once a second has passed since one that failed.
    async fn fetch_when_allowed(self: &Arc<Self>, now: Timestamp, seen: u64) {
        let failed = self.flights.look().failed_at();
        let wait = failed.map_or(0, |failed| (failed + RETRY_INTERVAL_EMPTY).milliseconds() - now.milliseconds());
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or_default()).min(RETRY_INTERVAL_EMPTY);
        time::sleep(wait).await;
        self.fetch(now + wait, seen).await;
    }

    /// A fetch for a key that is not among keys that are good still: now and then one is published early.
    async fn fetch_for_unknown(self: &Arc<Self>, now: Timestamp, seen: u64) {
        self.take_off_if(now, seen, |hold| hold.may_ask(UNKNOWN_INTERVAL, now));
        if self.flights.look().is_flying(now) {
            self.flights.landed_since(seen).await;
        }
    }

    fn take_off_if(self: &Arc<Self>, now: Timestamp, seen: u64, allows: impl FnOnce(&mut Hold<Held>) -> bool) {
        let certificates = self.clone();
        let load = async move { certificates.ask().await };
        let take_in = move |held: &mut Held, (document, lifetime): (_, _)| held.take_in(document, now, lifetime);
        self.flights.take_off(now, seen, allows, load, take_in);
    }

    /// Asks the endpoint, and reads its answer.
    async fn ask(&self) -> Result<(KeyDocument, Duration), String> {
        let outcome = match self.fetcher.get_or_try_init(|| async { Fetcher::new() }).await {
            Ok(fetcher) => fetcher.get(&self.endpoint).await.and_then(|answer| understand(&answer)),
            Err(refusal) => Err(refusal),
        }
        .map_err(|refusal| format!("{} {refusal}", self.endpoint));
        match &outcome {
            Ok((document, _)) if document.flawed.is_empty() => {}
            Ok((document, _)) => tracing::warn!(flawed = document.told(), "some keys of Firebase cannot be used"),
            Err(cause) => tracing::warn!(cause, "the public keys of Firebase cannot be fetched"),
        }
        outcome
    }
}
