//! Methods and paths outside the contract, and paths that differ a little from a valid one.

use axum::http::Method;
use shared::{http::paths::PATHS, testing::Service};

use super::no_server_error;
use crate::invariants::{self, Checks};

/// A session that nobody has.
const SESSION: &str = "AAAAAAAAAAAAAAAA";
const METHODS: [&str; 13] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "get", "X-!"];

/// Sends every method to every path, and every variant of every path.
pub async fn methods_and_paths(service: &Service) -> Checks {
    let mut checks = Checks::default();
    for (path, allowed) in paths() {
        let path = path.as_str();
        for method in METHODS {
            checks.record(method_violation(service, path, method, allowed).await);
        }
        for other in variants(path) {
            let answer = service.request(Method::POST, &other).header("content-type", "application/json").send().await;
            let other = other.chars().take(80).collect::<String>();
            let status = answer.status.as_u16();
            // An id stands at the end of some paths, and its variants are other ids.
            let is_right = status == 404 || (path.ends_with(SESSION) && status == 405);
            let found = (!is_right).then(|| format!("POST {other}: {status} for an unknown path"));
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

/// Every path of the routers with its methods, and a path that nobody has. A test of the stack
/// holds [`PATHS`] to the routers. The files of the console have names, which its own tests know.
fn paths() -> impl Iterator<Item = (String, &'static [&'static str])> {
    let served = PATHS.into_iter().filter(|(path, _)| !path.contains("{name}"));
    let named =
        |path: &str| ["{id}", "{sid}", "{provider}"].iter().fold(path.to_owned(), |path, id| path.replace(id, SESSION));
    let served = served.map(move |(path, methods)| (named(path), methods));
    served.chain([("/nothing".to_owned(), &[][..])])
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
    others.into_iter().filter(|other| !paths().any(|(known, _)| known == *other)).collect()
}
