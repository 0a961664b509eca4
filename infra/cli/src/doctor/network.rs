//! Checks over the network: Google's keys, the deployed service and the clock.

use std::time::Duration;

use axum::http::{HeaderMap, Uri, header};
use shared::{
    config::Config,
    fetch::{Fetched, Fetcher},
    keys::google,
    time::Timestamp,
};

use super::{
    Finding, fail, ok, warn,
    web_apps::{self, judge_preflight},
};
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
        for origin in web_apps::origins(config) {
            findings.push(preflight(&origin, fetcher, &base).await);
        }
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

/// Sends the preflight that a browser at this origin sends before a login.
async fn preflight(origin: &str, fetcher: &Fetcher, base: &str) -> Finding {
    const CHECK: &str = "CORS preflight";
    let answer = match web_apps::preflight(origin, &format!("{base}/login"), ()) {
        Ok(request) => fetcher.send(request).await,
        Err(why) => Err(why),
    };
    match answer.and_then(|Fetched { status, headers, .. }| judge_preflight(status, &headers, origin)) {
        Ok(()) => ok(CHECK, format!("a browser at {origin} may call {base}/login")),
        Err(why) => fail(CHECK, format!("{base}/login {why}")),
    }
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
