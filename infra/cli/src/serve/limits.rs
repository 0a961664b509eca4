//! The bounds of `latchkey serve` on connections, each with its reason.
//!
//! `campaign connections` measures them. The bounds on requests are in `shared::http`.

use std::time::Duration;

/// The most connections at once. In `campaign connections` 4,100 hostile ones cost 91 MiB, 23 KiB
/// each.
pub const CONNECTIONS_MAX: usize = 4_096;
/// The most connections of one caller, an eighth of all. An office or a builder's server behind one
/// address needs fewer: a connection serves one request after the other.
pub const CONNECTIONS_OF_CALLER_MAX: usize = 512;
/// The most connections beyond these bounds, which are ending for another and have not ended yet.
pub const CLOSING_MAX: usize = 64;
/// The file descriptors that are kept for ending connections, the database, the keys and calls to
/// others.
pub const DESCRIPTORS_RESERVED: u64 = 256;
/// The least time between two log lines about connections that were closed at once.
pub const REFUSALS_TOLD_EVERY: Duration = Duration::from_secs(60);

/// The largest head of a request, in bytes: twice the longest token, so that a token that is too
/// long is told so. API Gateway accepts 10,240
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The longest time from the first byte of a head to its last. A head fits into a few packets, so
/// that a slow network needs a second or two.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest time for the rest of a head after a stop signal.
pub const HEAD_TIME_AT_STOP_MAX: Duration = Duration::from_secs(1);
/// The longest time of a body, and of what is read away. 16 KiB over 20 kbit/s, a bad mobile
/// network, take 7 seconds.
pub const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// The most bytes of a body that are read away, so that its sender reads the answer and can use the
/// connection again. API Gateway's own bound on a body is 10 MB.
pub const READ_AWAY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The longest time in which a client may leave an answer unread. The kernel takes most answers
/// whole.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest time without a request on a connection that was in use. A load balancer of AWS keeps
/// its connections for 60 seconds, and must be the first to close them.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// The same behind a proxy. A load balancer of Google keeps its connections for 600 seconds
/// (<https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries>).
pub const IDLE_TIME_BEHIND_PROXY_MAX: Duration = Duration::from_secs(620);
/// The longest time in which bytes are read away after a last answer. A reset would otherwise take
/// the answer from a client that still sends.
pub const LINGER_TIME_MAX: Duration = Duration::from_secs(5);
/// The pause after an `accept` that failed, as when the file descriptors are used up.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
