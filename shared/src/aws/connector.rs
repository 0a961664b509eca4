//! HTTPS for the AWS SDK: few connectors for all clients, which know Amazon's root certificates.
//!
//! Without this module every client builds connectors of its own, and each reads and parses the
//! root certificates of the system. There are over a hundred, and AWS's endpoints need five. The
//! system's certificates still count. A server that Amazon's roots do not vouch for is asked again
//! with them. Private endpoints need that, and proxies that open TLS. No server is trusted that
//! neither the system nor Amazon vouches for.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};

/// Amazon's root certificates (<https://www.amazontrust.com/repository/>), as `ca-certificates` has
/// them. AWS asks that all five are trusted.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The HTTP client of all clients of AWS. Clones share the connectors, and so the pools of
/// connections.
#[derive(Clone, Debug)]
pub(super) struct Https(Arc<Connectors>);

#[derive(Debug)]
struct Connectors {
    /// The certificates that count beside Amazon's. They are read once they are needed.
    others: TrustStore,
    made: Mutex<Vec<Made>>,
    /// Whether a server was met that Amazon's certificates do not vouch for.
    needs_others: AtomicBool,
}

/// A connector, and the clients that it is for. Clients share it if they wait equally long.
#[derive(Debug)]
struct Made {
    roots: Roots,
    timeouts: [Option<Duration>; 2],
    connector: SharedHttpConnector,
}

/// The certificates that a connector trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Roots {
    Amazon,
    Others,
}

impl Https {
    /// A client that trusts Amazon's certificates and the system's.
    pub(super) fn new() -> Self {
        Self::trusting(TrustStore::empty().with_native_roots(true))
    }

    fn trusting(others: TrustStore) -> Self {
        Self(Arc::new(Connectors { others, made: Mutex::default(), needs_others: AtomicBool::new(false) }))
    }
}

impl HttpClient for Https {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(OfClient {
            connectors: self.0.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }
}

/// The connector of one client, made once it is needed.
#[derive(Clone, Debug)]
struct OfClient {
    connectors: Arc<Connectors>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl OfClient {
    /// The connector with these roots. The first call makes it.
    fn connector(&self, roots: Roots) -> SharedHttpConnector {
        let timeouts = [self.settings.connect_timeout(), self.settings.read_timeout()];
        let mut made = self.connectors.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = made.iter().find(|made| made.roots == roots && made.timeouts == timeouts) {
            return found.connector.clone();
        }
        let connector = self.make(match roots {
            Roots::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            Roots::Others => self.connectors.others.clone(),
        });
        made.push(Made { roots, timeouts, connector: connector.clone() });
        connector
    }

    /// A connector as the SDK's own, with other roots.
    fn make(&self, store: TrustStore) -> SharedHttpConnector {
        let mut connector = Connector::builder().connector_settings(self.settings.clone());
        connector.set_sleep_impl(self.components.sleep_impl());
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        let connector = connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        let connector = match TlsContext::builder().with_trust_store(store).build() {
            Ok(context) => connector.tls_context(context),
            Err(error) => {
                tracing::error!(cause = %error, "the root certificates cannot be used");
                connector
            }
        };
        SharedHttpConnector::new(connector.build())
    }
}

impl HttpConnector for OfClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.connectors.needs_others.load(Ordering::Relaxed) {
            return self.connector(Roots::Others).call(request);
        }
        // The handshake comes before the request, so that a request is never sent twice.
        let again = request.try_clone();
        let (first, this) = (self.connector(Roots::Amazon).call(request), self.clone());
        HttpConnectorFuture::new(async move {
            match (first.await, again) {
                (Err(error), Some(again)) if is_issuer_unknown(&error) => {
                    this.connectors.needs_others.store(true, Ordering::Relaxed);
                    this.connector(Roots::Others).call(again).await
                }
                (answer, _) => answer,
            }
        })
    }
}

/// Whether nobody vouches for the server. The cause is nested in errors of several crates, and each
/// shows the next in its debug form.
fn is_issuer_unknown(error: &ConnectorError) -> bool {
    format!("{error:?}").contains("UnknownIssuer")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use aws_sdk_dynamodb::{
        Client,
        config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    };
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
    };
    use x509_cert::{Certificate, der::Decode};

    use super::*;

    /// A DynamoDB without tables behind TLS, with a certificate of its own.
    struct Private {
        port: u16,
        certificate: String,
        /// The connections that clients began.
        connections: Arc<AtomicUsize>,
    }

    impl Private {
        async fn start() -> Self {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
            let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
            let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
            let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
            let (acceptor, listener) =
                (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
            let port = listener.local_addr().unwrap().port();
            let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", made.cert.der().to_vec()));
            let connections = Arc::new(AtomicUsize::new(0));
            let counted = connections.clone();
            tokio::spawn(async move {
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    counted.fetch_add(1, Ordering::Relaxed);
                    // A client that does not trust the certificate ends the handshake.
                    let Ok(mut stream) = acceptor.accept(socket).await else { continue };
                    tokio::spawn(async move {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"TableNames\":[]}";
                        let mut request = [0; 8_192];
                        while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                            stream.write_all(answer).await.unwrap();
                        }
                    });
                }
            });
            Self { port, certificate, connections }
        }

        fn client(&self, https: Https) -> Client {
            let config = aws_sdk_dynamodb::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::from_static("us-east-1"))
                .credentials_provider(Credentials::new("id", "key", None, None, "test"))
                .retry_config(RetryConfig::disabled())
                .endpoint_url(format!("https://localhost:{}", self.port))
                .http_client(https);
            Client::from_conf(config.build())
        }

        fn connections(&self) -> usize {
            self.connections.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_server_that_the_system_alone_vouches_for_is_reached_over_one_connection() {
        let server = Private::start().await;
        let roots = TrustStore::empty().with_pem_certificate(server.certificate.as_bytes());
        let https = Https::trusting(roots);
        let client = server.client(https.clone());
        for _ in 0..3 {
            assert_eq!(client.list_tables().send().await.unwrap().table_names().len(), 0);
        }
        assert_eq!(server.connections(), 2, "one without trust and one with it");
        // Another client of this process knows it already, and shares the connection.
        server.client(https).list_tables().send().await.unwrap();
        assert_eq!(server.connections(), 2);
    }

    #[tokio::test]
    async fn a_server_that_nobody_vouches_for_is_refused() {
        let (server, other) = (Private::start().await, Private::start().await);
        let roots = TrustStore::empty().with_pem_certificate(other.certificate.as_bytes());
        for https in [Https::new(), Https::trusting(roots)] {
            let error = server.client(https).list_tables().send().await.unwrap_err();
            assert!(format!("{error:?}").contains("InvalidCertificate"), "{error:?}");
        }
    }

    #[test]
    fn the_roots_are_the_five_of_amazon() {
        let name =
            |root: &pem::Pem| Certificate::from_der(root.contents()).unwrap().tbs_certificate().subject().to_string();
        let names: Vec<String> = pem::parse_many(AMAZON_ROOTS).unwrap().iter().map(name).collect();
        let amazon = |number| format!("CN=Amazon Root CA {number},O=Amazon,C=US");
        let starfield = "CN=Starfield Services Root Certificate Authority - G2,O=Starfield Technologies\\, Inc.,\
                         L=Scottsdale,ST=Arizona,C=US";
        assert_eq!(names, [amazon(1), amazon(2), amazon(3), amazon(4), starfield.to_owned()]);
    }
}
