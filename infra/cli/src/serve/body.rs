//! Reads the body of a request, before its handler is called.
//!
//! A handler may refuse a request without a look at the body. The rest of that body would then
//! stand before the next request of the connection, or end the connection without an answer.

use axum::{
    body::Body,
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use shared::http::body::{Unread, bytes_max};
use tokio::time::{self, Instant};

use super::{
    limits::{BODY_TIME_MAX, READ_AWAY_BYTES_MAX},
    progress::Progress,
};

/// Reads the body. One that is too large is read away, and its first bytes are enough for the
/// handler's refusal. One that does not come is noted among the extensions. Returns the body, and
/// whether the client has nothing more to send.
pub async fn read(parts: &mut Parts, body: Incoming, progress: &Progress) -> (Body, bool) {
    let bytes_max = bytes_max(parts.uri.path());
    if is_announced_too_large(&parts.headers, bytes_max) {
        // The client asks first, and keeps the body back once it reads the refusal.
        return (vec![b' '; bytes_max + 1].into(), false);
    }
    let deadline = Instant::now() + BODY_TIME_MAX;
    let mut reading = Reading { body, kept: Vec::new(), bytes: 0, bytes_max };
    let end = tokio::select! {
        end = time::timeout_at(deadline, reading.read_to_end()) => end.unwrap_or(Err(Unread::TimedOut)),
        () = progress.evicted() => Err(Unread::TimedOut),
    };
    let at_end = match end {
        Ok(at_end) => at_end,
        Err(unread) => {
            parts.extensions.insert(unread);
            false
        }
    };
    (reading.kept.into(), at_end)
}

/// Whether the client waits for `100 Continue` before it sends a body that is too large.
fn is_announced_too_large(headers: &HeaderMap, bytes_max: usize) -> bool {
    let waits = headers.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    waits && length.is_some_and(|length| length > bytes_max as u64)
}

struct Reading {
    body: Incoming,
    /// The first bytes, one more than a body may have at the most.
    kept: Vec<u8>,
    /// The number of bytes so far.
    bytes: usize,
    /// The most bytes that a body may have.
    bytes_max: usize,
}

impl Reading {
    /// Returns whether the end was reached. A longer body is given up.
    async fn read_to_end(&mut self) -> Result<bool, Unread> {
        while !self.body.is_end_stream() {
            let Some(frame) = self.body.frame().await else { break };
            let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
            let room = (self.bytes_max + 1).saturating_sub(self.kept.len());
            self.kept.extend(data.iter().take(room));
            self.bytes = self.bytes.saturating_add(data.len());
            if self.bytes > READ_AWAY_BYTES_MAX {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
