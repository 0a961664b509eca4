//! A small HTTP client with a pool of connections.

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

/// Longer than any answer takes, so that a lost answer becomes visible.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of one server. Clones share the connections.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<HttpConnector, Body>,
    base: String,
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if the body is not JSON.
    pub body: Value,
}

impl Answer {
    /// A string field of the body; empty if the field is missing.
    pub fn text_of(&self, key: &str) -> String {
        self.body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A request body with the refresh token of this answer.
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
    /// No complete answer arrives.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.send(self.request(Method::POST, path), body.to_string()).await
    }

    /// Sends a request with a body.
    ///
    /// # Errors
    ///
    /// No complete answer arrives.
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
        time::timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err("no answer".to_owned()))
    }
}
