//! The pages at `/`, and their files below `/console`.

use std::sync::LazyLock;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use shared::{App, error::Error, token::access::Issuer};

use crate::{
    files,
    kept::{Kept, PerIssuer},
    settings,
};

/// The content security policy. Nothing comes from another host, and no text can become markup
/// (<https://www.w3.org/TR/trusted-types/>).
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types 'none'",
);
/// The powers of a page that this one does not need.
const NO_POWERS: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()");
/// A file whose path changes with its content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A page whose path stays.
const ASK_EACH_TIME: &str = "no-cache";

/// The page for an issuer.
static PAGE: PerIssuer = PerIssuer::new(files::page);
/// The codes of errors.
static ERRORS: LazyLock<Kept> = LazyLock::new(|| Kept::new(settings::errors().to_string()));

/// The page. Its scripts read the rest of the address, and draw what it asks for.
pub async fn start(State(app): State<App>, issuer: Issuer, headers: HeaderMap) -> Result<Response, Error> {
    is_on(&app)?;
    let mut response = for_this_origin(PAGE.of(&issuer.url).answer(&headers, files::HTML, ASK_EACH_TIME));
    response.headers_mut().extend(page_headers());
    Ok(response)
}

/// A script or the style. Its path holds the digest of all files, so that browsers may keep it.
pub async fn file(
    State(app): State<App>,
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    is_on(&app)?;
    let file = files::asset(&name).ok_or(Error::NotFound(None))?;
    // An old page may ask for its files after a new deployment. It gets the new ones, and may not
    // keep them under the old path.
    let keep = if version == *files::version() { FOR_EVER } else { ASK_EACH_TIME };
    Ok(for_this_origin(file.kept().answer(&headers, file.media_type, keep)))
}

/// A guide, as Markdown. The page draws it with the address of the service filled in.
pub async fn guide(State(app): State<App>, Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    is_on(&app)?;
    let file = files::guide(&name).ok_or(Error::NotFound(None))?;
    Ok(for_this_origin(file.kept().answer(&headers, file.media_type, ASK_EACH_TIME)))
}

/// The settings that the page may know.
pub async fn config(State(app): State<App>, issuer: Issuer) -> Result<Response, Error> {
    is_on(&app)?;
    Ok(Json(settings::of(app.config(), &issuer.url)).into_response())
}

/// Every code of an error, with its reason and its cure.
pub async fn errors(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    is_on(&app)?;
    Ok(ERRORS.answer(&headers, files::JSON, ASK_EACH_TIME))
}

/// 404 if the deployment has no console.
fn is_on(app: &App) -> Result<(), Error> {
    if app.config().http.console { Ok(()) } else { Err(Error::NotFound(None)) }
}

/// The answer with the mark that no page of another origin may load it.
fn for_this_origin(mut response: Response) -> Response {
    let name = HeaderName::from_static("cross-origin-resource-policy");
    response.headers_mut().insert(name, HeaderValue::from_static("same-origin"));
    response
}

fn page_headers() -> [(HeaderName, HeaderValue); 5] {
    [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("permissions-policy"), NO_POWERS),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ]
}
