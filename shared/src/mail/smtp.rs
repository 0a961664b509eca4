//! The URL of a server that accepts mails by SMTP.

use std::{fmt, net::IpAddr};

use percent_encoding::percent_decode_str;
use url::{Host, Url};
use zeroize::Zeroizing;

/// A server, and the account there.
#[derive(Clone)]
pub struct SmtpServer {
    /// The name or the address of the server.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The protection of the connection.
    pub security: Security,
    /// The user name and the password. `None` if the server asks for none.
    pub account: Option<(String, Zeroizing<String>)>,
}

/// The protection of a connection to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS after the command STARTTLS (RFC 3207). Without it nothing is sent.
    StartTls,
    /// None. The server is on this machine.
    None,
}

impl SmtpServer {
    /// Reads `smtps://user:password@host:465`, or `smtp://user:password@host:587` for STARTTLS. A
    /// character of the password that no URL has is written as `%` and two digits. Only a server on
    /// this machine gets mails without TLS.
    ///
    /// # Errors
    ///
    /// A clause that follows the name of the source and quotes nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "must be a URL such as smtps://user:password@smtp.example:465";
        let url = Url::parse(text.trim()).map_err(|_| FORM)?;
        let (is_implicit, default_port) = match url.scheme() {
            "smtps" => (true, 465),
            "smtp" => (false, 587),
            _ => return Err(format!("{FORM}: this one begins with neither smtps:// nor smtp://")),
        };
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| format!("{FORM}: this one has no host"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("{FORM}: this one has a part behind the port; write a # in a password as %23"));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let security = match is_implicit {
            true => Security::Tls,
            false if is_this_machine(&host) => Security::None,
            false => Security::StartTls,
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
        let unreadable = |_| format!("{FORM}: this one has a user name or a password that is no UTF-8");
        let user = decoded(url.username()).map_err(unreadable)?;
        let password = url.password().map(decoded).transpose().map_err(unreadable)?;
        let account = match (user.is_empty(), password) {
            (true, None) => None,
            (false, Some(password)) => Some((user, Zeroizing::new(password))),
            _ => return Err(format!("{FORM}: this one has a user name without a password, or the reverse")),
        };
        Ok(Self { host, port: url.port().unwrap_or(default_port), security, account })
    }
}

impl fmt::Debug for SmtpServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{} ({:?})", self.host, self.port, self.security)
    }
}

/// Whether a host is this machine by its address, or by the name that nothing else may have
/// (RFC 6761 section 6.3).
pub fn is_this_machine(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Err(_) => host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_the_server_its_protection_and_the_account() {
        for (text, host, port, security) in [
            ("smtps://u:p@smtp.example", "smtp.example", 465, Security::Tls),
            ("smtps://u:p@smtp.example:2465/", "smtp.example", 2465, Security::Tls),
            ("smtp://u:p@smtp.example", "smtp.example", 587, Security::StartTls),
            ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, Security::None),
            ("smtp://[::1]:1025", "::1", 1025, Security::None),
            ("smtp://localhost:1025", "localhost", 1025, Security::None),
            ("smtp://10.0.0.1:25", "10.0.0.1", 25, Security::StartTls),
            ("smtp://localhost.example:25", "localhost.example", 25, Security::StartTls),
        ] {
            let server = SmtpServer::parse(text).unwrap();
            assert_eq!((server.host.as_str(), server.port, server.security), (host, port, security), "{text}");
        }
        let server = SmtpServer::parse("smtps://a%40b.example:p%23%2F%20w@smtp.example").unwrap();
        let (user, password) = server.account.clone().unwrap();
        assert_eq!((user.as_str(), password.as_str()), ("a@b.example", "p#/ w"));
        assert!(!format!("{server:?}").contains("p#/"));
    }

    #[test]
    fn a_text_that_is_no_such_url_is_refused_and_not_quoted() {
        for text in [
            "",
            "smtp.example:465",
            "https://hunter2@smtp.example",
            "smtps://",
            "smtps://user@smtp.example",
            "smtps://:hunter2@smtp.example",
            "smtps://u:hunter2@smtp.example/path",
            "smtps://u:hunter#2@smtp.example",
            "smtps://u:hunter2@smtp.example?x=y",
            "smtps://u:%ff@smtp.example",
            "smtps://u:hunter2@smtp.example:port",
        ] {
            let why = SmtpServer::parse(text).unwrap_err();
            assert!(why.starts_with("must be a URL") && !why.contains("hunter2"), "{text}: {why}");
        }
    }
}
