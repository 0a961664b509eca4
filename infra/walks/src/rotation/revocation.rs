//! The revocation of the key that signs, and the time until it is known everywhere.

use futures_util::future::{LocalBoxFuture, join_all};

use super::times::Times;
use crate::{clock, latchkey::SigningKeys};

/// The time of one more fetch on a busy machine, besides the age of a process's keys.
const SLACK_MS: i64 = 2_000;

/// The answer to a question about a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The process does not know of the revocation yet.
    NotYet,
    /// The process knows of the revocation, from the moment of the question.
    Now,
    /// The process has known of the revocation since this time.
    Since(i64),
}

impl From<bool> for Known {
    fn from(is_known: bool) -> Self {
        if is_known { Self::Now } else { Self::NotYet }
    }
}

/// A question, repeated until the process knows of the revocation.
pub struct Question<'a> {
    name: String,
    ask: Box<dyn Fn() -> LocalBoxFuture<'a, Known> + 'a>,
}

impl<'a> Question<'a> {
    /// A question of this name.
    pub fn new<F>(name: String, ask: impl Fn() -> F + 'a) -> Self
    where
        F: Future<Output = Known> + 'a,
    {
        Self { name, ask: Box::new(move || Box::pin(ask())) }
    }
}

/// The keys before a revocation.
pub struct Keys {
    /// The signing key, which will be revoked.
    pub kid: String,
    /// The next key, which will then sign.
    pub next_kid: String,
}

/// A revocation that took place.
#[derive(Debug)]
pub struct Revocation {
    /// The key that signed.
    pub kid: String,
    /// The key that signs from then on.
    pub next_kid: String,
    /// The longest time that the revocation may need.
    pub limit_seconds: f64,
    /// The seconds until the revocation was known, by the names of the questions. Infinite if it
    /// was never known.
    pub seconds: Vec<(String, f64)>,
    /// The time from which every process knows of the revocation.
    pub until: i64,
}

impl Keys {
    /// Reads the keys as they are.
    pub async fn find(keys: &SigningKeys) -> Self {
        Self { kid: keys.kid_of("signing").await, next_kid: keys.kid_of("next").await }
    }

    /// Revokes the signing key, and repeats every question until the revocation is known. `ends`
    /// gets the time from which all processes must know.
    pub async fn revoke(
        self,
        keys: &SigningKeys,
        times: &Times,
        pause_ms: i64,
        questions: Vec<Question<'_>>,
        ends: impl FnOnce(i64),
    ) -> Revocation {
        let limit_ms = times.ring_age_ms() + SLACK_MS;
        keys.revoke(&self.kid).await;
        let done_at = clock::now();
        let until = done_at + limit_ms;
        ends(until);
        let last = done_at + 2 * limit_ms;
        let asked = join_all(questions.into_iter().map(|question| ask(question, done_at, last, pause_ms)));
        let seconds = asked.await;
        clock::sleep_until(until).await;
        Revocation { kid: self.kid, next_kid: self.next_kid, limit_seconds: seconds_of(limit_ms), seconds, until }
    }
}

/// Asks until the answer is yes. Returns the seconds until then.
async fn ask(question: Question<'_>, done_at: i64, last: i64, pause_ms: i64) -> (String, f64) {
    loop {
        let asked_at = clock::now();
        let since = match (question.ask)().await {
            Known::Since(time) => Some(time),
            Known::Now => Some(asked_at),
            Known::NotYet => None,
        };
        if let Some(since) = since {
            return (question.name, seconds_of((since - done_at).max(0)));
        }
        if asked_at > last {
            return (question.name, f64::INFINITY);
        }
        clock::sleep(pause_ms).await;
    }
}

fn seconds_of(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}
