//! The revocation of the key that signs, and the time until it is known everywhere.

use futures_util::future::{LocalBoxFuture, join_all};

use super::times::Times;
use crate::{clock, latchkey::SigningKeys};

/// Besides the age of a process's keys: one more fetch, on a busy machine.
const SLACK_MS: i64 = 2_000;

/// The answer to a question about a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is not known there yet.
    NotYet,
    /// It is known, from the moment when the question was asked.
    Now,
    /// It has been known since this time.
    Since(i64),
}

impl From<bool> for Known {
    fn from(is_known: bool) -> Self {
        if is_known { Self::Now } else { Self::NotYet }
    }
}

/// A question, asked until the revocation is known there.
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
    /// The key that signs, and is to be revoked.
    pub kid: String,
    /// The next key, which is to sign then.
    pub next_kid: String,
}

/// A revocation that was made.
#[derive(Debug)]
pub struct Revocation {
    /// The key that signed.
    pub kid: String,
    /// The key that signs from then on.
    pub next_kid: String,
    /// The time that it may take.
    pub limit_seconds: f64,
    /// The seconds until it was known, by the names of the questions; infinite if it never was.
    pub seconds: Vec<(String, f64)>,
    /// From this time on it is known everywhere.
    pub until: i64,
}

impl Keys {
    /// The keys as they are.
    pub async fn find(keys: &SigningKeys) -> Self {
        Self { kid: keys.kid_of("signing").await, next_kid: keys.kid_of("next").await }
    }

    /// Revokes the key that signs, and asks every question until the revocation is known. `ends` is
    /// told from which time on it must be.
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

/// Asks until the answer is yes; gives the seconds that it took.
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
