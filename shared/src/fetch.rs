//! HTTP requests from this service to other servers, bounded in time, size and trust.

mod guarded;
mod leased;

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time;

pub use guarded::{Guarded, NoAnswer};
pub use leased::Leased;

use crate::error::chain;

/// The longest exchange, from the resolution of the name to the last byte of the body.
pub const TIME_MAX: Duration = Duration::from_millis(2_500);
/// The largest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of an answer that are read at a time, and the largest head.
const BUFFER_BYTES: usize = 16 * 1024;
/// The most connections to one host that are kept while nobody uses them.
const CONNECTIONS_MAX: usize = 8;
/// The longest time for which a connection is kept. Servers of Google and AWS keep one longer.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// An HTTP client. Create one only when it is needed: that reads the system's root certificates,
/// which takes milliseconds.
pub struct Fetcher(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// A whole answer of any status.
#[derive(Debug)]
pub struct Fetched {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, of at most [`BODY_BYTES_MAX`].
    pub body: Bytes,
}

impl Fetcher {
    /// A client that trusts the system's root certificates. The client follows no redirect and
    /// keeps no connection.
    ///
    /// # Errors
    ///
    /// The system has no root certificates.
    pub fn new() -> Result<Self, String> {
        // Requests are hours apart, and the connections of a frozen function die meanwhile.
        Self::keeping(0)
    }

    /// A client as [`Fetcher::new`], which keeps connections for the next requests. The caller
    /// tries a request again that failed: a kept connection may have died meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Fetcher::new`].
    pub fn keeping_connections() -> Result<Self, String> {
        Self::keeping(CONNECTIONS_MAX)
    }

    fn keeping(connections: usize) -> Result<Self, String> {
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("this system's root certificates cannot be read: {error}"))?;
        let connector = tls.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(connections)
            .pool_idle_timeout(IDLE_MAX)
            .pool_timer(TokioTimer::new())
            // A flood of heads is read in small portions, so that other tasks run in between.
            .http1_max_buf_size(BUFFER_BYTES)
            .build(connector);
        Ok(Self(client))
    }

    /// Gets `uri`.
    ///
    /// # Errors
    ///
    /// A phrase to put after "the server": it cannot be reached, takes too long, or sends too much.
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
            self.0.request(request).await.map_err(|error| format!("cannot be reached: {}", why(&chain(&error))))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, BODY_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| format!("sent no whole body of at most 256 KiB: {}", chain(error.as_ref())))?;
        Ok(Fetched { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    }
}

/// Whether an address is of this machine or of a private network, or of no machine (IANA's
/// registries of special-purpose addresses). A server that somebody else names must not be there.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_documentation()
                || address.is_multicast()
                || first == 0
                || first >= 240
                || (first == 100 && (64..128).contains(&second))
                || (first == 198 && (18..20).contains(&second))
                || (first == 192 && second == 0 && address.octets().get(2) == Some(&0))
        }
        IpAddr::V6(address) => {
            let [first, second, ..] = address.segments();
            // All addresses that are given to machines begin with the bits 001. Within them,
            // 2001:db8::/32 is for documents, and 2002::/16 holds an address of IPv4.
            first & 0xe000 != 0x2000 || first == 0x2002 || (first == 0x2001 && matches!(second, 0 | 0x0db8))
        }
    }
}

/// The cause in plain words, if it is a usual one.
fn why(cause: &str) -> &str {
    if cause.contains("dns error") {
        "its name has no address; check the name, and the network of this machine"
    } else if cause.contains("Connection refused") {
        "nothing listens there"
    } else if cause.contains("certificate") {
        "its certificate cannot be trusted"
    } else {
        cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_private_network_is_told_from_a_public_one() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "198.20.0.1", "2606:4700::1111", "2001:4860::8888"]
        {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
