//! The settings of the HTTP contract.

use super::Environment;

/// The URL of the service, and the web apps that may call it.
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
}

impl Http {
    pub(super) fn read(env: &mut Environment) -> Self {
        Self { issuer: issuer(env), audience: env.text("AUDIENCE"), cors_allowed_origins: origins(env) }
    }
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
