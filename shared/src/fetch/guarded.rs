//! Calls of a URL that the configuration names, which never lead into a private network.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use tokio::{net::lookup_host, time};
use tower::Service;

use super::is_private;
use crate::error::chain;

/// The cause of a call that is not made.
const PRIVATE: &str = "the host is in a private network";

/// A client that resolves names to public addresses alone. It follows no redirect and keeps no
/// connection.
pub struct Guarded(Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>);

/// The reason why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The name leads into a private network, so that nothing was called.
    Private,
    /// Nothing can be reached there.
    Unreachable,
    /// The time was over.
    TimedOut,
}

impl Guarded {
    /// A client that trusts the system's root certificates. `is_local` says that the server is on
    /// this machine, which the configuration says by its name.
    ///
    /// # Errors
    ///
    /// A sentence: the system has no root certificates.
    pub fn new(is_local: bool) -> Result<Self, String> {
        let mut connector = HttpConnector::new_with_resolver(Resolver { is_local });
        connector.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("This system's root certificates cannot be read: {error}."))?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(connector);
        Ok(Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)))
    }

    /// Calls, and reads at most `bytes_max` of the body within the same time. The body is `None` if
    /// it is longer or broken.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`] if no head of an answer came in time.
    pub async fn call(
        &self,
        request: Request<Full<Bytes>>,
        time_max: Duration,
        bytes_max: usize,
    ) -> Result<(StatusCode, Option<Bytes>), NoAnswer> {
        let exchange = async {
            let answer = self.0.request(request).await.map_err(|error| match chain(&error).contains(PRIVATE) {
                true => NoAnswer::Private,
                false => NoAnswer::Unreachable,
            })?;
            let status = answer.status();
            let body = if bytes_max == 0 {
                None
            } else {
                Limited::new(answer.into_body(), bytes_max).collect().await.ok().map(|body| body.to_bytes())
            };
            Ok((status, body))
        };
        time::timeout(time_max, exchange).await.unwrap_or(Err(NoAnswer::TimedOut))
    }
}

/// Resolves a name to public addresses alone, so that no name leads into a private network. The
/// configuration refuses such addresses themselves.
#[derive(Clone)]
struct Resolver {
    is_local: bool,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let is_local = self.is_local;
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            let fits = |address: &SocketAddr| {
                if is_local { address.ip().is_loopback() } else { !is_private(address.ip()) }
            };
            if found.iter().all(fits) {
                Ok(found.into_iter())
            } else {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, PRIVATE))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::Body,
        http::{StatusCode, header},
        routing::post,
    };
    use futures_util::stream;
    use tokio::net::TcpListener;

    use super::*;

    /// A server on this machine, under its name.
    async fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let endless = || async {
            Body::from_stream(stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 1_024]))))
        };
        let router = Router::new()
            .route("/short", post(|| async { "short" }))
            .route("/endless", post(endless))
            .route("/slow", post(|| async { time::sleep(Duration::from_secs(60)).await }))
            .route("/away", post(|| async { (StatusCode::FOUND, [(header::LOCATION, "/short")]) }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://localhost:{port}")
    }

    async fn called(is_local: bool, url: String, bytes_max: usize) -> Result<(u16, Option<Bytes>), NoAnswer> {
        let request = Request::post(url).body(Full::new(Bytes::new())).unwrap();
        let called = Guarded::new(is_local).unwrap().call(request, Duration::from_secs(2), bytes_max).await;
        called.map(|(status, body)| (status.as_u16(), body))
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_called() {
        let url = server().await;
        assert_eq!(called(false, format!("{url}/short"), 10).await, Err(NoAnswer::Private));
        assert_eq!(called(true, format!("{url}/short"), 10).await, Ok((200, Some(Bytes::from_static(b"short")))));
        assert_eq!(called(true, "http://localhost:9/".to_owned(), 10).await, Err(NoAnswer::Unreachable));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_and_neither_a_slow_nor_an_endless_answer_is_waited_for() {
        let url = server().await;
        assert_eq!(called(true, format!("{url}/away"), 10).await, Ok((302, Some(Bytes::new()))));
        assert_eq!(called(true, format!("{url}/endless"), 10_000).await, Ok((200, None)));
        assert_eq!(called(true, format!("{url}/endless"), 0).await, Ok((200, None)));
        assert_eq!(called(true, format!("{url}/slow"), 10).await, Err(NoAnswer::TimedOut));
    }
}
