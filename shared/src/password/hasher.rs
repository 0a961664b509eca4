//! Makes and checks password hashes.
//!
//! Bounds the hashes that are computed and that wait, and pads failed checks to one response time.

use std::{fmt, sync::Arc, time::Duration};

use argon2::Params;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
    time::Instant,
};
use tracing::Span;

use super::{
    Password, Policy, StoredHash, Verdict,
    stored::{
        Refusal, Stored,
        argon2::{Argon2, WorkAreas},
    },
};
use crate::{
    error::Error,
    telemetry::metrics::{self, HASH_MS},
    time::{ResponseFloor, pad},
};

/// The length of a salt and of a hash, in bytes (RFC 9106 section 4: 128-bit salt, 256-bit tag).
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// The most hashes that may wait for each one that is computed: about a second of work. A request
/// beyond that is refused at once, instead of being answered when its client listens no more.
const WAITING_PER_PERMIT_MAX: usize = 32;
/// The highest legacy floor. A check that takes longer has a hash near the accepted bounds, or its
/// process was stopped meanwhile. Such a check must not make everybody wait for ever.
const LEGACY_FLOOR_MAX: Duration = Duration::from_secs(2);

/// The turn of a hash among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Computed in the order of asking.
    Usual,
    /// Computed in the order of asking, behind the hashes of usual priority that wait. One for each
    /// permit may come before them.
    Low,
}

/// The result and the duration of a check.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// The result.
    pub verdict: Verdict,
    has_current_cost: bool,
    took: Duration,
}

/// Makes and checks hashes, of the usual priority unless another is set. Clones share their bounds
/// and their memory.
#[derive(Clone)]
pub struct Hasher {
    inner: Arc<Inner>,
    priority: Priority,
}

struct Inner {
    params: Params,
    /// A hash of the current parameters that no password matches.
    decoy: StoredHash,
    areas: WorkAreas,
    /// One slot for each hash of the usual priority that is computed or waits.
    slots: Arc<Semaphore>,
    /// One slot for each hash of low priority that is computed or waits.
    low_slots: Arc<Semaphore>,
    /// One turn for each hash of low priority that has a permit or is the next to get one.
    low_turns: Arc<Semaphore>,
    /// One permit for each hash that is computed. Hashes get their permits in the order of asking.
    permits: Arc<Semaphore>,
    /// The response-time floor of failed checks whose hash has another cost than the current one.
    ///
    /// A wrong password takes the time of its stored hash. Without an account it takes the time of
    /// the decoy. The difference would tell an account with a bcrypt hash, say, from no account.
    /// Nobody can do the work of an unknown hash, but everybody can wait. Every failed check
    /// therefore takes as long as the longest check of such a hash. A check of such a hash does the
    /// decoy's work as well, so that a cheaper hash does not show. Waiting takes no processor time,
    /// and a process that has met no such hash does not wait.
    ///
    /// Two kinds of checks still differ. One takes longer than all recent checks, such as the first
    /// check of a process. The other takes longer than [`LEGACY_FLOOR_MAX`].
    legacy_floor: ResponseFloor,
    /// The response-time floor of failed checks whose hash has the current cost.
    floor: ResponseFloor,
}

impl Hasher {
    /// A hasher of `policy` that computes at most `concurrency` hashes at a time. Each of them has
    /// its own work area of `policy.memory_kib`.
    ///
    /// # Errors
    ///
    /// Argon2 does not accept the policy's parameters.
    pub fn new(policy: &Policy, concurrency: usize) -> Result<Self, argon2::Error> {
        let params = Params::new(policy.memory_kib, policy.iterations, 1, Some(HASH_BYTES))?;
        let permits = concurrency.max(1);
        let slots = || Arc::new(Semaphore::new(permits * (1 + WAITING_PER_PERMIT_MAX)));
        let inner = Inner {
            areas: WorkAreas::new(&params),
            decoy: Argon2::decoy(&params).text()?,
            params,
            slots: slots(),
            low_slots: slots(),
            low_turns: Arc::new(Semaphore::new(permits)),
            permits: Arc::new(Semaphore::new(permits)),
            legacy_floor: ResponseFloor::default(),
            floor: ResponseFloor::default(),
        };
        Ok(Self { inner: Arc::new(inner), priority: Priority::Usual })
    }

    /// The same hasher, whose hashes wait with this priority.
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { inner: Arc::clone(&self.inner), priority }
    }

    /// The priority of its hashes.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Makes the memory of a hash ready behind the caller. Its pages take a fifth of a first hash's
    /// time.
    pub fn prepare(&self) {
        let inner = Arc::clone(&self.inner);
        task::spawn_blocking(move || inner.areas.prepare());
    }

    /// Takes every place of the hasher, for tests: any hash is refused until they are dropped.
    #[cfg(feature = "testing")]
    pub fn occupy(&self) -> Option<[OwnedSemaphorePermit; 2]> {
        let all_of = |slots: &Arc<Semaphore>| {
            let places = u32::try_from(slots.available_permits()).unwrap_or(u32::MAX);
            Arc::clone(slots).try_acquire_many_owned(places).ok()
        };
        Some([all_of(&self.inner.slots)?, all_of(&self.inner.low_slots)?])
    }

    /// Makes the hash to store for a new password.
    ///
    /// # Errors
    ///
    /// 503 if too many hashes wait already, 500 if Argon2 fails, which no input causes.
    pub async fn hash(&self, password: Password, salt: [u8; SALT_BYTES]) -> Result<StoredHash, Error> {
        self.blocking(move |inner| Argon2::make(&inner.params, password.as_bytes(), &salt, &inner.areas)?.text()).await
    }

    /// Checks `password` against `stored`. Without a usable stored hash, the same work is done on a
    /// decoy of the current parameters. The time of a failed check tells nothing once the check is
    /// [padded](Self::pad_to_floor).
    ///
    /// # Errors
    ///
    /// 503 if too many hashes wait already, 500 if Argon2 fails, which no input causes.
    pub async fn check(&self, password: Password, stored: Option<StoredHash>) -> Result<Checked, Error> {
        self.blocking(move |inner| {
            let began = Instant::now();
            let (verdict, has_current_cost) = inner.check(&password, stored.as_ref())?;
            Ok(Checked { verdict, has_current_cost, took: began.elapsed() })
        })
        .await
    }

    /// Pads a failed check to the usual response time. `extra` is the time spent on reading the
    /// account and on counting the failure. Count the failure first: the client may hang up during
    /// this wait.
    pub async fn pad_to_floor(&self, checked: &Checked, extra: Duration) {
        let took = checked.took + extra;
        let due = if checked.has_current_cost {
            self.inner.floor.adapt(took).max(self.inner.legacy_floor.decay())
        } else {
            self.inner.legacy_floor.raise(took.min(LEGACY_FLOOR_MAX))
        };
        pad(took, due).await;
    }

    /// Runs `work` off the async executor, as soon as a permit is free. The permit moves into the
    /// work, so that no client that hangs up lets more hashes run than the bound allows. A client
    /// that hangs up while it waits frees its slot.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, argon2::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let is_low = self.priority == Priority::Low;
        let slots = if is_low { &self.inner.low_slots } else { &self.inner.slots };
        let slot = Arc::clone(slots).try_acquire_owned();
        let slot = slot.map_err(|_| Error::unavailable("too many password hashes are waiting already"))?;
        let turn = if is_low { Some(acquire(&self.inner.low_turns).await?) } else { None };
        let permit = acquire(&self.inner.permits).await?;
        let inner = Arc::clone(&self.inner);
        let span = Span::current();
        let done = task::spawn_blocking(move || {
            let result = span.in_scope(|| metrics::timed(HASH_MS, || work(&inner)));
            drop((permit, turn, slot));
            result
        });
        done.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Error> {
    Arc::clone(semaphore).acquire_owned().await.map_err(Error::internal)
}

impl Inner {
    /// Checks a password. Returns the verdict, and whether the work had the current cost.
    fn check(&self, password: &Password, stored: Option<&StoredHash>) -> Result<(Verdict, bool), argon2::Error> {
        let usable = stored.and_then(|stored| {
            let read = Stored::read(stored);
            let unusable = |why: &Refusal| {
                tracing::error!(alarm = "unusable_password_hash", %why, "a stored password hash cannot be used");
            };
            read.inspect_err(unusable).ok()
        });
        if let Some(stored) = &usable {
            let has_current_cost = stored.is_as_costly(&self.params);
            if let Some(form) = self.matching(stored, password)? {
                let replace = stored.is_outdated(&self.params) && stored.checks_all_of(form);
                return Ok((if replace { Verdict::Outdated } else { Verdict::Right }, has_current_cost));
            }
            if has_current_cost {
                return Ok((Verdict::Wrong, true));
            }
        }
        // The decoy is read like a hash from the table, because reading takes time too.
        if let Ok(decoy) = Stored::read(&self.decoy) {
            self.matching(&decoy, password)?;
        }
        Ok((Verdict::Wrong, usable.is_none()))
    }

    /// The form of the password that `stored` is the hash of. The number of forms depends on the
    /// password alone, so that the time of a wrong one tells nothing of the account.
    fn matching<'a>(&self, stored: &Stored, password: &'a Password) -> Result<Option<&'a [u8]>, argon2::Error> {
        for form in password.forms() {
            if stored.verify(form, &self.areas)? {
                return Ok(Some(form));
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests;
