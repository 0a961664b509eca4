//! The sender as a task of a server. A handler tells it of a mail after the commit.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time,
};

use crate::{Delivery, Mailer};

/// The mails that are sent at the same time. More connections would only make a server refuse some.
const AT_ONCE: usize = 4;
/// The pause after the first attempt. Each later one is twice as long, up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Sends the mails of `leftovers`, and each one that `told` says, until `stop`. Attempts that are
/// under way then come to their end, and each mail that was told gets one attempt. All others wait
/// in the table for the next start.
pub async fn run(
    mailer: Mailer,
    leftovers: Vec<String>,
    mut told: mpsc::Receiver<String>,
    stop: impl Future<Output = ()>,
) {
    let attempts = Arc::new(Semaphore::new(AT_ONCE));
    let (stopping, stopped) = watch::channel(false);
    let mut open = JoinSet::new();
    let start = |open: &mut JoinSet<()>, id: String| {
        open.spawn(until_done(mailer.clone(), id, attempts.clone(), stopped.clone()));
    };
    leftovers.into_iter().for_each(|id| start(&mut open, id));
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            Some(id) = told.recv() => start(&mut open, id),
            Some(_) = open.join_next() => {}
            () = &mut stop => break,
        }
    }
    told.close();
    while let Ok(id) = told.try_recv() {
        start(&mut open, id);
    }
    // Nobody listens if no mail is open.
    let _ = stopping.send(true);
    while open.join_next().await.is_some() {}
}

/// Attempts to send a mail until there is nothing left to do, or until the stop. A pause holds no
/// place among the attempts, so that one mailbox that is full delays nobody else.
async fn until_done(mailer: Mailer, id: String, attempts: Arc<Semaphore>, mut stopped: watch::Receiver<bool>) {
    let mut pause = PAUSE;
    loop {
        let delivered = {
            let Ok(_place) = attempts.acquire().await else { return };
            mailer.deliver(&id).await
        };
        match delivered {
            Ok(Delivery::Done) => return,
            Ok(Delivery::Later) => {}
            Err(error) => tracing::error!(cause = error.cause(), "a mail cannot be sent now, and waits"),
        }
        tokio::select! {
            () = time::sleep(pause) => pause = PAUSE_MAX.min(pause * 2),
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}
