//! Checks over the network: Google's keys, the deployed service and the clock.

use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, Uri, header};
use shared::{
    config::Config,
    fetch::{Fetched, Fetcher},
    keys::google,
    time::Timestamp,
};

use super::{Finding, fail, ok, warn};
use crate::deployment;

/// Asks the certificate endpoint, and the deployed service at `url` or at the configured issuer.
pub async fn examine(config: &Config, fetcher: &Fetcher, url: Option<Uri>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut dates = HeaderMap::new();
    if config.firebase.emulator_host.is_some() {
        findings.push(ok("certificate endpoint", "not asked: the tokens of the Auth emulator have no signature"));
    } else {
        let uri = &config.firebase.certificates;
        let answer = fetcher.get(uri).await;
        dates = answer.as_ref().map(|answer| answer.headers.clone()).unwrap_or_default();
        findings.push(certificate_endpoint(uri, answer));
    }
    let issuer = || config.http.issuer.as_deref().filter(|issuer| issuer.starts_with("https://"))?.parse().ok();
    if let Some(url) = url.or_else(issuer) {
        let base = url.to_string().trim_end_matches('/').to_owned();
        findings.push(health(fetcher, &base, &mut dates).await);
        findings.push(preflight(config, fetcher, &base).await);
    }
    findings.push(clock(&dates, config.tokens.clock_skew));
    findings
}

fn certificate_endpoint(uri: &Uri, answer: Result<Fetched, String>) -> Finding {
    const CHECK: &str = "certificate endpoint";
    match answer.and_then(|answer| google::understand(&answer)) {
        Ok((document, lifetime)) if document.flawed.is_empty() => {
            ok(CHECK, format!("{uri} gives {} keys for {} minutes", document.keys.len(), lifetime.as_secs() / 60))
        }
        Ok((document, _)) => warn(CHECK, format!("{uri}: {}", document.told())),
        Err(why) => fail(
            CHECK,
            format!(
                "{uri} {why}: Firebase ID tokens cannot be verified. Check the outbound network, or FIREBASE_CERTS_URL"
            ),
        ),
    }
}

async fn health(fetcher: &Fetcher, base: &str, dates: &mut HeaderMap) -> Finding {
    const CHECK: &str = "deployed service";
    let Ok(uri) = format!("{base}/health").parse::<Uri>() else { return fail(CHECK, format!("{base} is no URL")) };
    match fetcher.get(&uri).await {
        Ok(answer) if answer.status.is_success() => {
            *dates = answer.headers;
            ok(CHECK, format!("{uri} answers"))
        }
        Ok(answer) => {
            fail(CHECK, format!("{uri} answers {}: is this the URL of the stack's output ApiUrl?", answer.status))
        }
        Err(why) => fail(CHECK, format!("{uri} {why}")),
    }
}

/// Sends the preflight that a browser sends before a login.
async fn preflight(config: &Config, fetcher: &Fetcher, base: &str) -> Finding {
    const CHECK: &str = "CORS preflight";
    let origin = config.http.cors_allowed_origins.as_ref().and_then(|origins| origins.first().cloned());
    let origin = origin.unwrap_or_else(|| "https://app.example".to_owned());
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("{base}/login"))
        .header(header::ORIGIN, &origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type")
        .body(());
    let answer = match request {
        Ok(request) => fetcher.send(request).await,
        Err(error) => Err(error.to_string()),
    };
    match answer.and_then(|answer| judge_preflight(&answer, &origin)) {
        Ok(()) => ok(CHECK, format!("a browser at {origin} may call {base}/login")),
        Err(why) => fail(CHECK, format!("{base}/login {why}")),
    }
}

fn judge_preflight(answer: &Fetched, origin: &str) -> Result<(), String> {
    let values = |name: header::HeaderName| -> Vec<String> {
        let texts = answer.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        texts.map(str::to_ascii_lowercase).collect()
    };
    if !answer.status.is_success() {
        return Err(format!("answers a preflight with {}: the route must accept OPTIONS too", answer.status));
    }
    match values(header::ACCESS_CONTROL_ALLOW_ORIGIN).as_slice() {
        [] => return Err(format!("does not allow {origin}: set CORS_ALLOWED_ORIGINS")),
        [allowed] if allowed == "*" || allowed == origin => {}
        [allowed] => return Err(format!("allows {allowed}, not {origin}: set CORS_ALLOWED_ORIGINS")),
        _ => return Err("sends its CORS headers twice: remove the CORS settings of the gateway".to_owned()),
    }
    let lacks = |name, wanted: &str| !values(name).iter().any(|value| value.contains(wanted));
    if lacks(header::ACCESS_CONTROL_ALLOW_METHODS, "post") {
        return Err("does not allow POST: remove the CORS settings of the gateway".to_owned());
    }
    for wanted in ["authorization", "content-type"] {
        if lacks(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted) {
            return Err(format!("does not allow the header {wanted}: remove the CORS settings of the gateway"));
        }
    }
    Ok(())
}

/// Compares the clock with the `Date` header of the last server that answered. A wrong clock makes
/// tokens of the past or of the future.
fn clock(headers: &HeaderMap, skew: Duration) -> Finding {
    const CHECK: &str = "clock";
    let date = headers.get(header::DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()).map(Timestamp::from) else {
        return warn(CHECK, "no server sent a time to compare with");
    };
    // An answer from a cache keeps its date, so its age is added (RFC 9111 section 5.1).
    let theirs = theirs + google::age(headers);
    let ahead = deployment::now().seconds() - theirs.seconds();
    let off = Duration::from_secs(ahead.unsigned_abs());
    let direction = if ahead > 0 { "ahead" } else { "behind" };
    let text = format!("{} seconds {direction} of a server's", off.as_secs());
    // Allows one second for the header's whole seconds, and one for the network.
    if off <= Duration::from_secs(2) {
        ok(CHECK, "agrees with a server's")
    } else if off <= skew {
        warn(CHECK, format!("{text}, within CLOCK_SKEW_SECONDS; turn on NTP"))
    } else {
        fail(CHECK, format!("{text}, which is more than CLOCK_SKEW_SECONDS: genuine tokens are refused; turn on NTP"))
    }
}
