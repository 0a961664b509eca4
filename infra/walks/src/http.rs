//! Requests and answers, and a client that keeps its connections.

use std::time::Duration;

use axum::{
    body::{self, Body},
    http::{self, HeaderMap, HeaderName, HeaderValue, Method},
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time;

/// A request that can be sent in any way, and more than once.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its path, with the query.
    pub path: String,
    /// Its headers, each once.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Option<Vec<u8>>,
}

impl Request {
    /// A request without a body or a header.
    pub fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: None }
    }

    /// A GET request.
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// A POST request with JSON.
    pub fn post(path: &str, body: &Value) -> Self {
        Self::text(path, body.to_string())
    }

    /// A request with another method than POST that carries JSON.
    pub fn json(method: Method, path: &str, body: &Value) -> Self {
        Self { method, ..Self::post(path, body) }
    }

    /// A POST request with these bytes, sent as JSON.
    pub fn text(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let request = Self { body: Some(body.into()), ..Self::new(Method::POST, path) };
        request.header("content-type", "application/json")
    }

    /// A POST request with a form of the texts of a JSON object.
    pub fn form(path: &str, fields: &Value) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields.as_object().expect("an object") {
            form.append_pair(name, value.as_str().expect("a text"));
        }
        Self::text(path, form.finish()).header("content-type", "application/x-www-form-urlencoded")
    }

    /// A preflight of a browser that wants to post JSON with a token.
    pub fn preflight(path: &str) -> Self {
        Self::new(Method::OPTIONS, path)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
    }

    /// Sets this header, in the place of an earlier value.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds the access token of a session object.
    pub fn by(self, session: &Value) -> Self {
        self.bearer(session["access_token"].as_str().expect("an access token"))
    }

    /// Adds this token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as JSON; null if it is empty, and a text if it is a page.
    pub body: Value,
    /// Whether there is no body at all.
    pub is_empty: bool,
}

impl Answer {
    /// An answer of these bytes.
    ///
    /// # Errors
    ///
    /// They are no JSON, and no page.
    pub fn new(status: u16, headers: HeaderMap, bytes: &[u8]) -> Result<Self, String> {
        // The emulator calls the JSON of an answer plain text.
        let kinds: [&[u8]; 3] = [b"text/html", b"text/javascript", b"text/markdown"];
        let kind = headers.get("content-type").map_or(&b""[..], HeaderValue::as_bytes);
        let is_page = kinds.iter().any(|of| kind.starts_with(of));
        let body = match bytes {
            [] => Ok(Value::Null),
            _ if is_page => Ok(Value::String(String::from_utf8_lossy(bytes).into_owned())),
            _ => serde_json::from_slice(bytes),
        };
        let body = body.map_err(|_| format!("not JSON, with status {status}: {}", String::from_utf8_lossy(bytes)))?;
        Ok(Self { status, headers, body, is_empty: bytes.is_empty() })
    }

    /// The value of a header. Fails if the header comes twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() <= 1, "{name} is there {} times", values.len());
        Some(values.first()?.to_str().expect("a text"))
    }

    /// Fails unless the status is a success. Returns the body.
    #[track_caller]
    pub fn success(self) -> Value {
        assert!(self.is_success(), "{}: {}", self.status, self.body);
        self.body
    }

    /// Whether the status is 200 or 201.
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200 | 201)
    }

    /// Fails unless the body has these members with these values.
    #[track_caller]
    pub fn has(&self, members: &Value) {
        for (name, value) in members.as_object().expect("an object") {
            assert_eq!(&self.body[name], value, "{name} of {:#}", self.body);
        }
    }
}

/// A client. Cloning shares its connections.
#[derive(Clone)]
pub struct Client(legacy::Client<HttpConnector, Body>);

impl Client {
    /// A client without a connection yet.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Sends a request with exactly its headers to the server of this origin.
    ///
    /// # Errors
    ///
    /// No whole answer comes in time, or the answer is no JSON.
    pub async fn send(&self, origin: &str, request: Request, patience_ms: u64) -> Result<Answer, String> {
        let sent = format!("{} {origin}{}", request.method, request.path);
        let exchange = async {
            let response = self.0.request(whole(origin, request)?).await.map_err(|error| format!("{error:?}"))?;
            let (parts, body) = response.into_parts();
            let bytes = body::to_bytes(Body::new(body), usize::MAX).await.map_err(|error| error.to_string())?;
            Answer::new(parts.status.as_u16(), parts.headers, &bytes)
        };
        let answer = time::timeout(Duration::from_millis(patience_ms), exchange).await;
        answer
            .unwrap_or_else(|_| Err(format!("none after {patience_ms} ms")))
            .map_err(|error| format!("{sent}: {error}"))
    }
}

fn whole(origin: &str, request: Request) -> Result<http::Request<Body>, String> {
    let mut builder = http::Request::builder().method(request.method).uri(format!("{origin}{}", request.path));
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    builder.body(request.body.map(Body::from).unwrap_or_default()).map_err(|error| error.to_string())
}

/// Headers of these names and values.
pub fn headers<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let parsed = pairs.map(|(name, value)| {
        (name.parse::<HeaderName>().expect("a header name"), HeaderValue::from_str(value).expect("a header value"))
    });
    let mut headers = HeaderMap::new();
    parsed.for_each(|(name, value)| {
        headers.append(name, value);
    });
    headers
}
