//! The issuer of access tokens, told by the configuration or by the gateway.

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::{App, error::Error, token::access::Issuer};

/// The domain of the gateway, from the context of its event. `lambda` sets it.
#[derive(Clone, Debug)]
pub struct GatewayDomain(pub String);

impl FromRequestParts<App> for Issuer {
    type Rejection = Error;

    /// Extracts the configured issuer, or else the gateway of the request. A header never decides:
    /// callers could choose it.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let url = issuer_url(app, parts.extensions.get()).ok_or_else(|| {
            Error::internal("ISSUER is not set, and the request came through no gateway that tells its domain")
        })?;
        Ok(app.config().issuer_at(url))
    }
}

/// The URL of the issuer: `ISSUER`, or else `https://` and the domain of the gateway.
pub(super) fn issuer_url(app: &App, domain: Option<&GatewayDomain>) -> Option<String> {
    app.config().http.issuer.clone().or_else(|| domain.map(|GatewayDomain(domain)| format!("https://{domain}")))
}
