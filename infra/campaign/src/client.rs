//! A small HTTP client that keeps its connections.

use std::time::Duration;

use axum::{
    body::{self, Body},
    http::{HeaderMap, Method, Request, request::Builder},
};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tokio::time;

/// Longer than any server takes, so that what is lost shows itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of one server. Cloning shares its connections.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpConnector, Body>,
    base: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub text: String,
    /// Its body as JSON; null if it is none.
    pub body: Value,
}

impl Answer {
    /// A text of the body; empty if it is not there.
    pub fn text_of(&self, key: &str) -> String {
        self.body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Its refresh token, as a body that presents it.
    pub fn refresh_token(&self) -> Value {
        serde_json::json!({"refresh_token": self.text_of("refresh_token")})
    }
}

impl Client {
    /// A client of the server at this address.
    pub fn new(address: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { http: legacy::Client::builder(TokioExecutor::new()).build(connector), base: format!("http://{address}") }
    }

    /// Begins a request.
    pub fn request(&self, method: Method, path: &str) -> Builder {
        Request::builder().method(method).uri(format!("{}{path}", self.base))
    }

    /// Posts JSON.
    ///
    /// # Errors
    ///
    /// There is no whole answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.send(self.request(Method::POST, path), body.to_string()).await
    }

    /// Sends a request with a body; it is JSON unless a header says something else.
    ///
    /// # Errors
    ///
    /// There is no whole answer.
    pub async fn send(&self, request: Builder, body: impl Into<Body>) -> Result<Answer, String> {
        let request = request.body(body.into()).map_err(|error| error.to_string())?;
        let exchange = async {
            let response = self.http.request(request).await.map_err(|error| format!("{error:?}"))?;
            let (parts, body) = response.into_parts();
            let bytes = body::to_bytes(Body::new(body), usize::MAX).await.map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let body = serde_json::from_str(&text).unwrap_or_default();
            Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, text, body })
        };
        time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err("no answer at all".to_owned()))
    }
}
