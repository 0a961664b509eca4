//! Addresses: where requests come from, as limits count them.

use std::{fmt, net::IpAddr};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use crate::{App, auth::verification, error::Error};

/// Of an IPv6 address these bits are one customer's: a /64 is the least that is given to anybody (RFC 6177 section 2).
const IPV6_PREFIX_BITS: u32 = 64;

/// An IPv4 address, or the /64 that an IPv6 address is in.
#[derive(Clone, PartialEq, Eq)]
pub struct IpKey(String);

impl IpKey {
    /// That of `ip`; an IPv4 address that is written as an IPv6 one (RFC 4291 section 2.5.5.2) is an IPv4 address.
    pub fn new(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(ip.to_string()),
            IpAddr::V6(ip) => {
                let prefix = ip.to_bits() >> (128 - IPV6_PREFIX_BITS);
                Self(format!("{prefix:016x}/{IPV6_PREFIX_BITS}"))
            }
        }
    }

    /// What limits count by.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose connection a request came through: the gateway says so, or on a port the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub IpAddr);

/// Extracts the address that limits are counted by. Headers are what their sender likes them to be, so that they count only from
/// a server that shows an API key; such a server that names no address has no limit by address.
#[derive(Clone)]
pub struct ClientIp(pub Option<IpKey>);

impl FromRequestParts<App> for ClientIp {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        if !app.config().rate_limits {
            return Ok(Self(None));
        }
        let peer = parts.extensions.get().map(|PeerAddr(ip)| *ip);
        let ip =
            if verification::is_server(app, &parts.headers).await? { forwarded(&parts.headers, peer) } else { peer };
        Ok(Self(ip.map(IpKey::new)))
    }
}

/// The address that a gateway or a proxy wrote last into `X-Forwarded-For`, which is the one whose connection it had.
pub fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    forwarded(headers, None)
}

/// The last address of `X-Forwarded-For`, passing over the server's own, which the gateway adds. What stands before it, the
/// server's own client may have written.
fn forwarded(headers: &HeaderMap, server: Option<IpAddr>) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").into_iter().rev().filter_map(|line| line.to_str().ok());
    let mut words = lines.flat_map(|line| line.rsplit(',')).map(str::trim).filter(|word| !word.is_empty());
    words.find_map(|word| match ip(word) {
        // What is no address ends the search: it is not for us to guess whose it was.
        None => Some(None),
        Some(ip) if server.is_some_and(|server| server.to_canonical() == ip.to_canonical()) => None,
        Some(ip) => Some(Some(ip)),
    })?
}

/// An address, perhaps with a port, as some proxies write it.
fn ip(word: &str) -> Option<IpAddr> {
    let bare = word.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(word, |(inside, _)| inside);
    let without_port = || word.rsplit_once(':').filter(|(ip, _)| ip.contains('.')).map_or(bare, |(ip, _)| ip);
    bare.parse().or_else(|_| without_port().parse()).ok()
}

impl fmt::Debug for IpKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpKey {
        IpKey::new(text.parse().unwrap())
    }

    #[test]
    fn an_ipv6_address_counts_as_its_64() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2::"));
        assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[test]
    fn the_last_forwarded_address_counts_that_is_not_the_servers_own() {
        let found = |lines: &[&str], server: &str| {
            let lines = lines.iter().map(|line| ("x-forwarded-for".parse().unwrap(), line.parse().unwrap()));
            let headers: HeaderMap =
                lines.collect::<Vec<_>>().into_iter().fold(HeaderMap::new(), |mut map, (name, line)| {
                    map.append::<axum::http::HeaderName>(name, line);
                    map
                });
            forwarded(&headers, server.parse().ok()).map(|ip| ip.to_string()).unwrap_or_default()
        };
        for (lines, server, expected) in [
            (&["192.0.2.1"][..], "", "192.0.2.1"),
            (&["192.0.2.1, 198.51.100.7"], "198.51.100.7", "192.0.2.1"),
            (&["192.0.2.1", "198.51.100.7"], "198.51.100.7", "192.0.2.1"),
            (&["6.6.6.6, 192.0.2.1 ,198.51.100.7"], "::ffff:198.51.100.7", "192.0.2.1"),
            (&["192.0.2.1:4711"], "", "192.0.2.1"),
            (&["[2001:db8::1]:4711"], "", "2001:db8::1"),
            (&["2001:db8::1"], "", "2001:db8::1"),
            (&["192.0.2.1, unknown"], "", ""),
            (&["198.51.100.7"], "198.51.100.7", ""),
            (&[""], "", ""),
            (&[], "", ""),
        ] {
            assert_eq!(found(lines, server), expected, "{lines:?}");
        }
    }
}
