//! The progress of a connection: the event that it waits for, since when, and how long it may.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{self, Instant},
};

use super::limits::{ANSWER_TIME_MAX, HEAD_TIME_MAX};

/// The next event that a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The first byte of all.
    New,
    /// The first byte of another request.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// The handler.
    Work,
    /// The client, which reads the answer.
    Answer,
    /// The client, which still sends after the last answer.
    Linger,
}

impl Phase {
    /// Whether the connection may be closed for another one: its client keeps it waiting.
    fn is_idle(self) -> bool {
        matches!(self, Self::New | Self::Idle | Self::Head | Self::Body | Self::Linger)
    }
}

/// The longest waits for the first byte of a request.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// On a new connection.
    pub first: Duration,
    /// On a connection that was in use.
    pub next: Duration,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Whether another connection needs the place of this one.
    is_evicted: bool,
}

/// The progress of one connection, shared by its task, its socket and the list of connections.
pub struct Progress {
    state: watch::Sender<State>,
    patience: Patience,
}

impl Progress {
    /// The progress of a connection that begins now.
    pub fn new(patience: Patience) -> Arc<Self> {
        let state = State { phase: Phase::New, since: Instant::now(), is_evicted: false };
        Arc::new(Self { state: watch::Sender::new(state), patience })
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
        self.state.borrow().phase
    }

    /// Begins a phase.
    pub fn enter(&self, phase: Phase) {
        self.state.send_modify(|state| (state.phase, state.since) = (phase, Instant::now()));
    }

    /// Whether the client has sent a part of a head, and may have its answer. There is no time for
    /// answers where another connection needs the place.
    pub fn is_cut_in_head(&self) -> bool {
        let State { phase, is_evicted, .. } = *self.state.borrow();
        phase == Phase::Head && !is_evicted
    }

    /// The time since which the client keeps the connection waiting. `None` while it does not.
    pub fn idle_since(&self) -> Option<Instant> {
        let State { phase, since, is_evicted } = *self.state.borrow();
        (phase.is_idle() && !is_evicted).then_some(since)
    }

    /// Asks the connection to end for another one.
    pub fn evict(&self) {
        self.state.send_modify(|state| state.is_evicted = true);
    }

    /// Waits until the connection has to end for another one.
    pub async fn evicted(&self) {
        // An error means that the connection is gone.
        let _ = self.state.subscribe().wait_for(|state| state.is_evicted).await;
    }

    /// Waits until the connection is overdue, or has to end for another one. A body has a limit of
    /// its own, and so has a handler: both are answered.
    pub async fn overdue(&self) {
        let mut states = self.state.subscribe();
        loop {
            let State { phase, since, is_evicted } = *states.borrow_and_update();
            if is_evicted && phase.is_idle() && phase != Phase::Body {
                return;
            }
            let limit = match phase {
                Phase::New => self.patience.first,
                Phase::Idle => self.patience.next,
                Phase::Head => HEAD_TIME_MAX,
                Phase::Answer => ANSWER_TIME_MAX,
                Phase::Body | Phase::Work | Phase::Linger => Duration::MAX,
            };
            let Some(deadline) = since.checked_add(limit) else {
                // The sender is this struct, so that there is no error.
                let _ = states.changed().await;
                continue;
            };
            if time::timeout_at(deadline, states.changed()).await.is_err() {
                return;
            }
        }
    }
}

/// A socket that notes the progress of its connection, and keeps hyper's own refusals back. They
/// have no body: the connection's task writes a whole answer in their place.
pub struct Watched<I> {
    /// The socket.
    pub io: I,
    progress: Arc<Progress>,
    refusal: Option<u16>,
    /// The first byte of all.
    first: Option<u8>,
}

impl<I> Watched<I> {
    /// Watches a socket.
    pub fn new(io: I, progress: Arc<Progress>) -> Self {
        Self { io, progress, refusal: None, first: None }
    }

    /// Whether the client began with a handshake of TLS (RFC 8446 section 5.1), as for https.
    pub fn is_tls(&self) -> bool {
        const HANDSHAKE: u8 = 22;
        self.first == Some(HANDSHAKE)
    }

    /// The status of the refusal that hyper wanted to send: 400, 414 or 431.
    pub fn refusal(&self) -> Option<u16> {
        self.refusal
    }
}

/// The status of an answer that begins with these bytes, if it is a refusal.
fn refused(bytes: &[u8]) -> Option<u16> {
    let status = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    std::str::from_utf8(status).ok()?.parse().ok().filter(|status| (400..500).contains(status))
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        self.first = self.first.or_else(|| buffer.filled().get(before).copied());
        if buffer.filled().len() > before && matches!(self.progress.phase(), Phase::New | Phase::Idle) {
            self.progress.enter(Phase::Head);
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Between two requests nobody but hyper writes.
        if matches!(self.progress.phase(), Phase::New | Phase::Idle | Phase::Head)
            && let Some(status) = refused(bytes)
        {
            self.refusal = Some(status);
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        // hyper flushes once the whole answer is with the kernel.
        if matches!(flushed, Poll::Ready(Ok(()))) && self.progress.phase() == Phase::Answer {
            self.progress.enter(Phase::Idle);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
