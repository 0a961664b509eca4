//! Events of API Gateway, and a function's answers to them.

use std::iter;

use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    http::{self, Answer, Request},
    tokens,
};

/// The domain of the gateway, which is the issuer if none is configured.
pub const DOMAIN: &str = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
const AGENT: &str = "walks/1.0";
const CLIENT_IP: &str = "203.0.113.7";

/// An event of an HTTP API with payload format 2.0, with every member that API Gateway sends.
pub fn event(request: &Request, is_base64: bool) -> Value {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let route = format!("{} {path}", request.method);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(request),
        "requestContext": context(&request.method, path, &route),
        "isBase64Encoded": is_base64,
    });
    set_query(&mut event, query);
    if let Some(body) = &request.body {
        event["body"] = match is_base64 {
            true => STANDARD.encode(body).into(),
            false => str::from_utf8(body).expect("an event is text").into(),
        };
    }
    event
}

/// Gives an event a query, in both of its forms. An empty query changes nothing.
pub fn set_query(event: &mut Value, query: &str) {
    if !query.is_empty() {
        let pairs = form_urlencoded::parse(query.as_bytes());
        event["queryStringParameters"] = pairs.map(|(name, value)| (name.into_owned(), Value::from(value))).collect();
        event["rawQueryString"] = query.into();
    }
}

fn headers(request: &Request) -> Map<String, Value> {
    let gateway = [
        ("accept", "*/*"),
        ("host", DOMAIN),
        ("user-agent", AGENT),
        ("x-amzn-trace-id", "Root=1-6566d0c0-0123456789abcdef01234567"),
        ("x-forwarded-for", CLIENT_IP),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ];
    let length = request.body.as_ref().map(|body| ("content-length".to_owned(), body.len().to_string()));
    let all = gateway.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().chain(length);
    // The request's own headers come last, and replace the others.
    all.chain(request.headers.iter().cloned()).map(|(name, value)| (name, value.into())).collect()
}

fn context(method: &Method, path: &str, route: &str) -> Value {
    let api = DOMAIN.split('.').next();
    json!({
        "accountId": "123456789012",
        "apiId": api,
        "domainName": DOMAIN,
        "domainPrefix": api,
        "http": {
            "method": method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": CLIENT_IP, "userAgent": AGENT,
        },
        "requestId": tokens::random_id(),
        "routeKey": route,
        "stage": "$default",
        "time": "29/Nov/2026:05:48:00 +0000",
        "timeEpoch": 1_795_931_280_000_i64,
    })
}

/// Reads the answer that a function gave to the gateway.
///
/// # Errors
///
/// Its body is no JSON.
pub fn answer(given: &Value) -> Result<Answer, String> {
    let status = given["statusCode"].as_u64().and_then(|status| status.try_into().ok()).expect("a status");
    let text = given["body"].as_str().unwrap_or_default();
    let body = match given["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(text).expect("base64"),
        _ => text.as_bytes().to_vec(),
    };
    let several = |name: &str| given["multiValueHeaders"].get(name).is_some();
    let single = members(&given["headers"]).filter(|(name, _)| !several(name));
    let multiple = members(&given["multiValueHeaders"]);
    let multiple = multiple.flat_map(|(name, values)| iter::repeat(name).zip(values.as_array().into_iter().flatten()));
    let pairs = single.chain(multiple).map(|(name, value)| (name, value.as_str().expect("a text")));
    Answer::new(status, http::headers(pairs), &body)
}

fn members(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    object.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
