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
