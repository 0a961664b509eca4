//! Whoever calls `/admin`.

use axum::{extract::FromRequestParts, http::request::Parts};
use tracing::Span;

use crate::{
    App,
    auth::admin::{AdminBy, Credential, Origin, admit},
    error::Error,
    http::{
        caller::bearer,
        client_ip::{ClientIp, address},
    },
    text::trimmed,
    token::access::Issuer,
};

/// The header of an admin key.
pub const ADMIN_KEY_HEADER: &str = "x-admin-key";

/// Extracts the admin who calls: whoever shows an admin key, an admin token, or the access token of
/// an account with a role of admins. The name of the key, or the pseudonym of the account, is then
/// in every later line of the request.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The way in which the admin came in.
    pub by: AdminBy,
}

impl FromRequestParts<App> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let issuer = Issuer::from_request_parts(parts, app).await?;
        let address = address(app, parts).await?;
        let ip = ClientIp::of(app, address);
        let key = parts.headers.get(ADMIN_KEY_HEADER).map(|key| String::from_utf8_lossy(key.as_bytes()));
        let key = key.as_deref().map(trimmed).filter(|key| !key.is_empty());
        let token = bearer(&parts.headers);
        let credential = match (key, token.as_deref()) {
            (Some(key), _) => Credential::Key(key),
            (None, Some(token)) => Credential::Token(token),
            (None, None) => Credential::None,
        };
        let by = admit(app, &issuer, credential, Origin { address, counted: ip.key() }, app.now()).await?;
        match &by {
            AdminBy::Key(name) => Span::current().record("admin_key", name.as_str()),
            AdminBy::Role(id) => Span::current().record("admin_user", app.pseudonym(id)),
        };
        Ok(Self { by })
    }
}
