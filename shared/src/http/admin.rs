//! Whoever calls `/admin`.

use axum::{extract::FromRequestParts, http::request::Parts};
use tracing::Span;

use crate::{
    App,
    auth::admin::{Credential, admit},
    error::Error,
    http::{caller::bearer, client_ip::ClientIp},
    text::trimmed,
    token::access::Issuer,
};

/// The header of an admin key.
pub const ADMIN_KEY_HEADER: &str = "x-admin-key";

/// Extracts the admin who calls: whoever shows an admin key, or an admin token. The name of the key
/// is then in every later line of the request.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The name of the admin key.
    pub key_name: String,
}

impl FromRequestParts<App> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let issuer = Issuer::from_request_parts(parts, app).await?;
        let ip = ClientIp::from_request_parts(parts, app).await?;
        let key = parts.headers.get(ADMIN_KEY_HEADER).map(|key| String::from_utf8_lossy(key.as_bytes()));
        let key = key.as_deref().map(trimmed).filter(|key| !key.is_empty());
        let token = bearer(&parts.headers);
        let credential = match (key, token.as_deref()) {
            (Some(key), _) => Credential::Key(key),
            (None, Some(token)) => Credential::Token(token),
            (None, None) => Credential::None,
        };
        let key_name = admit(app, &issuer, credential, ip.key(), app.now()).await?;
        Span::current().record("admin_key", key_name.as_str());
        Ok(Self { key_name })
    }
}
