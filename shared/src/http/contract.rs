//! The contract around every handler: request ids, errors, CORS, caching, and one log line for each
//! request.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tokio::time;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowHeaders, AllowOrigin, CorsLayer},
};
use tracing::{Instrument, field::Empty};

use crate::{
    App,
    config::{Config, LogForm},
    error::Error,
    http::{
        error_form::ErrorForm,
        issuer::issuer_url,
        paths,
        problem::{self, JSON, PROBLEM_JSON},
        proxy::{self, through_proxy},
    },
    telemetry::{harmless_path, log},
    time::Timestamp,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is accepted from a caller, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;
/// The time for which a browser may keep the answer to a preflight, in seconds.
const PREFLIGHT_SECONDS: u64 = 86_400;
/// The time for which a browser uses this host by TLS alone: a year, which browsers ask of the
/// hosts that they know beforehand (<https://hstspreload.org>). Subdomains are not this service's
/// to decide about.
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// The longest time of a request where nothing sets a deadline from outside.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// Puts a router under the contract, ready to be called on Lambda, on a port, or by a test.
pub fn service(router: Router<App>, app: App) -> Router {
    router
        .fallback(async |uri: Uri| Error::NotFound(paths::meant(uri.path())))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(without_secrets_in_query))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(app.clone(), through_proxy))
        .layer(cors(app.config()))
        .layer(middleware::from_fn_with_state(app.clone(), cors_where_closed))
        .layer(middleware::from_fn_with_state(app.clone(), envelope))
        .with_state(app)
}

/// The time that a handler has left. `lambda` sets it from the deadline of the invocation.
#[derive(Clone, Copy, Debug)]
pub struct TimeLeft(pub Duration);

/// Answers 503 if a handler hangs, before the caller or Lambda gives up. The work that the handler
/// waited for is dropped.
async fn in_time(request: Request, next: Next) -> Response {
    let limit = request.extensions().get().map_or(REQUEST_TIME_MAX, |TimeLeft(limit)| *limit);
    time::timeout(limit, next.run(request))
        .await
        .unwrap_or_else(|_| Error::unavailable(format!("no answer within {limit:?}")).into_response())
}

async fn method_not_allowed(method: Method, matched: MatchedPath) -> Error {
    Error::MethodNotAllowed(paths::methods(matched.as_str(), method == Method::GET))
}

/// Refuses a request that changes something and has a secret in its URL. Such a URL stays in the
/// logs of servers and proxies. A GET reads no secret from there, and its URL is a mistake that
/// needs no refusal of its own.
async fn without_secrets_in_query(request: Request, next: Next) -> Response {
    let changes = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    match request.uri().query() {
        Some(query) if changes && paths::has_secret(query) => Error::SecretInQuery.into_response(),
        _ => next.run(request).await,
    }
}

/// The only layer for CORS. The gateway in front adds nothing. Without credentials it is safe to
/// allow whatever headers a preflight asks for, and builders and SDKs send their own.
fn cors(config: &Config) -> CorsLayer {
    let origins = match &config.http.cors_allowed_origins {
        None => AllowOrigin::any(),
        Some(origins) => AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok())),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::RETRY_AFTER, REQUEST_ID, HeaderName::from_static("x-supabase-api-version")])
        .max_age(Duration::from_secs(PREFLIGHT_SECONDS))
}

/// Lets no page of another origin read an answer of `/admin` or `/outbox`: whoever may call there
/// has no business with a foreign page. `ADMIN_ORIGINS` names the pages that may read `/admin`.
async fn cors_where_closed(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !paths::is_closed_to_others(path) {
        return next.run(request).await;
    }
    let origin = request.headers().get(header::ORIGIN).filter(|_| paths::is_for_admins(path)).cloned();
    let is_allowed = |origin: &HeaderValue| app.config().admin.origins.iter().any(|allowed| *origin == **allowed);
    let origin = origin.filter(is_allowed);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    match origin {
        // The other headers are those of every path. None of them allows anything by itself.
        Some(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        None => {
            let names = headers.keys().filter(|name| name.as_str().starts_with("access-control-"));
            for name in names.cloned().collect::<Vec<_>>() {
                headers.remove(name);
            }
        }
    }
    response
}

/// Answers after a panic, which the hook has logged. The next request is served.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::internal("a handler panicked").into_response()
}

/// The part of a request that its answer and its log line need.
struct Asked {
    started: Timestamp,
    request_id: String,
    method: String,
    /// The route, not the path: people paste anything into the field for a URL, even tokens.
    route: String,
    /// The path where there is no route, for a log that people read at a terminal.
    unknown_path: Option<String>,
    /// Whether errors are to be `application/problem+json`.
    as_problem: bool,
    form: ErrorForm,
    /// The URL of the service.
    base: String,
    over_tls: bool,
}

/// Adds the request id, the error body and the log line that every answer has.
async fn envelope(State(app): State<App>, request: Request, next: Next) -> Response {
    let asked = Asked {
        started: app.now(),
        request_id: request_id(&app, request.headers()),
        method: request.method().as_str().to_owned(),
        route: request.extensions().get().map_or("", MatchedPath::as_str).to_owned(),
        unknown_path: unknown_path(&app, &request),
        as_problem: problem::is_wanted(request.headers()),
        form: ErrorForm::of(request.uri().path()),
        base: issuer_url(&app, request.extensions().get()).unwrap_or_default(),
        over_tls: proxy::is_over_tls(&app.config().http, &request),
    };
    let trace = cloud_trace(&app, request.headers());
    // A span of the highest level puts its keys on the lines of every level.
    let span = tracing::error_span!(
        "request",
        request_id = asked.request_id,
        api_key = Empty,
        admin_key = Empty,
        admin_user = Empty,
        act = Empty,
        "logging.googleapis.com/trace" = trace
    );
    let response = next.run(request).instrument(span.clone()).await;
    let _entered = span.entered();
    asked.finish(&app, response)
}

/// The whole answer to a connection whose bytes make no request, or no whole one.
pub fn refusal(app: &App, error: Error) -> Response {
    let asked = Asked {
        started: app.now(),
        request_id: app.uuid().unwrap_or_default(),
        method: String::new(),
        route: String::new(),
        unknown_path: None,
        as_problem: false,
        form: ErrorForm::Own,
        base: issuer_url(app, None).unwrap_or_default(),
        over_tls: false,
    };
    let _entered = tracing::error_span!("request", request_id = asked.request_id).entered();
    asked.finish(app, error.into_response())
}

impl Asked {
    fn finish(self, app: &App, response: Response) -> Response {
        let error = response.extensions().get::<Arc<Error>>().cloned();
        let code = error.as_ref().map_or("", |error| error.status_and_code().1);
        let response = match &error {
            Some(error) => {
                log::fault(error);
                let Self { base, request_id, as_problem, form, .. } = &self;
                let reader = problem::Reader { base, request_id, as_problem: *as_problem, form: *form };
                problem::write(response, error, &reader)
            }
            None => response,
        };
        let duration_ms = app.now().milliseconds() - self.started.milliseconds();
        tracing::info!(
            method = self.method,
            path = self.route,
            unknown_path = self.unknown_path,
            status = response.status().as_u16(),
            code,
            duration_ms,
            "request"
        );
        finish(response, &self.request_id, self.over_tls)
    }
}

/// The path of a request without a route, if the log is for people at a terminal.
fn unknown_path(app: &App, request: &Request) -> Option<String> {
    let is_told = app.config().telemetry.log_format == Some(LogForm::Text);
    let has_route = request.extensions().get::<MatchedPath>().is_some();
    (is_told && !has_route).then(|| harmless_path(request.uri().path()))
}

/// Marks an answer as a document for a browser, in its extensions. The answer keeps its content
/// type and its body. Every other answer is a JSON object.
#[derive(Clone, Copy, Debug)]
pub struct Document;

/// Sets the content type, the caching, the request id and the safety headers of any answer.
fn finish(mut response: Response, request_id: &str, over_tls: bool) -> Response {
    if response.extensions().get::<Document>().is_none() {
        as_json(&mut response);
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    // A browser must not guess another type than the one above.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if over_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_ALONE);
    }
    response
}

fn as_json(response: &mut Response) {
    if response.status() == StatusCode::NO_CONTENT {
        return;
    }
    // Only the answer to a preflight has no body otherwise.
    if !response.headers().contains_key(header::CONTENT_TYPE) {
        *response.body_mut() = "{}".into();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_TYPE) != Some(&PROBLEM_JSON) {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
}

/// The caller's request id if it is short and plain, else a new one.
fn request_id(app: &App, headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(sane);
    given.map(str::to_owned).unwrap_or_else(|| app.uuid().unwrap_or_default())
}

/// The name of the trace, by which Cloud Logging shows a line beneath the request that Cloud Run
/// logged (<https://cloud.google.com/run/docs/logging#correlate-logs>).
fn cloud_trace(app: &App, headers: &HeaderMap) -> Option<String> {
    let project = app.config().firebase.google_cloud_project.as_deref().filter(|_| app.config().on_cloud_run)?;
    let value = headers.get("x-cloud-trace-context")?.to_str().ok()?;
    let trace = value.split('/').next().filter(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some(format!("projects/{project}/traces/{trace}"))
}

#[cfg(test)]
mod tests {
    use axum::{Extension, body};

    use super::*;

    #[tokio::test]
    async fn a_document_keeps_its_type_and_every_other_answer_is_json() {
        let document = async || (Extension(Document), [(header::CONTENT_TYPE, "text/html")], "<p>");
        let answer = document().await.into_response();
        let finished = finish(answer, "id", true);
        assert_eq!(finished.headers()[header::CONTENT_TYPE], "text/html");
        assert_eq!(finished.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(body::to_bytes(finished.into_body(), 10).await.unwrap(), "<p>");
        let plain = finish("text".into_response(), "id", false);
        assert_eq!(plain.headers()[header::CONTENT_TYPE], JSON);
        let nothing = finish(StatusCode::NO_CONTENT.into_response(), "id", false);
        assert!(!nothing.headers().contains_key(header::CONTENT_TYPE));
        let empty = finish(StatusCode::OK.into_response(), "id", false);
        assert_eq!(body::to_bytes(empty.into_body(), 10).await.unwrap(), "{}");
    }
}
