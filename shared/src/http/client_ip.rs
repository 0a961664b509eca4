//! The IP address that the limits count by: the connection's own, or the one that a trusted server
//! names.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use crate::{App, account::ip::IpKey, error::Error, http::caller, keys::api_key::Scope};

/// The address at the other end of the connection, told by the gateway or by the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub IpAddr);

/// Extracts the address that the limits count by. A header counts only from a server whose API key
/// has the scope `forward`, as any sender can write one. A server that names no address has no
/// limit by address.
#[derive(Clone)]
pub struct ClientIp(Option<IpKey>);

impl ClientIp {
    /// The key that the limits count by; `None` where no address is counted.
    pub fn key(&self) -> Option<&IpKey> {
        self.0.as_ref()
    }

    /// The address of a request from `peer`. `is_trusted` says that a server sends it, whose header
    /// counts.
    pub fn told(app: &App, headers: &HeaderMap, peer: Option<PeerAddr>, is_trusted: bool) -> Self {
        Self::of(app, named(headers, peer, is_trusted))
    }

    /// The key of this address; none where nothing is counted.
    pub fn of(app: &App, address: Option<IpAddr>) -> Self {
        Self(address.filter(|_| app.config().accounts.rate_limits).map(IpKey::new))
    }
}

/// The address of a request, by the same rules, also where nothing is counted.
///
/// # Errors
///
/// 503 if the request has an API key and the API keys cannot be loaded.
pub async fn address(app: &App, parts: &Parts) -> Result<Option<IpAddr>, Error> {
    let is_trusted = caller::is_server(app, &parts.headers, Scope::Forward).await?;
    Ok(named(&parts.headers, parts.extensions.get().copied(), is_trusted))
}

fn named(headers: &HeaderMap, peer: Option<PeerAddr>, is_trusted: bool) -> Option<IpAddr> {
    let peer = peer.map(|PeerAddr(ip)| ip);
    if is_trusted { forwarded(headers, peer) } else { peer }
}

impl FromRequestParts<App> for ClientIp {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        if !app.config().accounts.rate_limits {
            return Ok(Self(None));
        }
        Ok(Self::of(app, address(app, parts).await?))
    }
}

/// The last address of `X-Forwarded-For`. A gateway or proxy writes the address of its own
/// connection there.
pub fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    forwarded(headers, None)
}

/// The last address of `X-Forwarded-For` that is not the server's own, which the gateway adds. The
/// server's client may have written the addresses before it.
fn forwarded(headers: &HeaderMap, server: Option<IpAddr>) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").into_iter().rev().filter_map(|line| line.to_str().ok());
    let mut words = lines.flat_map(|line| line.rsplit(',')).map(str::trim).filter(|word| !word.is_empty());
    words.find_map(|word| match ip(word) {
        // A word that is no address ends the search: nobody can tell whose address it hides.
        None => Some(None),
        Some(ip) if server.is_some_and(|server| server.to_canonical() == ip.to_canonical()) => None,
        Some(ip) => Some(Some(ip)),
    })?
}

/// Reads an address. Some proxies write the port behind it.
fn ip(word: &str) -> Option<IpAddr> {
    let bare = word.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(word, |(inside, _)| inside);
    let without_port = || word.rsplit_once(':').filter(|(ip, _)| ip.contains('.')).map_or(bare, |(ip, _)| ip);
    bare.parse().or_else(|_| without_port().parse()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn the_last_forwarded_address_counts_that_is_not_the_servers_own() {
        let found = |lines: &[&str], server: &str| {
            let lines = lines.iter().map(|line| ("x-forwarded-for".parse().unwrap(), line.parse().unwrap()));
            let headers: HeaderMap =
                lines.collect::<Vec<_>>().into_iter().fold(HeaderMap::new(), |mut map, (name, line)| {
                    map.append::<HeaderName>(name, line);
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
