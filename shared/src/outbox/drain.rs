//! The task of a server that carries effects out. A handler tells of each one after the commit.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::{JoinError, JoinSet},
    time,
};

use super::Delivery;
use crate::error::Error;

/// The attempts at the same time. More connections would only make the other side refuse some.
const AT_ONCE: usize = 4;
/// The pause after the first attempt. Each later one is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// One way to carry effects out. Clones share it.
pub trait Attempt: Clone + Send + 'static {
    /// Attempts to carry out the effect with this id.
    ///
    /// # Errors
    ///
    /// 503 if the table fails. The effect then waits.
    fn attempt(&self, id: &str) -> impl Future<Output = Result<Delivery, Error>> + Send;
}

/// Carries out the effects of `leftovers`, and each one that `told` says, until `stop`. Attempts
/// that are under way then come to their end, and each effect that was told gets one attempt. All
/// others wait in the table for the next start.
pub async fn drain(
    way: impl Attempt,
    leftovers: Vec<String>,
    mut told: mpsc::Receiver<String>,
    stop: impl Future<Output = ()>,
) {
    let (stopping, stopped) = watch::channel(false);
    let mut work =
        Work { way, attempts: Arc::new(Semaphore::new(AT_ONCE)), stopped, tasks: JoinSet::new(), open: HashMap::new() };
    leftovers.into_iter().for_each(|id| work.start(id));
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            Some(id) = told.recv() => work.start(id),
            Some(ended) = work.tasks.join_next() => work.end(ended),
            () = &mut stop => break,
        }
    }
    told.close();
    while let Ok(id) = told.try_recv() {
        work.start(id);
    }
    // Nobody listens if no effect is open.
    let _ = stopping.send(true);
    while let Some(ended) = work.tasks.join_next().await {
        work.end(ended);
    }
}

/// Attempts to carry out each of these effects once, some of them at a time. An effect that waits
/// is left to the table.
pub async fn attempt_each(way: impl Attempt, ids: Vec<String>) {
    let (_, told) = mpsc::channel(1);
    drain(way, ids, told, std::future::ready(())).await;
}

/// The effects that are open.
struct Work<A> {
    way: A,
    attempts: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    tasks: JoinSet<String>,
    /// The ids of the open effects, and whether each was told again since its task has begun.
    open: HashMap<String, bool>,
}

impl<A: Attempt> Work<A> {
    /// Starts the task of an effect. An effect that is open already gets another task after that
    /// one.
    fn start(&mut self, id: String) {
        if let Some(is_told_again) = self.open.get_mut(&id) {
            *is_told_again = true;
            return;
        }
        self.open.insert(id.clone(), false);
        self.tasks.spawn(until_done(self.way.clone(), id, self.attempts.clone(), self.stopped.clone()));
    }

    fn end(&mut self, ended: Result<String, JoinError>) {
        // A task that panicked leaves its effect to the next start.
        let Ok(id) = ended else { return };
        if self.open.remove(&id) == Some(true) {
            self.start(id);
        }
    }
}

/// Attempts to carry out an effect until there is nothing left to do, or until the stop. A pause
/// holds no place among the attempts, so that one effect that waits delays no other.
async fn until_done(
    way: impl Attempt,
    id: String,
    attempts: Arc<Semaphore>,
    mut stopped: watch::Receiver<bool>,
) -> String {
    let mut pause = PAUSE;
    loop {
        let delivered = {
            let Ok(_place) = attempts.acquire().await else { return id };
            way.attempt(&id).await
        };
        match delivered {
            Ok(Delivery::Done) => return id,
            Ok(Delivery::Later) => {}
            Err(error) => tracing::error!(cause = error.cause(), "an effect cannot be carried out now, and waits"),
        }
        tokio::select! {
            () = time::sleep(pause) => pause = PAUSE_MAX.min(pause * 2),
            _ = stopped.wait_for(|stopped| *stopped) => return id,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Fails as often as it is told, and notes each attempt.
    #[derive(Clone, Default)]
    struct Way {
        failures: Arc<Mutex<usize>>,
        attempts: Arc<Mutex<Vec<String>>>,
    }

    impl Attempt for Way {
        async fn attempt(&self, id: &str) -> Result<Delivery, Error> {
            self.attempts.lock().unwrap().push(id.to_owned());
            time::sleep(Duration::from_millis(10)).await;
            let mut failures = self.failures.lock().unwrap();
            let is_done = *failures == 0;
            *failures = failures.saturating_sub(1);
            Ok(if is_done { Delivery::Done } else { Delivery::Later })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_effect_that_is_told_again_during_its_attempt_gets_one_more_and_never_two_at_a_time() {
        let way = Way::default();
        let (sender, told) = mpsc::channel(10);
        for _ in 0..5 {
            sender.send("a".to_owned()).await.unwrap();
        }
        drain(way.clone(), vec!["a".to_owned()], told, time::sleep(Duration::from_secs(1))).await;
        assert_eq!(*way.attempts.lock().unwrap(), ["a", "a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_some_effects_gets_one_attempt_whatever_comes_of_it() {
        let way = Way { failures: Arc::new(Mutex::new(usize::MAX)), ..Way::default() };
        let ids: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        attempt_each(way.clone(), ids.clone()).await;
        let mut attempts = way.attempts.lock().unwrap().clone();
        attempts.sort_unstable();
        assert_eq!(attempts, ids);
        attempt_each(way, Vec::new()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_pauses_grow_up_to_half_a_minute() {
        let way = Way { failures: Arc::new(Mutex::new(usize::MAX)), ..Way::default() };
        let (_sender, told) = mpsc::channel(1);
        drain(way.clone(), vec!["a".to_owned()], told, time::sleep(Duration::from_secs(10 * 60))).await;
        // After 1, 2, 4, 8 and 16 seconds, and then every 30.
        assert_eq!(way.attempts.lock().unwrap().len(), 1 + 5 + (600 - 31) / 30);
    }
}
