//! The way onto Lambda: the same router that runs on a port, under `lambda_http`.

use std::process::ExitCode;

use axum::Router;
use lambda_http::{Request, RequestExt, request::RequestContext, tower::ServiceBuilder};

use crate::{
    App,
    config::Config,
    error::Error,
    http::{self, GatewayDomain},
    logs,
};

/// Runs a function until Lambda stops it. A configuration that cannot work fails the start, with a sentence in the log.
pub fn serve(router: Router<App>) -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(misconfigured) => {
            logs::start("info");
            tracing::error!(cause = %misconfigured, "the configuration is wrong");
            return ExitCode::from(2);
        }
    };
    logs::start(&config.log_level);
    // One request at a time: a second thread would only cost its start.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(cause = %error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(router, config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(cause = %error, "stopped");
            ExitCode::FAILURE
        }
    }
}

async fn run(router: Router<App>, config: Config) -> Result<(), lambda_http::Error> {
    let app = App::connect(config).await.inspect_err(|error: &Error| logs::fault(error))?;
    lambda_http::run(ServiceBuilder::new().map_request(with_domain).service(http::service(router, app))).await
}

/// The gateway's own domain, which the token issuer defaults to: from the event's context, where no caller can write.
fn with_domain(mut request: Request) -> Request {
    let domain = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.clone(),
        Some(RequestContext::ApiGatewayV1(context)) => context.domain_name.clone(),
        _ => None,
    };
    if let Some(domain) = domain {
        request.extensions_mut().insert(GatewayDomain(domain));
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event of an HTTP API in payload format 2.0, as in AWS's documentation.
    const HTTP_API: &str = r#"{
        "version": "2.0", "routeKey": "ANY /login", "rawPath": "/login", "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "evil.example"},
        "requestContext": {
            "accountId": "123456789012", "apiId": "api-id", "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "id", "requestId": "JKJaXmPLvHcESHA=", "routeKey": "ANY /login", "stage": "$default",
            "time": "10/Mar/2026:05:16:23 +0000", "timeEpoch": 1773119783390,
            "http": {
                "method": "POST", "path": "/login", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "agent"
            }
        },
        "body": "{}", "isBase64Encoded": false
    }"#;

    #[test]
    fn the_domain_is_the_gateways_own_and_not_the_callers() {
        let request = with_domain(lambda_http::request::from_str(HTTP_API).unwrap());
        let GatewayDomain(domain) = request.extensions().get().unwrap();
        assert_eq!(domain, "id.execute-api.us-east-1.amazonaws.com");
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/login"));
    }
}
