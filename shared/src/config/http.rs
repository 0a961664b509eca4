//! The settings of the HTTP contract.

use std::fmt;

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

use super::Environment;

/// The least length of the proxy's secret, in bytes. A guess at 32 random letters never succeeds.
const PROXY_SECRET_BYTES_MIN: usize = 32;
/// The greatest length of the proxy's secret, in bytes.
const PROXY_SECRET_BYTES_MAX: usize = 256;

/// The URL of the service, the proxy before it, and the web apps that may call it.
#[derive(Clone, Debug)]
pub struct Http {
    /// Sets `iss` of access tokens, and the base of the discovery document. Defaults to `https://`
    /// and the gateway's domain on Lambda, `http://127.0.0.1:PORT` on a laptop. Accepts a URL that
    /// begins with `https://` or `http://`. Read from `ISSUER`. Cloud Run requires a URL that
    /// begins with `https://`.
    pub issuer: Option<String>,
    /// Sets `aud` of access tokens. Defaults to the issuer. Accepts any text. Read from `AUDIENCE`.
    pub audience: Option<String>,
    /// Names the origins of the web apps that may call the service. Defaults to `*`. Accepts `*`,
    /// or origins such as `https://app.example`, separated by commas. Read from
    /// `CORS_ALLOWED_ORIGINS`.
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
            audience: env.text("AUDIENCE"),
            cors_allowed_origins: origins(env),
            behind_proxy: env.flag("BEHIND_PROXY"),
            trusted_proxy_secret: proxy_secret(env),
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
    }
    Some(ProxySecret(secret))
}

fn issuer(env: &mut Environment) -> Option<String> {
    let issuer = env.text("ISSUER")?;
    if !issuer.starts_with("https://") && !issuer.starts_with("http://") {
        env.refuse("ISSUER", "must be a URL that begins with https://");
    }
    Some(issuer.trim_end_matches('/').to_owned())
}

fn origins(env: &mut Environment) -> Option<Vec<String>> {
    let text = env.text("CORS_ALLOWED_ORIGINS").filter(|text| text != "*")?;
    let origins: Vec<String> =
        text.split(',').map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase()).collect();
    let is_origin = |origin: &String| {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && b != b'/'))
    };
    if !origins.iter().all(is_origin) {
        env.refuse("CORS_ALLOWED_ORIGINS", "must be * or origins like https://app.example, separated by commas");
    }
    Some(origins)
}
