//! Malformed bodies: broken by construction, and valid ones with random changes.

use axum::http::Method;
use serde_json::Value;
use shared::testing::Service;

use super::{
    fields::{self, Endpoint},
    no_server_error, rejected,
};
use crate::invariants::Checks;

const SEED: u64 = 9;
/// The limits of the contract.
const BODY_BYTES_MAX: usize = 16 * 1024;
const DEPTH_MAX: usize = 32;

/// Sends each broken body and each unsupported content type to each endpoint.
pub async fn broken(service: &Service) -> Checks {
    let mut checks = Checks::default();
    for endpoint in fields::endpoints(service).await {
        for (what, body, status) in bodies(&endpoint.body) {
            let label = || format!("{} {} with {what}", endpoint.method, endpoint.path);
            let answer = fields::send(service, &endpoint, "application/json", body).await;
            let other = (answer.status != status).then(|| format!("{} for {what}", answer.status));
            checks.record(rejected(&answer, label).or(other));
        }
        for content_type in CONTENT_TYPES {
            let body = endpoint.body.to_string().into_bytes();
            let mut call = service.request(endpoint.method.clone(), endpoint.path).header("content-type", content_type);
            for (name, value) in &endpoint.headers {
                call = call.header(name, value);
            }
            let answer = call.body(body).send().await;
            let label = || format!("{} {} as {content_type:?}", endpoint.method, endpoint.path);
            let other = (answer.status != 415).then(|| format!("{} as {content_type:?}", answer.status));
            checks.record(rejected(&answer, label).or(other));
        }
    }
    checks
}

const CONTENT_TYPES: [&[u8]; 12] = [
    b"text/plain",
    b"text/html",
    b"multipart/form-data; boundary=x",
    b"application/xml",
    b"application/json; charset=utf-16",
    b"application/json; charset=latin1",
    b"application/jsonp",
    b"application/octet-stream",
    b"application/x-www-form-urlencoded; charset=iso-8859-1",
    b"\xff\xfe",
    b"nonsense",
    b"application/json, text/html",
];

/// Bodies, each with the status that the contract demands.
fn bodies(valid: &Value) -> Vec<(&'static str, Vec<u8>, u16)> {
    let text = valid.to_string();
    let open = text.trim_end_matches('}');
    let repeated = valid.as_object().and_then(|object| object.iter().next());
    let repeated = repeated.map_or_else(String::new, |(name, value)| format!("{open},\"{name}\":{value}}}"));
    let deep = |levels: usize| format!("{open},\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{open},\"x\":{}1{}}}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let filled = |bytes: usize| format!("{open},\"x\":\"{}\"}}", "x".repeat(bytes));
    let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("a repeated key", repeated.into_bytes(), 400),
        ("a repeated key in a nested object", format!("{open},\"x\":{{\"a\":1,\"\\u0061\":2}}}}").into(), 400),
        ("arrays too deep", deep(DEPTH_MAX).into(), 400),
        ("arrays far too deep", deep(6_000).into(), 400),
        ("arrays that never end", format!("{open},\"x\":{}", "[".repeat(16_000)).into(), 400),
        ("objects too deep", objects(DEPTH_MAX).into(), 400),
        ("objects far too deep", objects(2_000).into(), 400),
        ("one byte too many", filled(BODY_BYTES_MAX).into(), 413),
        ("a megabyte", filled(1 << 20).into(), 413),
        ("a megabyte of spaces", vec![b' '; 1 << 20], 413),
        ("a megabyte of zeros", vec![0; 1 << 20], 413),
        ("only an opening brace", b"{".to_vec(), 400),
        ("an object without its end", open.as_bytes().to_vec(), 400),
        ("two objects", format!("{text}{text}").into(), 400),
        ("a comment", format!("/* */{text}").into(), 400),
        ("a trailing comma", format!("{open},}}").into(), 400),
        ("single quotes", text.replace('"', "'").into_bytes(), 400),
        ("UTF-16", utf16, 400),
        ("two byte order marks", [b"\xef\xbb\xbf\xef\xbb\xbf", text.as_bytes()].concat(), 400),
        ("invalid UTF-8 in an unknown field", [open.as_bytes(), b",\"x\":\"\xff\"}"].concat(), 400),
        ("a lone surrogate in an unknown field", format!("{open},\"x\":\"\\ud800\"}}").into(), 400),
        ("a NUL in an unknown field", format!("{open},\"x\":\"\\u0000\"}}").into(), 400),
        ("a NUL in the name of an unknown field", format!("{open},\"\\u0000\":1}}").into(), 400),
        ("an array", b"[]".to_vec(), 400),
        ("the object in an array", format!("[{text}]").into(), 400),
        ("null", b"null".to_vec(), 400),
        ("a number", b"7".to_vec(), 400),
        ("a string", b"\"x\"".to_vec(), 400),
        ("the object in a string", Value::from(text.clone()).to_string().into(), 400),
        ("a form", b"email=a&password=b".to_vec(), 400),
        ("HTML", b"<html></html>".to_vec(), 400),
        ("spaces", b"   ".to_vec(), 400),
    ]
}

/// Sends valid bodies with a few changed bytes. Some stay valid, so a success is allowed.
pub async fn random(service: &Service, requests: usize) -> Checks {
    println!("campaign: contract, seed {SEED}");
    let mut rng = fastrand::Rng::with_seed(SEED);
    let endpoints = fields::endpoints(service).await;
    // A valid delete would end the session of the other requests.
    let endpoints: Vec<Endpoint> = endpoints.into_iter().filter(|endpoint| endpoint.method != Method::DELETE).collect();
    let mut checks = Checks::default();
    for _ in 0..requests {
        let endpoint = &endpoints[rng.usize(..endpoints.len())];
        let mut body = endpoint.body.to_string().into_bytes();
        for _ in 0..rng.usize(1..6) {
            change(&mut body, &mut rng);
        }
        let types = ["application/json", "application/json", "application/x-www-form-urlencoded", ""];
        let content_type = types[rng.usize(..types.len())];
        let text = String::from_utf8_lossy(&body).into_owned();
        let answer = fields::send(service, endpoint, content_type, body).await;
        checks.record(no_server_error(&answer, || format!("{} {} {text:?}", endpoint.method, endpoint.path)));
    }
    checks
}

fn change(body: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    const SPECIAL: &[u8] = b"{}[]\":,\\u0dD8c=&%+\0\xff\xed\xa0 \n-.eE1";
    let at = rng.usize(..=body.len());
    let byte = SPECIAL[rng.usize(..SPECIAL.len())];
    match rng.u8(..5) {
        0 => body.insert(at, byte),
        1 => body.truncate(at),
        2 if at < body.len() => body[at] = byte,
        3 if at < body.len() => drop(body.remove(at)),
        _ => {
            let end = (at + rng.usize(..16)).min(body.len());
            let piece = body[at..end].to_vec();
            body.splice(at..at, piece);
        }
    }
}
