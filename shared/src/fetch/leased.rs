//! A value that another server grants for a time, such as an access token.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use crate::time::Timestamp;

/// A value and its end. One request gets the value, and all others wait for that one.
pub struct Leased<T>(Mutex<Option<Lease<T>>>);

struct Lease<T> {
    value: Arc<T>,
    good_until: Timestamp,
}

impl<T> Default for Leased<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Leased<T> {
    /// The value that is held, if it is good and `suits`. Otherwise the one that `ask` gets, with
    /// the time for which it is good.
    ///
    /// # Errors
    ///
    /// As `ask`. The next request asks again.
    pub async fn get<E>(
        &self,
        now: Timestamp,
        suits: impl FnOnce(&T) -> bool,
        ask: impl Future<Output = Result<(T, Duration), E>>,
    ) -> Result<Arc<T>, E> {
        let mut held = self.0.lock().await;
        if let Some(lease) = held.as_ref().filter(|lease| now < lease.good_until && suits(&lease.value)) {
            return Ok(lease.value.clone());
        }
        let (value, life) = ask.await?;
        let lease = Lease { value: Arc::new(value), good_until: now + life };
        Ok(held.insert(lease).value.clone())
    }

    /// Forgets the value if it is this one, which was refused. A newer one stays.
    pub async fn forget(&self, refused: &Arc<T>) {
        self.0.lock().await.take_if(|lease| Arc::ptr_eq(&lease.value, refused));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
    const LIFE: Duration = Duration::from_secs(60);

    async fn next(asked: &AtomicU32) -> Result<(u32, Duration), String> {
        tokio::task::yield_now().await;
        Ok((asked.fetch_add(1, Ordering::Relaxed) + 1, LIFE))
    }

    #[tokio::test]
    async fn one_request_gets_the_value_for_all_until_its_end() {
        let (leased, asked) = (Leased::default(), AtomicU32::new(0));
        let all = join_all((0..100).map(|_| leased.get(NOW, |_| true, next(&asked)))).await;
        assert!(all.into_iter().all(|value| *value.unwrap() == 1));
        let last = NOW + Duration::from_millis(59_999);
        assert_eq!(*leased.get(last, |_| true, next(&asked)).await.unwrap(), 1);
        assert_eq!(*leased.get(NOW + LIFE, |_| true, next(&asked)).await.unwrap(), 2);
        assert_eq!(*leased.get(NOW + LIFE, |held| *held == 1, next(&asked)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_refused_value_is_forgotten_and_a_newer_one_stays() {
        let (leased, asked) = (Leased::default(), AtomicU32::new(0));
        let first = leased.get(NOW, |_| true, next(&asked)).await.unwrap();
        leased.forget(&first).await;
        assert_eq!(*leased.get(NOW, |_| true, next(&asked)).await.unwrap(), 2);
        leased.forget(&first).await;
        assert_eq!(*leased.get(NOW, |_| true, next(&asked)).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let (leased, asked) = (Leased::default(), AtomicU32::new(0));
        let failed = leased.get(NOW, |_| true, async { Err::<(u32, Duration), _>("down".to_owned()) }).await;
        assert_eq!(failed.unwrap_err(), "down");
        assert_eq!(*leased.get(NOW, |_| true, next(&asked)).await.unwrap(), 1);
    }
}
