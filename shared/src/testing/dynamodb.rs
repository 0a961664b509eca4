//! The DynamoDB of a test: the embedded one, or the one of another maker.
//!
//! The variable [`ENDPOINT`] names the other one. `make dynamodb` sets it to moto's, so that no
//! test passes only because the embedded one is lenient.
//!
//! infra/tools/moto_dynamodb.py lists the differences between the two.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Builder, Credentials, Region},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;

use crate::store::{Store, embedded::Embedded};

/// The variable with the other DynamoDB's host and port, as in `127.0.0.1:8000`.
const ENDPOINT: &str = "LATCHKEY_TEST_DYNAMODB";

/// An empty DynamoDB. Clones share one.
#[derive(Clone, Debug)]
pub struct Database(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Embedded(Embedded),
    Other { server: Blocking, region: String },
}

impl Database {
    /// A DynamoDB without a table.
    pub fn new() -> Self {
        Self(match other() {
            Some(endpoint) => Kind::Other { server: Blocking(endpoint), region: region() },
            None => Kind::Embedded(Embedded::memory().expect("SQLite starts")),
        })
    }

    /// A client whose calls end here.
    pub fn client(&self) -> Client {
        Client::from_conf(self.client_config().build())
    }

    /// The store over the table of this name, through a client whose calls end here.
    pub fn store(&self, client: Client, name: &str) -> Store {
        match &self.0 {
            Kind::Embedded(_) => Embedded::store_by(client, name),
            Kind::Other { .. } => Store::new(client, name),
        }
    }

    /// The SDK's configuration for a client whose calls end here.
    pub fn client_config(&self) -> Builder {
        match &self.0 {
            Kind::Embedded(embedded) => embedded.client_config(),
            Kind::Other { server, region } => aws_sdk_dynamodb::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new(region.clone()))
                .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                .endpoint_url(format!("http://{}", server.0))
                .http_client(server.clone()),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Embedded> for Database {
    fn from(embedded: Embedded) -> Self {
        Self(Kind::Embedded(embedded))
    }
}

/// A server that is called on the thread of the test, as the embedded DynamoDB is. A paused clock
/// would run ahead of a call that waits for a socket, and every time-out would be reached.
#[derive(Clone, Debug)]
struct Blocking(String);

impl Blocking {
    /// Makes one call at a time. moto checks a condition and writes in two steps, and lets another
    /// call in between.
    fn answer(&self, request: &HttpRequest) -> io::Result<HttpResponse> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let body = request.body().bytes().unwrap_or_default();
        let mut head = format!("POST / HTTP/1.0\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in request.headers().iter().filter(|(name, _)| *name != "content-length") {
            head += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(&self.0)?;
        stream.write_all(&[head.as_bytes(), b"\r\n", body].concat())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
        let (status, body) = status.zip(answer.split_once("\r\n\r\n")).ok_or(io::ErrorKind::InvalidData)?;
        let status = status.try_into().map_err(io::Error::other)?;
        Ok(HttpResponse::new(status, SdkBody::from(body.1)))
    }
}

impl HttpClient for Blocking {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Blocking {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.answer(&request).map_err(|error| ConnectorError::io(error.into())))
    }
}

#[expect(clippy::disallowed_methods, reason = "no setting of the service: only tests know this variable")]
fn other() -> Option<String> {
    std::env::var(ENDPOINT).ok()
}

/// A region that no other test of any process uses. Tables of one name in two regions are two
/// tables.
fn region() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
