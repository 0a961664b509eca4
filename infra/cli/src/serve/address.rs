//! The address that `latchkey serve` listens on.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
};

use tokio::net::{TcpListener, lookup_host};

use crate::Failure;

/// The first port that everybody may listen on.
const PORT_OF_EVERYBODY: u16 = 1024;

/// The address of a host: an IP address, in brackets or not, or a name such as `localhost`.
///
/// # Errors
///
/// Exit code 2: the name has no address, or the text is something else.
pub async fn resolve(host: &str) -> Result<IpAddr, Failure> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = bare.parse() {
        return Ok(address);
    }
    if host.is_empty() || host.contains(['/', ':', '@']) || host.contains(char::is_whitespace) {
        return Err(Failure::wrong_use(
            "--host must be an address or a name alone, such as 127.0.0.1, ::1 or localhost. The port has an option of its \
             own: --port 8081.",
        ));
    }
    let found = lookup_host((host, 0)).await.map(|addresses| addresses.map(|address| address.ip()).collect());
    let found: Vec<IpAddr> = found.unwrap_or_default();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| {
        Failure::wrong_use(format!(
            "--host: {} has no address. Give one of this machine, such as 127.0.0.1, or 0.0.0.0 for all.",
            crate::escape::shown(host)
        ))
    })
}

/// Listens on an address.
///
/// # Errors
///
/// A sentence with the way out.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let port = address.port();
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "Port {port} is in use. Stop what listens there, or choose another port: PORT={} latchkey serve, or --port.",
            port.checked_add(1).unwrap_or(PORT_OF_EVERYBODY)
        ),
        ErrorKind::PermissionDenied if port < PORT_OF_EVERYBODY => format!(
            "Port {port} is for the administrator alone. Choose one from {PORT_OF_EVERYBODY} on: PORT=8080 latchkey serve, \
             or --port."
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{} is no address of this machine. Choose another one with --host, or 0.0.0.0 for all.",
            address.ip()
        ),
        _ => format!("{address} cannot be listened on: {error}."),
    })
}
