//! The HTTP contract around every handler: request ids, the error body, CORS, caching, and one log line a request.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::time;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};
use tracing::Instrument;

use crate::{
    App,
    config::Config,
    error::{Error, Field},
    http::body,
    telemetry::log,
    token::access::Issuer,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id taken from a caller.
const REQUEST_ID_BYTES_MAX: usize = 128;
/// How long a browser may keep the answer to a preflight, in seconds.
const PREFLIGHT_SECONDS: u64 = 86_400;
/// How long a request may take where no deadline is set from outside.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A router under the contract, ready to be called: on Lambda, on a port, or by a test.
pub fn service(router: Router<App>, app: App) -> Router {
    router
        .fallback(async || Error::Request(StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(async || Error::Request(StatusCode::METHOD_NOT_ALLOWED))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(in_time))
        .layer(cors(app.config()))
        .layer(middleware::from_fn_with_state(app.clone(), envelope))
        .with_state(app)
}

/// The domain of the gateway a request came through, from its context; `lambda` sets it.
#[derive(Clone, Debug)]
pub struct GatewayDomain(pub String);

impl FromRequestParts<App> for Issuer {
    type Rejection = Error;

    /// Whose tokens are made and taken: the configured issuer, or the gateway that the request came through. Never a header,
    /// or callers could choose it.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let issuer = issuer(app, parts.extensions.get()).ok_or_else(|| {
            Error::internal("ISSUER is not set, and the request came through no gateway that tells its domain")
        })?;
        Ok(app.config().issuer_at(issuer))
    }
}

fn issuer(app: &App, domain: Option<&GatewayDomain>) -> Option<String> {
    app.config().issuer.clone().or_else(|| domain.map(|GatewayDomain(domain)| format!("https://{domain}")))
}

/// The token of `Authorization: Bearer` (RFC 6750 section 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

/// A truth value in the query; false if it is not there.
///
/// # Errors
///
/// 400 for a text that is neither.
pub fn flag(uri: &Uri, name: &str) -> Result<bool, Error> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let value = form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value);
    body::flag(value.as_deref().unwrap_or_default())
        .ok_or_else(|| Error::invalid(format!("`{name}` in the query must be true or false.")))
}

/// How long a handler may take; `lambda` sets it from the deadline of the invocation.
#[derive(Clone, Copy, Debug)]
pub struct TimeLeft(pub Duration);

/// Answers 503 where something hangs, before the caller or Lambda gives up. What the handler waited for is dropped with it.
async fn in_time(request: Request, next: Next) -> Response {
    let limit = request.extensions().get().map_or(REQUEST_TIME_MAX, |TimeLeft(limit)| *limit);
    time::timeout(limit, next.run(request))
        .await
        .unwrap_or_else(|_| Error::unavailable(format!("no answer within {limit:?}")).into_response())
}

/// One layer owns CORS: this one. The gateway in front adds nothing.
fn cors(config: &Config) -> CorsLayer {
    let origins = match &config.cors_allowed_origins {
        None => AllowOrigin::any(),
        Some(origins) => AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-api-key"),
            REQUEST_ID,
        ])
        .expose_headers([header::RETRY_AFTER, REQUEST_ID])
        .max_age(Duration::from_secs(PREFLIGHT_SECONDS))
}

/// The panic itself was logged by the hook; its caller gets the usual envelope, and the next request is served.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::internal("a handler panicked").into_response()
}

/// Gives every answer what the contract asks of every answer.
async fn envelope(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = app.now();
    let request_id = request_id(&app, request.headers());
    // Not the path itself: people paste anything into the field for a URL, tokens too.
    let route = request.extensions().get().map_or("", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let problem = wants_problem(request.headers());
    let base = issuer(&app, request.extensions().get()).unwrap_or_default();
    let trace = cloud_trace(&app, request.headers());
    // As severe as can be, so that its keys are on the lines of every level.
    let span = tracing::error_span!("request", request_id, "logging.googleapis.com/trace" = trace);

    let response = next.run(request).instrument(span.clone()).await;

    let _entered = span.entered();
    let error = response.extensions().get::<Arc<Error>>().cloned();
    let code = error.as_ref().map_or("", |error| error.status_and_code().1);
    let response = match &error {
        Some(error) => {
            log::fault(error);
            with_error_body(response, error, &base, &request_id, problem)
        }
        None => response,
    };
    let duration_ms = app.now().milliseconds() - started.milliseconds();
    tracing::info!(
        method = method.as_str(),
        path = route,
        status = response.status().as_u16(),
        code,
        duration_ms,
        "request"
    );
    finish(response, &request_id)
}

/// Content type, caching and request id of any answer.
fn finish(mut response: Response, request_id: &str) -> Response {
    // The answer to a preflight is the one without a body.
    if !response.headers().contains_key(header::CONTENT_TYPE) {
        *response.body_mut() = "{}".into();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_TYPE) != Some(&PROBLEM_JSON) {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

/// RFC 9457, with `message`, `code`, `request_id` and `fields`; `report` only where a token was refused.
#[derive(Serialize)]
struct ErrorBody<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    message: &'a str,
    code: &'a str,
    request_id: &'a str,
    fields: &'a [Field],
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a str>,
}

fn with_error_body(response: Response, error: &Error, base: &str, request_id: &str, problem: bool) -> Response {
    let (status, code) = error.status_and_code();
    let sentence = error.to_string();
    let body = ErrorBody {
        r#type: format!("{base}/errors#{code}"),
        title: title(code),
        status: status.as_u16(),
        detail: &sentence,
        message: &sentence,
        code,
        request_id,
        fields: error.fields(),
        report: match error {
            Error::Token(refusal) => Some(&refusal.report),
            _ => None,
        },
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut response = (status, Json(body)).into_response();
    // CORS and `Allow` were set by the layers inside.
    for (name, value) in &parts.headers {
        response.headers_mut().append(name, value.clone());
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, if problem { PROBLEM_JSON } else { JSON });
    if let Some(seconds) = error.retry_after_seconds() {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(challenge) = error.challenge() {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// `invalid_credentials` as `Invalid credentials`, `auth/id-token-expired` as `Id token expired`.
fn title(code: &str) -> String {
    let words = code.rsplit('/').next().unwrap_or(code).replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// The caller's, if it is short and plain, else a new one.
fn request_id(app: &App, headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(sane);
    given.map(str::to_owned).unwrap_or_else(|| app.uuid().unwrap_or_default())
}

/// By which Cloud Logging shows a line beneath the request that Cloud Run logged
/// (<https://cloud.google.com/run/docs/logging#correlate-logs>).
fn cloud_trace(app: &App, headers: &HeaderMap) -> Option<String> {
    let project = app.config().firebase.google_cloud_project.as_deref().filter(|_| app.config().on_cloud_run)?;
    let value = headers.get("x-cloud-trace-context")?.to_str().ok()?;
    let trace = value.split('/').next().filter(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some(format!("projects/{project}/traces/{trace}"))
}

fn wants_problem(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        range.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/problem+json"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_make_titles() {
        assert_eq!(title("invalid_credentials"), "Invalid credentials");
        assert_eq!(title("auth/id-token-expired"), "Id token expired");
    }

    #[test]
    fn a_bearer_token_is_taken_from_its_scheme_only() {
        let bearer_of = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(bearer_of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(bearer_of("bearer  abc ").as_deref(), Some("abc"));
        for value in ["Bearer", "Bearer ", "Basic abc", "abc"] {
            assert_eq!(bearer_of(value), None, "{value}");
        }
    }
}
