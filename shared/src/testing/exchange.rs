//! Requests to a router, and their answers.

use std::{net::IpAddr, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header, request::Builder},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::described;
use crate::http::{client_ip::PeerAddr, contract};

/// A request under construction.
pub struct Call {
    router: Router,
    request: Builder,
    body: Body,
}

impl Call {
    /// Begins a request to this router.
    pub(super) fn new(router: Router, method: Method, path: &str) -> Self {
        Self { router, request: Request::builder().method(method).uri(path), body: Body::empty() }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name.as_ref(), value.as_ref());
        self
    }

    /// Adds `Authorization: Bearer`.
    pub fn bearer(self, token: &Value) -> Self {
        self.header("authorization", format!("Bearer {}", token.as_str().expect("a string")))
    }

    /// Lets the request come through a gateway with this domain.
    pub fn through(mut self, domain: &str) -> Self {
        self.request = self.request.extension(crate::http::issuer::GatewayDomain(domain.to_owned()));
        self
    }

    /// Lets the request come from this IP address.
    pub fn from(mut self, ip: IpAddr) -> Self {
        self.request = self.request.extension(PeerAddr(ip));
        self
    }

    /// Limits the time for the request.
    pub fn within(mut self, time: Duration) -> Self {
        self.request = self.request.extension(contract::TimeLeft(time));
        self
    }

    /// Adds a body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request with a JSON body.
    pub async fn json(self, body: Value) -> Answer {
        self.header("content-type", "application/json").body(body.to_string()).send().await
    }

    /// Sends the request with a form body.
    pub async fn form(self, body: &str) -> Answer {
        self.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned()).send().await
    }

    /// Sends the request.
    pub async fn send(self) -> Answer {
        let request = self.request.body(self.body).expect("a request");
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.oneshot(request).await.unwrap_or_else(|never| match never {});
        let answer = Answer::read(response, method == Method::HEAD).await;
        if let Some(difference) = described::difference(&method, &path, answer.status, &answer.body) {
            panic!("{difference}");
        }
        answer
    }
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, a JSON object. A page, and an answer without a body, reads as an empty object.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    async fn read(response: Response<Body>, is_head: bool) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/"));
        let may_be_empty = is_head || [StatusCode::NOT_MODIFIED, StatusCode::NO_CONTENT].contains(&parts.status);
        let is_without_json = is_page || (may_be_empty && bytes.is_empty());
        let bytes = if is_without_json { Bytes::from_static(b"{}") } else { bytes };
        let body: Value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| panic!("{} with a body that is not JSON: {bytes:?}", parts.status));
        assert!(body.is_object(), "{body}");
        Self { status: parts.status, headers: parts.headers, body, text }
    }

    /// Fails with the body unless the status is this one.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self
    }

    /// Fails unless this is a complete error with this status and code, consistent in body and
    /// headers.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        let request_id = self.header("x-request-id");
        assert!(is_error_body(status, request_id, &self.body), "request {request_id}: {:#}", self.body);
        assert_eq!(self.header("cache-control"), "no-store");
        self
    }

    /// The value of a header, empty if the header is missing. Fails if the header is repeated.
    #[track_caller]
    pub fn header(&self, name: impl AsRef<str>) -> &str {
        let name = HeaderName::try_from(name.as_ref()).expect("a header name");
        let values: Vec<_> = self.headers.get_all(&name).iter().collect();
        assert!(values.len() <= 1, "{name} is repeated: {values:?}");
        values.first().and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `(field, code)` of every rejected field.
    pub fn fields(&self) -> Vec<(&str, &str)> {
        let fields = self.body["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        fields.iter().filter_map(|field| Some((field["field"].as_str()?, field["code"].as_str()?))).collect()
    }

    /// The content type.
    pub fn content_type(&self) -> &str {
        self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Whether `body` is a complete error body for this status and request id.
pub fn is_error_body(status: u16, request_id: &str, body: &Value) -> bool {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let is_field =
        |field: &Value| ["field", "code"].iter().all(|key| field[key].is_string()) && is_plain(&field["message"]);
    ["type", "title", "detail", "message", "code", "request_id"].iter().all(|key| is_text(&body[key]))
        && body["status"] == status
        && is_plain(&body["message"])
        && body["next"].is_object()
        && body["request_id"] == request_id
        && body["fields"].as_array().is_some_and(|fields| fields.iter().all(is_field))
}

/// Whether a sentence is one for the person who uses the app. Names of keys stand in backquotes,
/// and only in the detail.
fn is_plain(message: &Value) -> bool {
    message.as_str().is_some_and(|text| !text.contains('`'))
}
