//! The way from a handler to the sender of mails in the same process, such as `latchkey serve`.

use std::sync::OnceLock;

use tokio::sync::mpsc;

/// The most mails that wait in one process. Limits on mails keep the number far below.
const WAITING_MAX: usize = 10_000;

/// The mails that a sender in this process is told of. On Lambda nobody listens, because the
/// table's stream tells the sender.
#[derive(Debug, Default)]
pub struct Outbox(OnceLock<mpsc::Sender<String>>);

impl Outbox {
    /// Tells the sender of a mail that was committed. A mail that is not told, because nobody
    /// listens or too many wait, stays in the table.
    pub fn tell(&self, id: &str) {
        if let Some(sender) = self.0.get()
            && let Err(error) = sender.try_send(id.to_owned())
        {
            tracing::error!(cause = %error, "the sender of mails is not told of a mail");
        }
    }

    /// The ids of mails from now on. `None` if somebody listens already.
    pub fn listen(&self) -> Option<mpsc::Receiver<String>> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.0.set(sender).ok().map(|()| receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_reaches_the_one_who_listens_and_nobody_waits_for_the_sender() {
        let outbox = Outbox::default();
        outbox.tell("before");
        let mut mails = outbox.listen().unwrap();
        assert!(outbox.listen().is_none());
        for number in 0..=WAITING_MAX {
            outbox.tell(&number.to_string());
        }
        let told: Vec<_> = std::iter::from_fn(|| mails.try_recv().ok()).collect();
        assert_eq!((told.len(), told.first().map(String::as_str)), (WAITING_MAX, Some("0")));
    }
}
