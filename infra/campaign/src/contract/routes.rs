//! Methods and paths that are not, or only nearly, those of the contract.

use axum::http::Method;
use shared::testing::Service;

use super::no_server_error;
use crate::invariants::{self, Checks};

/// Every path, with the methods it takes.
const PATHS: [(&str, &[&str]); 14] = [
    ("/create-account", &["POST"]),
    ("/login", &["POST"]),
    ("/refresh", &["POST"]),
    ("/logout", &["POST"]),
    ("/verify", &["GET", "POST"]),
    ("/me", &["GET", "PATCH", "DELETE"]),
    ("/me/password", &["POST"]),
    ("/jwt/encode", &["POST"]),
    ("/jwt/decode", &["POST"]),
    ("/.well-known/jwks.json", &["GET"]),
    ("/.well-known/openid-configuration", &["GET"]),
    ("/health", &["GET"]),
    ("/", &[]),
    ("/nothing", &[]),
];
const METHODS: [&str; 13] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "get", "X-!"];

/// Every method at every path, and every path written otherwise.
pub async fn methods_and_paths(service: &Service) -> Checks {
    let mut checks = Checks::default();
    for (path, taken) in PATHS {
        for method in METHODS {
            checks.record(asked(service, path, method, taken).await);
        }
        for other in written_otherwise(path) {
            let answer = service.request(Method::POST, &other).header("content-type", "application/json").send().await;
            let other = other.chars().take(80).collect::<String>();
            let status = answer.status.as_u16();
            let found = (status != 404).then(|| format!("POST {other}: {status} where nothing is"));
            checks.record(no_server_error(&answer, || other.clone()).or(found));
        }
        for query in ["?", "?x", "?x=1&x=2", "?%", "?%00", "?%ff=%fe", "?check_revoked=maybe", "?a=b?c=d", "?{}"] {
            let method = if taken.contains(&"POST") { Method::POST } else { Method::GET };
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

async fn asked(service: &Service, path: &str, method: &str, taken: &[&str]) -> Option<String> {
    let parsed = Method::from_bytes(method.as_bytes()).ok()?;
    let answer = service.request(parsed, path).send().await;
    let status = answer.status.as_u16();
    let is_right = match method {
        // A preflight is answered before anybody requests what is there.
        "OPTIONS" => status == 200,
        _ if taken.is_empty() => status == 404,
        // What a GET would be answered, without its body.
        "HEAD" if taken.contains(&"GET") => status != 404 && status != 405,
        _ if taken.contains(&method) => status != 404 && status != 405,
        _ => status == 405 && taken.iter().all(|taken| answer.header("allow").contains(taken)),
    };
    let wrong = (!is_right).then(|| format!("{status}, Allow: {:?}", answer.header("allow")));
    // The body of a HEAD is left out, and with it what is in every other.
    let flaw = if method == "HEAD" { None } else { invariants::violation(&answer) };
    Some(format!("{method} {path}: {}", flaw.or(wrong)?))
}

/// None of them is the path, although some servers take them for it.
fn written_otherwise(path: &str) -> Vec<String> {
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
