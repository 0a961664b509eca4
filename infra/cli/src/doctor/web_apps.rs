//! The web apps that may call: a preflight of each origin, through the routes of this very program
//! and at the deployed service.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use shared::{
    App,
    config::Config,
    http::contract,
    keys::{Keys, Source},
    store::{Store, embedded::Embedded},
};
use tower::ServiceExt;

use super::{Finding, fail, ok};

const CHECK: &str = "web apps";

/// The origins to ask as. Any origin will do for `*`.
pub fn origins(config: &Config) -> Vec<String> {
    config.http.cors_allowed_origins.clone().unwrap_or_else(|| vec!["https://app.example".to_owned()])
}

/// Sends a preflight of each origin of CORS_ALLOWED_ORIGINS through the routes. Nothing is listened
/// on, and no account is read.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let app = match app(config.clone()) {
        Ok(app) => app,
        Err(why) => return vec![fail(CHECK, why)],
    };
    let service = contract::service(crate::router(), app);
    let mut findings = Vec::new();
    for origin in origins(config) {
        let judged = match preflight(&origin, "/login", Body::empty()) {
            Ok(request) => match service.clone().oneshot(request).await {
                Ok(answer) => judge_preflight(answer.status(), answer.headers(), &origin),
                Err(never) => match never {},
            },
            Err(why) => Err(why),
        };
        findings.push(match judged {
            Ok(()) if config.http.cors_allowed_origins.is_none() => {
                ok(CHECK, "a browser at any origin may call; CORS_ALLOWED_ORIGINS makes a list of it")
            }
            Ok(()) => ok(CHECK, format!("a browser at {origin} may call")),
            Err(why) => fail(CHECK, format!("/login {why}")),
        });
    }
    findings
}

/// The app behind the routes, which a preflight never reaches.
fn app(config: Config) -> Result<App, String> {
    let store = Embedded::memory().map_err(|error| error.cause())?.client();
    let keys = Keys::new(None, config.key_sources(None::<Source>));
    let store = Store::new(store, &config.table_name);
    App::new(config, store, keys).map_err(|error| error.cause())
}

/// The preflight that a browser at this origin sends before a login.
pub fn preflight<B>(origin: &str, uri: &str, body: B) -> Result<Request<B>, String> {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(uri)
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type")
        .body(body);
    request.map_err(|error| error.to_string())
}

/// Reads the answer as a browser does.
pub fn judge_preflight(status: StatusCode, headers: &HeaderMap, origin: &str) -> Result<(), String> {
    let values = |name: header::HeaderName| -> Vec<String> {
        let texts = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        texts.map(str::to_ascii_lowercase).collect()
    };
    if !status.is_success() {
        return Err(format!("answers a preflight with {status}: the route must accept OPTIONS too"));
    }
    match values(header::ACCESS_CONTROL_ALLOW_ORIGIN).as_slice() {
        [] => return Err(format!("does not allow {origin}: set CORS_ALLOWED_ORIGINS")),
        [allowed] if allowed == "*" || allowed == origin => {}
        [allowed] => return Err(format!("allows {allowed}, not {origin}: set CORS_ALLOWED_ORIGINS")),
        _ => return Err("sends its CORS headers twice: remove the CORS settings of the gateway".to_owned()),
    }
    let lacks = |name, wanted: &str| !values(name).iter().any(|value| value.contains(wanted));
    if lacks(header::ACCESS_CONTROL_ALLOW_METHODS, "post") {
        return Err("does not allow POST: remove the CORS settings of the gateway".to_owned());
    }
    for wanted in ["authorization", "content-type"] {
        if lacks(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted) {
            return Err(format!("does not allow the header {wanted}: remove the CORS settings of the gateway"));
        }
    }
    Ok(())
}
