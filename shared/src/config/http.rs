//! The service's URL, and the browsers that may call it.

use super::Environment;

/// The service's URL, and the browsers that may call it.
#[derive(Clone, Debug)]
pub struct Http {
    /// `ISSUER`: `iss` of access tokens and base of the discovery document. By default `https://` and the gateway's own
    /// domain; locally `http://127.0.0.1:PORT`.
    pub issuer: Option<String>,
    /// `AUDIENCE`, the issuer: `aud` of access tokens.
    pub audience: Option<String>,
    /// `CORS_ALLOWED_ORIGINS`, `*`, comma separated; None is any.
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
        env.refuse("CORS_ALLOWED_ORIGINS", "must be * or origins like https://app.example, divided by commas");
    }
    Some(origins)
}
