//! Methods and paths outside the contract, and paths that differ a little from a valid one.

use axum::http::Method;
use shared::testing::Service;

use super::no_server_error;
use crate::invariants::{self, Checks};

/// Every path with its methods.
const PATHS: [(&str, &[&str]); 28] = [
    ("/create-account", &["POST"]),
    ("/login", &["POST"]),
    ("/refresh", &["POST"]),
    ("/logout", &["POST"]),
    ("/verify", &["GET", "POST"]),
    ("/password/forgot", &["POST"]),
    ("/password/reset", &["POST"]),
    ("/me", &["GET", "PATCH", "DELETE"]),
    ("/me/delete", &["POST"]),
    ("/me/password", &["POST"]),
    ("/jwt/encode", &["POST"]),
    ("/jwt/decode", &["POST"]),
    ("/.well-known/jwks.json", &["GET"]),
    ("/.well-known/openid-configuration", &["GET"]),
    ("/health", &["GET"]),
    ("/openapi.json", &["GET"]),
    ("/openapi-3.0.json", &["GET"]),
    ("/flutterflow.json", &["GET"]),
    ("/errors", &["GET"]),
    ("/pages/reset", &["GET"]),
    ("/pages/verify", &["GET"]),
    ("/pages/email", &["GET"]),
    ("/pages/undo", &["GET"]),
    ("/pages/sign-in", &["GET"]),
    ("/console/config.json", &["GET"]),
    ("/console/errors.json", &["GET"]),
    ("/", &["GET"]),
    ("/nothing", &[]),
];
const METHODS: [&str; 13] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "get", "X-!"];

/// Sends every method to every path, and every variant of every path.
pub async fn methods_and_paths(service: &Service) -> Checks {
    let mut checks = Checks::default();
    for (path, allowed) in PATHS {
        for method in METHODS {
            checks.record(method_violation(service, path, method, allowed).await);
        }
        for other in variants(path) {
            let answer = service.request(Method::POST, &other).header("content-type", "application/json").send().await;
            let other = other.chars().take(80).collect::<String>();
            let status = answer.status.as_u16();
            let found = (status != 404).then(|| format!("POST {other}: {status} for an unknown path"));
            checks.record(no_server_error(&answer, || other.clone()).or(found));
        }
        for query in ["?", "?x", "?x=1&x=2", "?%", "?%00", "?%ff=%fe", "?check_revoked=maybe", "?a=b?c=d", "?{}"] {
            let method = if allowed.contains(&"POST") { Method::POST } else { Method::GET };
            let answer = service.request(method, &format!("{path}{query}")).send().await;
            checks.record(no_server_error(&answer, || format!("{path}{query}")));
        }
    }
    for value in [&b"\xff"[..], b"Bearer", b"Bearer \xff", b"bearer a.b.c", b"Basic YTpi", b"Bearer a b", b" ", b""] {
        for path in ["/me", "/verify"] {
            let answer = service.request(Method::GET, path).header("authorization", value).send().await;
            let passed = answer.status.is_success().then(|| format!("{path} by {value:?}"));
            checks.record(no_server_error(&answer, || format!("{path} by {value:?}")).or(passed));
        }
    }
    checks
}

async fn method_violation(service: &Service, path: &str, method: &str, allowed: &[&str]) -> Option<String> {
    let parsed = Method::from_bytes(method.as_bytes()).ok()?;
    let answer = service.request(parsed, path).send().await;
    let status = answer.status.as_u16();
    let is_right = match method {
        // A CORS preflight is answered before routing.
        "OPTIONS" => status == 200,
        _ if allowed.is_empty() => status == 404,
        // A HEAD is a GET without a body.
        "HEAD" if allowed.contains(&"GET") => status != 404 && status != 405,
        _ if allowed.contains(&method) => status != 404 && status != 405,
        _ => status == 405 && allowed.iter().all(|allowed| answer.header("allow").contains(allowed)),
    };
    let wrong = (!is_right).then(|| format!("{status}, Allow: {:?}", answer.header("allow")));
    // A HEAD has no body to check.
    let violation = if method == "HEAD" { None } else { invariants::violation(&answer) };
    Some(format!("{method} {path}: {}", violation.or(wrong)?))
}

/// Variants of a path that some servers treat as the path itself.
fn variants(path: &str) -> Vec<String> {
    let mut others = vec![
        format!("/{path}"),
        format!("//{path}//"),
        format!("/.{path}"),
        format!("/x/..{path}"),
        format!("/%2e%2e{path}"),
        format!("/x/%2e%2e{path}"),
        format!("{path}%00"),
        format!("{path}%2f"),
        format!("{path}.json"),
        format!("{path};x=1"),
        format!("{path}%3Fx"),
        format!("{path}%20"),
        format!("{path}%ff"),
        format!("{path}x"),
        format!("{path}{}", "/x".repeat(1_000)),
        format!("{path}{}", "x".repeat(30_000)),
        format!("{path}{}", "%2e".repeat(10_000)),
    ];
    if path != "/" {
        others.push(format!("{path}/"));
        others.push(path.to_uppercase());
        others.push(format!("/{}", path.trim_start_matches('/').replacen(|c: char| c.is_ascii_alphabetic(), "%6c", 1)));
    }
    others.into_iter().filter(|other| !PATHS.iter().any(|(known, _)| known == other)).collect()
}
