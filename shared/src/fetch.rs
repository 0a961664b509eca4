//! HTTP requests of this service's own to other servers: bounded in time, size and trust.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time;

use crate::error::chain;

/// How long a whole exchange may take, from the name's resolution to the last byte of the body.
pub const TIME_MAX: Duration = Duration::from_millis(2_500);
/// The largest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// How much of an answer is read before it is looked at, which is also the largest head.
const BUFFER_BYTES: usize = 16 * 1024;

/// Makes requests. Making it reads the system's root certificates, which takes milliseconds, so it is made when needed.
pub struct Fetcher(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// A whole answer, of whatever status.
#[derive(Debug)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, of at most [`BODY_BYTES_MAX`].
    pub body: Bytes,
}

impl Fetcher {
    /// A client that trusts what the system trusts. It follows no redirect and keeps no connection.
    ///
    /// # Errors
    ///
    /// The system has no root certificates.
    pub fn new() -> Result<Self, String> {
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("this system's root certificates cannot be read: {error}"))?;
        let connector = tls.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            // Requests are hours apart, and a frozen function's connections are dead when it thaws.
            .pool_max_idle_per_host(0)
            // A flood of heads is read in small portions, between which others have their turn.
            .http1_max_buf_size(BUFFER_BYTES)
            .build(connector);
        Ok(Self(client))
    }

    /// Gets `uri`.
    ///
    /// # Errors
    ///
    /// A phrase that follows "the server": what cannot be reached, took too long, or is larger than the limit.
    pub async fn get(&self, uri: &Uri) -> Result<Fetched, String> {
        let request = Request::builder().uri(uri).header(header::ACCEPT, "application/json");
        self.send(request.body(()).map_err(|error| error.to_string())?).await
    }

    /// Sends a request without a body.
    ///
    /// # Errors
    ///
    /// As [`Fetcher::get`].
    pub async fn send(&self, request: Request<()>) -> Result<Fetched, String> {
        self.send_within(request.map(|()| Bytes::new()), TIME_MAX).await
    }

    /// Sends a request with a body, and waits up to `time_max` for the whole answer. Names this
    /// program as the user agent, unless the request names another.
    ///
    /// # Errors
    ///
    /// As [`Fetcher::get`].
    pub async fn send_within(&self, request: Request<Bytes>, time_max: Duration) -> Result<Fetched, String> {
        let mut request = request.map(Full::new);
        let agent = HeaderValue::from_static(concat!("latchkey/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().entry(header::USER_AGENT).or_insert(agent);
        time::timeout(time_max, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(format!("did not answer within {time_max:?}")))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Fetched, String> {
        let answer: Response<_> =
            self.0.request(request).await.map_err(|error| format!("cannot be reached: {}", chain(&error)))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| format!("sent no whole body of at most 256 KiB: {}", chain(error.as_ref())))?;
        Ok(Fetched { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }
}
