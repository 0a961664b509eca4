//! Makes and checks hashes: how many at a time, how many wait for that, and how long a failed check takes.

use std::{fmt, sync::Arc, time::Duration};

use argon2::Params;
use tokio::{
    sync::Semaphore,
    task,
    time::{self, Instant},
};

use tracing::Span;

use super::{
    Password, Policy, StoredHash, Verdict,
    stored::{
        Stored,
        argon2id::{Areas, Argon2id},
    },
    timing::ResponseFloor,
};
use crate::{
    error::Error,
    telemetry::metrics::{self, HASH_MS},
};

/// Length of salts and hashes in bytes (RFC 9106 section 4: 128-bit salt, 256-bit tag).
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// How many hashes may wait for each that is computed: about a second of work. Who would wait longer is told so at once,
/// instead of being answered when nobody listens any more.
const WAITING_PER_PERMIT_MAX: usize = 32;
/// The longest that a failed check is drawn out to. What takes longer is near the bounds of what is taken at all, or was
/// stopped on its way, and must not make everybody wait for ever.
const FAILED_MAX: Duration = Duration::from_secs(2);

/// What a check found, and what it took.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// What it found.
    pub verdict: Verdict,
    is_of_current_cost: bool,
    took: Duration,
}

/// Makes and checks hashes. Cloning shares its bounds and its memory.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    params: Params,
    /// A hash of these parameters, which no password comes out at.
    decoy: StoredHash,
    areas: Areas,
    /// One for each hash that is computed or waits for it.
    places: Arc<Semaphore>,
    /// One for each hash that is computed. It hands them out in the order of asking.
    permits: Arc<Semaphore>,
    /// Of failed checks of hashes that do not cost what the current parameters do.
    ///
    /// A wrong password takes the time of what is stored. Without an account it takes the decoy's, so that an account with a
    /// bcrypt hash, say, could be told from none. Nobody can do the work of a hash that is not known, but everybody can wait:
    /// every failed check takes as long as the longest of these took. They do the decoy's work as well, lest one that is cheaper
    /// shows itself. Waiting takes no processor time, and a process that met none of them waits for nothing.
    ///
    /// What remains: a check that takes longer than all of late, as the first one in the life of a process, and one that takes longer
    /// than [`FAILED_MAX`].
    legacy_floor: ResponseFloor,
    /// Of failed checks that cost what the current parameters do.
    floor: ResponseFloor,
}

impl Hasher {
    /// A hasher of `policy` that computes at most `concurrency` hashes at a time, each with its own work area of
    /// `policy.memory_kib`.
    ///
    /// # Errors
    ///
    /// Argon2 does not take these parameters.
    pub fn new(policy: &Policy, concurrency: usize) -> Result<Self, argon2::Error> {
        let params = Params::new(policy.memory_kib, policy.iterations, 1, Some(HASH_BYTES))?;
        let permits = concurrency.max(1);
        Ok(Self(Arc::new(Inner {
            areas: Areas::new(&params),
            decoy: Argon2id::decoy(&params).text()?,
            params,
            places: Arc::new(Semaphore::new(permits * (1 + WAITING_PER_PERMIT_MAX))),
            permits: Arc::new(Semaphore::new(permits)),
            legacy_floor: ResponseFloor::default(),
            floor: ResponseFloor::default(),
        })))
    }

    /// The hash to store for a new password.
    ///
    /// # Errors
    ///
    /// 503 if too many wait for a hash already, 500 if Argon2 fails, which no input makes it do.
    pub async fn hash(&self, password: Password, salt: [u8; SALT_BYTES]) -> Result<StoredHash, Error> {
        self.blocking(move |inner| Argon2id::make(&inner.params, password.as_bytes(), &salt, &inner.areas)?.text())
            .await
    }

    /// Whether `password` is the one behind `stored`. Without a stored hash, or with one that cannot be used, the same
    /// work is done on a decoy of the current parameters. The time of a failed one tells nothing once it has kept its
    /// [pace](Self::keep_pace).
    ///
    /// # Errors
    ///
    /// 503 if too many wait for a hash already, 500 if Argon2 fails, which no input makes it do.
    pub async fn check(&self, password: Password, stored: Option<StoredHash>) -> Result<Checked, Error> {
        self.blocking(move |inner| {
            let began = Instant::now();
            let (verdict, is_of_current_cost) = inner.check(password.as_bytes(), stored.as_ref())?;
            Ok(Checked { verdict, is_of_current_cost, took: began.elapsed() })
        })
        .await
    }

    /// Waits until others would have been answered that a password is wrong. `extra` is what else this one took: to find out what
    /// is stored, and to count it, which is to be done before: whoever hangs up meanwhile has failed all the same.
    pub async fn pad_to_floor(&self, checked: &Checked, extra: Duration) {
        let took = checked.took + extra;
        let due = if checked.is_of_current_cost {
            self.0.floor.next(took).max(self.0.legacy_floor.decay())
        } else {
            self.0.legacy_floor.raise(took.min(FAILED_MAX))
        };
        // Without anything to wait for not even a tick of the timer.
        let wait = due.saturating_sub(took);
        if !wait.is_zero() {
            time::sleep(wait).await;
        }
    }

    /// Runs `work` off the async executor, when one of the permits is free. The permit goes along, so that a caller that
    /// hangs up does not make room for a hash more than the bound; one that hangs up while waiting does.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, argon2::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.0.places).try_acquire_owned();
        let place = place.map_err(|_| Error::unavailable("too many password hashes are waited for already"))?;
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(Error::internal)?;
        let inner = Arc::clone(&self.0);
        let span = Span::current();
        let done = task::spawn_blocking(move || {
            let result = span.in_scope(|| metrics::timed(HASH_MS, || work(&inner)));
            drop((permit, place));
            result
        });
        done.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

impl Inner {
    /// What it is, and whether it took what one of the current parameters takes.
    fn check(&self, password: &[u8], stored: Option<&StoredHash>) -> Result<(Verdict, bool), argon2::Error> {
        let usable = stored.and_then(|stored| {
            let usable = Stored::read(stored);
            if usable.is_none() {
                tracing::error!(alarm = "unusable_password_hash", "a stored password hash cannot be used");
            }
            usable
        });
        if let Some(stored) = &usable {
            let is_of_current_cost = stored.is_as_costly(&self.params);
            if stored.is_of(password, &self.areas)? {
                let verdict = if stored.is_outdated(&self.params) { Verdict::Outdated } else { Verdict::Right };
                return Ok((verdict, is_of_current_cost));
            }
            if is_of_current_cost {
                return Ok((Verdict::Wrong, true));
            }
        }
        // Read as one from the table would be: that takes its time too.
        if let Some(decoy) = Stored::read(&self.decoy) {
            decoy.is_of(password, &self.areas)?;
        }
        Ok((Verdict::Wrong, usable.is_none()))
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests;
