//! The requests of a signer to another service: tried twice, and bounded in time.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::{sync::OnceCell, time};

use crate::fetch::{Fetched, Fetcher};

/// The longest time of an attempt. Two of them and the pause stay below the time of a signature.
const ATTEMPT_TIME_MAX: Duration = Duration::from_millis(1_100);
/// The pause before the second attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// The client of one signer. It keeps connections, because each login needs a signature.
#[derive(Default)]
pub(super) struct Requests(OnceCell<Fetcher>);

impl Requests {
    /// Sends a request, and once more if it fails or `is_passing` says that its answer may be
    /// another one in a moment.
    ///
    /// # Errors
    ///
    /// A phrase that follows the server's name.
    pub(super) async fn send(
        &self,
        request: Request<Bytes>,
        is_passing: impl Fn(&Fetched) -> bool,
    ) -> Result<Fetched, String> {
        let fetcher = self.0.get_or_try_init(|| async { Fetcher::keeping_connections() }).await?;
        match fetcher.send_within(request.clone(), ATTEMPT_TIME_MAX).await {
            Ok(answer) if !is_passing(&answer) => return Ok(answer),
            _ => time::sleep(PAUSE).await,
        }
        fetcher.send_within(request, ATTEMPT_TIME_MAX).await
    }
}

/// Whether the server has too much to do, or fails.
pub(super) fn is_passing(answer: &Fetched) -> bool {
    answer.status == StatusCode::TOO_MANY_REQUESTS || answer.status.is_server_error()
}

/// The letters and underscores of a word that another server said, for the log. Sentences of
/// servers may quote a request, and stay out of it.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphabetic() || *letter == '_').take(64).collect()
}
