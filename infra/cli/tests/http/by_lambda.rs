//! Requests as events of API Gateway, to the router of one function: the way of a deployment.

use axum::{Router, http::Method};
use base64::{Engine, engine::general_purpose::STANDARD};
use lambda_http::{Context, LambdaEvent, Service as _, request::LambdaRequest};
use serde_json::{Value, json};
use shared::{App, lambda};

/// The router of the function that the gateway calls for this method and path. The last one is
/// behind the default route.
pub fn function_of(method: &Method, path: &str) -> Router<App> {
    match path.split('?').next().unwrap_or_default() {
        path if path.starts_with("/pages/") && *method == Method::POST => email::router(),
        "/create-account" | "/auth/v1/signup" => create_account::router(),
        "/login" | "/oauth/token" | "/auth/v1/token" => login::router(),
        "/refresh" => refresh::router(),
        "/logout" | "/oauth/revoke" | "/auth/v1/logout" => logout::router(),
        "/verify" => verify::router(),
        "/password/forgot" | "/password/reset" | "/login/email" | "/login/email/complete" => email::router(),
        "/exchange" | "/exchange/complete" => email::router(),
        path if path.starts_with("/me/email") => email::router(),
        "/jwt/encode" | "/jwt/decode" => jwt::router(),
        path if path.starts_with("/admin/") => admin::router(),
        "/oauth/userinfo" | "/auth/v1/user" => account::router(),
        path if path == "/me" || path.starts_with("/me/") => account::router(),
        _ => well_known::router(),
    }
}

/// Sends a request, and returns the status, the headers and the body of its answer.
pub async fn send(
    app: &App,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, Value, Value) {
    let (path_alone, query) = path.split_once('?').unwrap_or((path, ""));
    let headers: Value = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let event = json!({
        "version": "2.0", "routeKey": format!("ANY {path_alone}"), "rawPath": path_alone, "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "id", "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "id", "requestId": "JKJaXmPLvHcESHA=", "routeKey": format!("ANY {path_alone}"),
            "stage": "$default", "time": "10/Mar/2026:05:16:23 +0000", "timeEpoch": 1_773_119_783_390_i64,
            "http": {"method": method.as_str(), "path": path_alone, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "a"},
        },
        "body": STANDARD.encode(body), "isBase64Encoded": true,
    });
    let event: LambdaRequest = serde_json::from_str(&event.to_string()).unwrap();
    let mut handler = lambda::handler(function_of(method, path), app.clone());
    let answer = handler.call(LambdaEvent::new(event, Context::default())).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let body = serde_json::from_str(answer["body"].as_str().unwrap_or("{}")).unwrap();
    (u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap(), answer["headers"].clone(), body)
}
