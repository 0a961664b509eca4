//! The settings of the HTTP contract.

use std::fmt;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

use url::{Host, Url};

use super::{Environment, origins};
use crate::keys::guessable;

/// The least length of the proxy's secret, in bytes. A guess at 32 random letters never succeeds.
const PROXY_SECRET_BYTES_MIN: usize = 32;
/// The greatest length of the proxy's secret, in bytes.
const PROXY_SECRET_BYTES_MAX: usize = 256;

/// The longest audience, in bytes. Each token carries it.
const AUDIENCE_BYTES_MAX: usize = 256;

/// The URL of the service, the proxy before it, and the web apps that may call it.
#[derive(Clone, Debug)]
pub struct Http {
    /// Sets `iss` of access tokens, and the base of the discovery document. Defaults to `https://`
    /// and the gateway's domain on Lambda, `http://127.0.0.1:PORT` on a laptop. Accepts a URL that
    /// begins with `https://` or `http://`. Read from `ISSUER`. A query, a fragment or a user name
    /// is refused. Cloud Run requires this variable. Lambda and Cloud Run refuse `http://`, and the
    /// addresses of one machine.
    pub issuer: Option<String>,
    /// Sets `aud` of access tokens. Defaults to the issuer. Accepts one text without white space
    /// and commas, of 256 characters at most. Read from `AUDIENCE`.
    pub audience: Option<String>,
    /// Names the origins of the web apps that may call the service. Defaults to `*`. Accepts `*`,
    /// or origins such as `https://app.example`, separated by commas. Read from
    /// `CORS_ALLOWED_ORIGINS`. An entry that no browser sends is refused, such as one with a path,
    /// a wildcard, or the port 443 of https. A slash at the end may stay. Origins of apps and
    /// extensions, such as `capacitor://localhost`, are accepted.
    ///
    /// `None` stands for `*`.
    pub cors_allowed_origins: Option<Vec<String>>,
    /// Says that every request comes through a proxy, and refuses all others but `/health`.
    /// Defaults to `false`. Accepts `true` or `false`. Read from `BEHIND_PROXY`. The last address
    /// in `X-Forwarded-For` is then the caller's. The option `--behind-proxy` of `latchkey serve`
    /// does the same. On Lambda the value `true` needs `TRUSTED_PROXY_SECRET`, because everybody
    /// can call the gateway.
    pub behind_proxy: bool,
    /// Holds the secret by which the proxy is known. Has no default. Accepts 32 to 256 printable
    /// ASCII characters without spaces. Read from `TRUSTED_PROXY_SECRET`. The proxy sends it with
    /// each request, as `X-Trusted-Proxy-Secret`. The `X-Forwarded-For` of all other requests is
    /// not believed.
    pub trusted_proxy_secret: Option<ProxySecret>,
    /// Serves the pages for builders at `/`, `/errors` and `/console`. Defaults to `on`. Accepts
    /// `on` or `off`. Read from `CONSOLE`. Without them `/` is a 404.
    pub console: bool,
}

/// The secret by which the deployment's proxy is known.
#[derive(Clone)]
pub struct ProxySecret(Zeroizing<String>);

impl ProxySecret {
    /// Whether `shown` is the secret. The time of the comparison tells nothing but a wrong length.
    pub fn matches(&self, shown: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), shown).is_ok()
    }
}

impl fmt::Debug for ProxySecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProxySecret")
    }
}

impl Http {
    pub(super) fn read(env: &mut Environment) -> Self {
        let http = Self {
            issuer: issuer(env),
            audience: audience(env),
            cors_allowed_origins: origins::read(env),
            behind_proxy: env.flag("BEHIND_PROXY"),
            trusted_proxy_secret: proxy_secret(env),
            console: env.switch("CONSOLE", ("on", "off"), true),
        };
        if env.platform.on_lambda && http.behind_proxy && http.trusted_proxy_secret.is_none() {
            env.refuse(
                "TRUSTED_PROXY_SECRET",
                "is required with BEHIND_PROXY on Lambda: everybody can call the gateway",
            );
        }
        http
    }
}

fn proxy_secret(env: &mut Environment) -> Option<ProxySecret> {
    const NAME: &str = "TRUSTED_PROXY_SECRET";
    let secret = Zeroizing::new(env.text(NAME)?);
    let fits = (PROXY_SECRET_BYTES_MIN..=PROXY_SECRET_BYTES_MAX).contains(&secret.len())
        && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        env.refuse(NAME, "must be 32 to 256 printable ASCII characters without spaces");
    } else if let Some(why) = guessable(&secret) {
        env.refuse(NAME, why);
    }
    Some(ProxySecret(secret))
}

fn issuer(env: &mut Environment) -> Option<String> {
    const NAME: &str = "ISSUER";
    let issuer = env.text(NAME)?.trim_end_matches('/').to_owned();
    if let Some(why) = url_fault(&issuer) {
        env.refuse(NAME, &format!("must be a URL that begins with https://, and this one {why}"));
    } else if let Some(by) = env.platform.deployed_by.filter(|_| issuer.starts_with("http://")) {
        let why = format!("must begin with https://, as {by} says that this is deployed: others fetch the keys there");
        env.refuse(NAME, &why);
    } else if env.platform.deployed_by.is_some() && is_of_one_machine(&issuer) {
        env.refuse(NAME, "must be the URL at which others reach the service, and not an address of one machine");
    }
    Some(issuer)
}

/// Whether a URL means another machine to each reader.
pub(super) fn is_of_one_machine(url: &str) -> bool {
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

/// Why nobody could find the keys at this URL, or compare it with `iss`. The clause follows the
/// words "this one".
pub(super) fn url_fault(issuer: &str) -> Option<&'static str> {
    if matches!(issuer, "https:" | "http:") {
        return Some("has no host");
    }
    let Some(rest) = issuer.strip_prefix("https://").or_else(|| issuer.strip_prefix("http://")) else {
        return Some("has no scheme");
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let url = Url::parse(issuer);
    Some(if issuer.contains('?') {
        "has a query"
    } else if issuer.contains('#') {
        "has a fragment"
    } else if issuer.contains("/.well-known") {
        "is the URL of a document below /.well-known: write only the part before that"
    } else if host.contains('@') {
        "has a user name or a password in it"
    } else if !issuer.bytes().all(|byte| byte.is_ascii_graphic()) {
        "has white space or letters outside ASCII in it"
    } else if issuer.contains(['*', ',', ';', '\\', '"', '\'', '<', '>', '{', '}', '|', '^', '$']) {
        "has a character in it that no URL has, or is a list, or was not filled in"
    } else if url.as_ref().is_ok_and(|url| url.host_str().is_none_or(|host| host.ends_with('.'))) {
        "has no host, or a dot at the end of it"
    } else if !url.is_ok_and(|url| path.is_empty() || url.path() == path) || path.contains("//") {
        "has a host, a port or a path that cannot be"
    } else {
        return None;
    })
}

fn audience(env: &mut Environment) -> Option<String> {
    let fits = |text: &str| {
        text.len() <= AUDIENCE_BYTES_MAX
            && !text.contains(|letter: char| letter.is_whitespace() || ",[]{}\"'".contains(letter))
    };
    let what = "one text without white space, commas, brackets and quotation marks, since a token has one audience";
    env.checked("AUDIENCE", fits, what)
}
