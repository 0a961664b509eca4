//! The front of `latchkey serve`: HTTP/1.1 on a port, within the bounds of `limits`.

use std::{
    convert::Infallible,
    future::poll_fn,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    response::Response,
};
use http_body_util::BodyExt;
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use shared::{
    App,
    error::Error,
    http::{
        client_ip::PeerAddr,
        contract,
        proxy::{self, OverTls},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
    task::JoinSet,
    time,
};
use tower::ServiceExt;

use super::{
    body,
    connections::{Bounds, Connections},
    limits::{
        ACCEPT_PAUSE, ANSWER_TIME_MAX, HEAD_BYTES_MAX, HEAD_TIME_AT_STOP_MAX, HEAD_TIME_MAX,
        IDLE_TIME_BEHIND_PROXY_MAX, IDLE_TIME_MAX, LINGER_TIME_MAX,
    },
    progress::{Patience, Phase, Progress, Watched},
    stop::stopped,
};

/// The server of a router. Clones share the connections.
#[derive(Clone)]
pub struct Front {
    service: Router,
    app: App,
    patience: Patience,
    connections: Arc<Connections>,
}

impl Front {
    /// The server of this router. `bounds` are those of the process.
    pub fn new(router: Router<App>, app: App, bounds: Bounds) -> Self {
        let patience = if is_behind_proxy(&app) {
            Patience { first: IDLE_TIME_BEHIND_PROXY_MAX, next: IDLE_TIME_BEHIND_PROXY_MAX }
        } else {
            Patience { first: HEAD_TIME_MAX, next: IDLE_TIME_MAX }
        };
        let service = contract::service(router, app.clone());
        Self { service, app, patience, connections: Connections::new(bounds) }
    }

    /// Serves until `stop`, and then until the last request is answered.
    pub async fn run(&self, listener: TcpListener, stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped(stop.clone()) => break,
                Some(_) = tasks.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Without this, the kernel holds a small packet back until the one before
                        // it is acknowledged. A client that sends several requests at once would
                        // wait for that. If the connection is broken, the next read reports it.
                        let _ = stream.set_nodelay(true);
                        if let Some(connection) = self.connect(stream, peer.ip(), stop.clone()) {
                            tasks.spawn(connection);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(cause = %error, "a connection cannot be accepted");
                        self.connections.make_room();
                        time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        while tasks.join_next().await.is_some() {}
    }

    /// Makes place for a connection from this address, and returns its service to its end. `None`
    /// if every place is in use by a request under way.
    pub fn connect<I: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        &self,
        io: I,
        ip: IpAddr,
        stop: watch::Receiver<bool>,
    ) -> Option<impl Future<Output = ()> + Send + use<I>> {
        let progress = Progress::new(self.patience);
        let place = self.connections.admit(ip, &progress)?;
        let front = self.clone();
        Some(async move {
            front.serve(io, ip, progress, stop).await;
            drop(place);
        })
    }

    async fn serve<I: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        &self,
        io: I,
        ip: IpAddr,
        progress: Arc<Progress>,
        stop: watch::Receiver<bool>,
    ) {
        let io = TokioIo::new(Watched::new(io, Arc::clone(&progress)));
        // Whether a request was answered before its body was read to its end.
        let is_unread = AtomicBool::new(false);
        let service = service_fn(|request| Box::pin(self.answer(request, ip, &progress, &is_unread)));
        let mut builder = http1::Builder::new();
        // `Progress` has the time limits, because hyper has one for idle connections and half-sent
        // heads together.
        builder.header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
        let mut connection = builder.serve_connection(io, service);
        let (mut is_stopping, mut has_waited) = (false, false);
        let is_overdue = loop {
            tokio::select! {
                _ = poll_fn(|context| connection.poll_without_shutdown(context)) => break false,
                () = progress.overdue() => break true,
                () = stopped(stop.clone()), if !is_stopping => is_stopping = true,
                () = time::sleep(HEAD_TIME_AT_STOP_MAX), if is_stopping => has_waited = true,
            }
            if has_waited && progress.is_cut_in_head() {
                break true;
            }
            Pin::new(&mut connection).graceful_shutdown();
        };
        let socket = connection.into_parts().io.into_inner();
        if socket.is_tls() {
            tracing::warn!("a client spoke TLS to this port, which has HTTP alone: the URL must begin with http://");
        }
        let refusal = match socket.refusal() {
            Some(414) => Some(Error::UriTooLong),
            Some(431) => Some(Error::HeadersTooLarge),
            Some(_) => Some(Error::Unreadable),
            None if is_overdue && progress.is_cut_in_head() => Some(Error::RequestTimeout),
            None => None,
        };
        self.end(socket.io, refusal, is_unread.into_inner(), &progress).await;
    }

    /// Answers a request once its body is read.
    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        ip: IpAddr,
        progress: &Progress,
        is_unread: &AtomicBool,
    ) -> Result<Response, Infallible> {
        let (mut parts, body) = request.into_parts();
        let (body, at_end) = if body.is_end_stream() {
            (Body::empty(), true)
        } else {
            progress.enter(Phase::Body);
            body::read(&mut parts, body, progress).await
        };
        progress.enter(Phase::Work);
        let request = with_peer(Request::from_parts(parts, body), ip, self.app.config().on_cloud_run);
        let mut response = self.service.clone().oneshot(request).await?;
        if !at_end {
            is_unread.store(true, Ordering::Relaxed);
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        progress.enter(Phase::Answer);
        Ok(response)
    }

    /// Ends a connection. Sends the last answer, if hyper could not. Then reads away the bytes that
    /// the client still sends behind a request that was not read, so that the answer arrives.
    async fn end(
        &self,
        mut io: impl AsyncRead + AsyncWrite + Unpin,
        refusal: Option<Error>,
        is_unread: bool,
        progress: &Progress,
    ) {
        let must_linger = is_unread || refusal.is_some();
        if let Some(error) = refusal {
            progress.enter(Phase::Answer);
            let bytes = bytes(contract::refusal(&self.app, error)).await;
            // If the client is gone, nobody waits for the answer.
            let _ = time::timeout(ANSWER_TIME_MAX, io.write_all(&bytes)).await;
        }
        progress.enter(Phase::Linger);
        // If the client is gone, the connection is closed already.
        if io.shutdown().await.is_err() || !must_linger {
            return;
        }
        let mut unread = vec![0; 4096];
        let linger = async { while io.read(&mut unread).await.is_ok_and(|bytes| bytes > 0) {} };
        tokio::select! {
            _ = time::timeout(LINGER_TIME_MAX, linger) => {}
            () = progress.evicted() => {}
        }
    }
}

/// Whether every connection is a proxy's.
pub fn is_behind_proxy(app: &App) -> bool {
    app.config().on_cloud_run || app.config().http.behind_proxy
}

/// Attaches the caller's address to a request. Usually it is the address of the connection. On
/// Cloud Run every connection is the front end's own, which writes its caller's address last into a
/// header, and the scheme into another.
fn with_peer(mut request: Request, connection: IpAddr, on_cloud_run: bool) -> Request {
    let forwarded = if on_cloud_run { proxy::take_last_forwarded(request.headers_mut()) } else { None };
    if on_cloud_run && proxy::says_tls(request.headers()) {
        request.extensions_mut().insert(OverTls);
    }
    request.extensions_mut().insert(PeerAddr(forwarded.unwrap_or(connection)));
    request
}

/// An answer as the bytes of HTTP/1.1, after which the connection is closed.
async fn bytes(response: Response) -> Vec<u8> {
    let (parts, body) = response.into_parts();
    // A body of this service is in memory, and cannot fail.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {}\r\nconnection: close\r\n", parts.status).into_bytes();
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}
