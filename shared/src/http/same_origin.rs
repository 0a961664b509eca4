//! The calls of the service's own pages, which no page of another site may make.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, Uri, header, request::Parts},
};

use crate::{
    App,
    error::Error,
    http::issuer::{GatewayDomain, issuer_url},
};

/// The header by which a browser says where a request comes from (W3C Fetch Metadata, section 2.4).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Extracts the fact that no page of another site makes the request. A program that is no browser
/// sends neither of the two headers, and may call: it has no person's link unless it was given one.
pub struct SameOrigin;

impl FromRequestParts<App> for SameOrigin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let text = |name| parts.headers.get(name).map(|value| str::from_utf8(value.as_bytes()).unwrap_or_default());
        let is_own = match (text(FETCH_SITE), text(header::ORIGIN)) {
            (Some(site), _) => site == "same-origin",
            // Browsers from before 2023 send `Origin` alone.
            (None, Some(origin)) => is_own(origin, &parts.headers, app, parts.extensions.get()),
            (None, None) => true,
        };
        if is_own { Ok(Self) } else { Err(Error::CrossOrigin) }
    }
}

/// Whether an origin is this service's: by the host of the request, or by the configuration, since
/// a proxy may write another host. A page cannot choose its own `Origin`.
fn is_own(origin: &str, headers: &HeaderMap, app: &App, gateway: Option<&GatewayDomain>) -> bool {
    let authority = |url: &str| Some(url.parse::<Uri>().ok()?.authority()?.as_str().to_ascii_lowercase());
    let Some(origin) = authority(origin) else { return false };
    let host = headers.get(header::HOST).and_then(|host| Some(host.to_str().ok()?.to_ascii_lowercase()));
    let issuer = issuer_url(app, gateway);
    let configured = [issuer.as_deref(), app.config().mail.public_url.as_deref()];
    host.into_iter().chain(configured.into_iter().flatten().filter_map(authority)).any(|own| own == origin)
}
