//! The proxy before the service: whose word counts for the caller's address and for TLS.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    App,
    config::Http,
    error::Error,
    http::client_ip::{self, PeerAddr},
};

/// The header in which the proxy sends `TRUSTED_PROXY_SECRET`.
const SECRET: HeaderName = HeaderName::from_static("x-trusted-proxy-secret");
/// The header with the addresses that a request came from, the nearest one last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The path that probes call. They come through no proxy, and the path tells nothing of anybody.
const PROBED: &str = "/health";

/// The fact that the caller spoke TLS. The platform says so: API Gateway, a load balancer of AWS,
/// Cloud Run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverTls;

/// Puts the address that the deployment's proxy names into the place of the proxy's own. Refuses a
/// request that came past the proxy, where all must come through it.
pub(super) async fn through_proxy(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match resolve(&app.config().http, &mut request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn resolve(config: &Http, request: &mut Request) -> Result<(), Error> {
    let is_needed = config.behind_proxy && request.uri().path() != PROBED;
    if !is_from_proxy(config, request.headers()) {
        return if is_needed { Err(Error::ProxyRequired) } else { Ok(()) };
    }
    match take_last_forwarded(request.headers_mut()) {
        Some(ip) => drop(request.extensions_mut().insert(PeerAddr(ip))),
        None if is_needed => return Err(Error::ForwardedAddressMissing),
        None => {}
    }
    Ok(())
}

/// Whether the deployment's proxy sent this request. It shows its secret; without a secret every
/// request comes from the proxy, if the deployment says so.
fn is_from_proxy(config: &Http, headers: &HeaderMap) -> bool {
    match &config.trusted_proxy_secret {
        Some(secret) => headers.get(SECRET).is_some_and(|shown| secret.matches(shown.as_bytes())),
        None => config.behind_proxy,
    }
}

/// Whether the caller spoke TLS, by the word of the platform or of the deployment's proxy.
pub(super) fn is_over_tls(config: &Http, request: &Request) -> bool {
    request.extensions().get::<OverTls>().is_some()
        || (is_from_proxy(config, request.headers()) && says_tls(request.headers()))
}

/// Whether `X-Forwarded-Proto` is `https`. Any sender can write this header.
pub fn says_tls(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// Takes the last address out of `X-Forwarded-For`, where a gateway or proxy writes the address of
/// its own caller. `None` leaves the header as it is: the last word is no address, or there is
/// none.
pub fn take_last_forwarded(headers: &mut HeaderMap) -> Option<IpAddr> {
    let ip = client_ip::last_forwarded(headers)?;
    let words = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|line| line.to_str().ok());
    let words = words.flat_map(|line| line.split(',')).map(str::trim).filter(|word| !word.is_empty());
    let mut words: Vec<&str> = words.collect();
    words.pop();
    let rest = HeaderValue::from_str(&words.join(", ")).ok().filter(|rest| !rest.is_empty());
    match rest {
        Some(rest) => drop(headers.insert(FORWARDED_FOR, rest)),
        None => drop(headers.remove(FORWARDED_FOR)),
    }
    Some(ip)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::config::Config;

    const KEY: &str = "a-secret-between-the-proxy-and-here";

    /// The configuration with these variables.
    fn http(variables: &[(&str, &str)]) -> Http {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::read(get).unwrap().http
    }

    fn request(path: &str, headers: &[(&str, &str)]) -> Request {
        let request = Request::builder().uri(path).extension(PeerAddr([198, 51, 100, 7].into()));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).unwrap()
    }

    /// The address that counts, or the code of the refusal.
    fn counted(config: &Http, path: &str, headers: &[(&str, &str)]) -> String {
        let mut request = request(path, headers);
        match resolve(config, &mut request) {
            Ok(()) => request.extensions().get().map(|PeerAddr(ip)| ip.to_string()).unwrap_or_default(),
            Err(error) => error.status_and_code().1.to_owned(),
        }
    }

    #[test]
    fn a_forwarded_address_is_believed_only_with_the_secret() {
        let config = http(&[("TRUSTED_PROXY_SECRET", KEY)]);
        let forwarded = ("x-forwarded-for", "203.0.113.9, 192.0.2.1");
        for (headers, expected) in [
            (&[forwarded, ("x-trusted-proxy-secret", KEY)][..], "192.0.2.1"),
            (&[("x-trusted-proxy-secret", KEY)], "198.51.100.7"),
            (&[forwarded], "198.51.100.7"),
            (&[forwarded, ("x-trusted-proxy-secret", "")], "198.51.100.7"),
            (&[forwarded, ("x-trusted-proxy-secret", &KEY[1..])], "198.51.100.7"),
            (&[forwarded, ("x-trusted-proxy-secret", &KEY.to_uppercase())], "198.51.100.7"),
        ] {
            assert_eq!(counted(&config, "/login", headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn where_all_must_come_through_the_proxy_the_others_are_refused_and_a_probe_is_not() {
        let forwarded = ("x-forwarded-for", "192.0.2.1");
        let known = ("x-trusted-proxy-secret", KEY);
        let open = http(&[("BEHIND_PROXY", "true")]);
        let shut = http(&[("BEHIND_PROXY", "true"), ("TRUSTED_PROXY_SECRET", KEY)]);
        for (config, headers, expected) in [
            (&open, &[forwarded][..], "192.0.2.1"),
            (&open, &[], "forwarded_address_missing"),
            (&open, &[("x-forwarded-for", "unknown")], "forwarded_address_missing"),
            (&shut, &[forwarded, known], "192.0.2.1"),
            (&shut, &[known], "forwarded_address_missing"),
            (&shut, &[forwarded], "proxy_required"),
        ] {
            assert_eq!(counted(config, "/login", headers), expected, "{headers:?}");
            let probed = counted(config, "/health", headers);
            assert!(["192.0.2.1", "198.51.100.7"].contains(&&*probed), "{headers:?}: {probed}");
        }
    }

    #[test]
    fn the_address_that_was_believed_leaves_the_header() {
        for (lines, taken, rest) in [
            (&["203.0.113.9, 192.0.2.1"][..], "192.0.2.1", &["203.0.113.9"][..]),
            (&["203.0.113.9", "198.51.100.1, 192.0.2.1"], "192.0.2.1", &["203.0.113.9, 198.51.100.1"]),
            (&["192.0.2.1"], "192.0.2.1", &[]),
            (&["192.0.2.1, unknown"], "", &["192.0.2.1, unknown"]),
            (&[], "", &[]),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let ip = take_last_forwarded(&mut headers).map(|ip| ip.to_string()).unwrap_or_default();
            let left: Vec<_> = headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap()).collect();
            assert_eq!((ip.as_str(), left.as_slice()), (taken, rest), "{lines:?}");
        }
    }

    #[test]
    fn tls_is_believed_from_the_platform_and_from_the_proxy_alone() {
        let scheme = ("x-forwarded-proto", "https");
        let known = ("x-trusted-proxy-secret", KEY);
        let nobody = http(&[]);
        let proxy = http(&[("TRUSTED_PROXY_SECRET", KEY)]);
        for (config, headers, expected) in [
            (&nobody, &[scheme][..], false),
            (&proxy, &[scheme], false),
            (&proxy, &[scheme, known], true),
            (&proxy, &[known, ("x-forwarded-proto", "http")], false),
            (&http(&[("BEHIND_PROXY", "true")]), &[scheme], true),
        ] {
            assert_eq!(is_over_tls(config, &request("/login", headers)), expected, "{headers:?}");
        }
        let mut by_platform = request("/login", &[]);
        by_platform.extensions_mut().insert(OverTls);
        assert!(is_over_tls(&nobody, &by_platform));
    }
}
