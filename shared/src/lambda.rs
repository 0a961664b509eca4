//! The entry on Lambda: runs a router under `lambda_http`, or a handler of other events.

mod invocation;
pub mod stream;

use std::{
    convert::Infallible,
    net::IpAddr,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    time::Duration,
};

use axum::{Router, routing::any};
use lambda_http::{
    Adapter, LambdaEvent, Request, RequestExt, Service,
    aws_lambda_events::{
        alb::AlbTargetGroupRequest,
        apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest},
    },
    lambda_runtime::{self, Diagnostic},
    request::{LambdaRequest, RequestContext},
    tower::ServiceBuilder,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    App, AwsCaller, WarmUp,
    aws::{aws_config, dynamodb_client, secrets_manager_client},
    config::{Config, Misconfigured},
    error::Error,
    http::{
        client_ip::{self, PeerAddr},
        contract::{self, TimeLeft},
        issuer::GatewayDomain,
        proxy::{self, OverTls},
    },
    keys::Keys,
    store::Store,
    telemetry::log::{self, LogFormat},
    time::Timestamp,
};

use invocation::Observer;

/// The time that is kept back from an invocation, for the answer that the time is over.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Runs the function `service` until Lambda stops it, after it has prepared `parts`. A wrong
/// configuration fails the start, with a sentence in the log.
pub fn serve(service: &'static str, parts: WarmUp, router: Router<App>) -> ExitCode {
    start(service, async |app: App, observer: Observer| {
        app.warm_up(parts).await;
        lambda_runtime::run(observer.watch(handler(router, app))).await
    })
}

/// Like [`serve`], for a function that neither signs nor verifies anything. It calls no other
/// service at its start.
pub fn serve_documents(service: &'static str, router: Router<App>) -> ExitCode {
    start_with(service, Config::from_env_without_keys(), async |app: App, observer: Observer| {
        lambda_runtime::run(observer.watch(handler(router, app))).await
    })
}

/// The router as a service for the runtime. The answer has the format of the gateway that sent the
/// event.
///
/// `lambda_http` panics if it can make no URL of an event, as with an impossible port in `Host`.
/// The caller of a load balancer can send such a header. The event then gets the answer for a
/// request that cannot be read.
pub fn handler(
    router: Router<App>,
    app: App,
) -> impl Service<LambdaEvent<LambdaRequest>, Response = impl Serialize + Send, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let unreadable = async || Error::Unreadable;
    let unreadable = Router::new().route("/", any(unreadable)).route("/{*path}", any(unreadable));
    let refusing = contract::service(unreadable, app.clone());
    let service = contract::service(router, app.clone());
    let with_context = move |request| with_time_left(with_gateway(request), app.now());
    let serving = ServiceBuilder::new().map_request(with_context).service(service);
    lambda_runtime::service_fn(move |LambdaEvent { payload, context }| {
        let blank = blank(&payload);
        let event = LambdaEvent::new(payload, context.clone());
        panic::catch_unwind(AssertUnwindSafe(|| Adapter::from(serving.clone()).call(event)))
            .unwrap_or_else(|_| Adapter::from(refusing.clone()).call(LambdaEvent::new(blank, context)))
    })
}

/// An empty event in the format of the same gateway.
fn blank(event: &LambdaRequest) -> LambdaRequest {
    match event {
        LambdaRequest::ApiGatewayV1(_) => LambdaRequest::ApiGatewayV1(ApiGatewayProxyRequest::default()),
        LambdaRequest::Alb(_) => LambdaRequest::Alb(AlbTargetGroupRequest::default()),
        _ => LambdaRequest::ApiGatewayV2(ApiGatewayV2httpRequest::default()),
    }
}

/// Runs the function `service` on events of AWS, not on requests of people. `prepare` makes what
/// each event is handled with, once. The error that Lambda gets holds the cause of a fault, because
/// only the operator reads it.
pub fn serve_events<S, E, A, F>(
    service: &'static str,
    prepare: impl AsyncFnOnce(App) -> Result<S, Error>,
    handle: fn(S, E) -> F,
) -> ExitCode
where
    S: Clone + Send + 'static,
    E: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, Error>> + Send + 'static,
{
    serve_events_of(service, Config::from_env(), prepare, handle)
}

/// Like [`serve_events`], for a function that needs no key of this service.
pub fn serve_events_without_keys<S, E, A, F>(
    service: &'static str,
    prepare: impl AsyncFnOnce(App) -> Result<S, Error>,
    handle: fn(S, E) -> F,
) -> ExitCode
where
    S: Clone + Send + 'static,
    E: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, Error>> + Send + 'static,
{
    serve_events_of(service, Config::from_env_without_keys(), prepare, handle)
}

fn serve_events_of<S, E, A, F>(
    service: &'static str,
    config: Result<Config, Misconfigured>,
    prepare: impl AsyncFnOnce(App) -> Result<S, Error>,
    handle: fn(S, E) -> F,
) -> ExitCode
where
    S: Clone + Send + 'static,
    E: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = Result<A, Error>> + Send + 'static,
{
    start_with(service, config, async |app: App, observer: Observer| {
        let prepared = prepare(app).await.inspect_err(log::fault)?;
        let handler = move |event: LambdaEvent<E>| {
            // On the heap: the compiler cannot lay out so deep a nest of futures in one piece.
            let handled = Box::pin(handle(prepared.clone(), event.payload));
            async move { handled.await.map_err(|error| diagnosed(&error)) }
        };
        lambda_runtime::run(observer.watch(lambda_runtime::service_fn(handler))).await
    })
}

fn diagnosed(error: &Error) -> Diagnostic {
    log::fault(error);
    Diagnostic { error_type: error.status_and_code().1.to_owned(), error_message: error.cause() }
}

fn start(service: &'static str, run: impl AsyncFnOnce(App, Observer) -> Result<(), lambda_http::Error>) -> ExitCode {
    start_with(service, Config::from_env(), run)
}

fn start_with(
    service: &'static str,
    config: Result<Config, Misconfigured>,
    run: impl AsyncFnOnce(App, Observer) -> Result<(), lambda_http::Error>,
) -> ExitCode {
    let config = match config {
        Ok(config) => config,
        Err(misconfigured) => {
            log::start(service, "info", LogFormat::Elsewhere);
            tracing::error!(cause = %misconfigured, "the configuration is wrong");
            return ExitCode::from(2);
        }
    };
    log::start(service, &config.telemetry.log_level, LogFormat::Elsewhere);
    let observer = Observer::start(service, &config.telemetry.metrics_namespace);
    // One request at a time: a second thread would only make the start slower.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(cause = %error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    let run = async {
        let app = connect(config).await.inspect_err(log::fault)?;
        run(app, observer).await
    };
    match runtime.block_on(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(cause = %error, "stopped");
            ExitCode::FAILURE
        }
    }
}

/// Makes an app over AWS: the keys from Secrets Manager, and the table.
async fn connect(config: Config) -> Result<App, Error> {
    let aws = aws_config(config.identity.as_ref()).await;
    let mut sources = config.key_sources(config.keys.signing_keys.clone());
    sources.aws = sources.calls_aws().then(|| AwsCaller::of(&aws)).flatten();
    let keys = Keys::new(Some(secrets_manager_client(&aws)), sources);
    let store = Store::new(dynamodb_client(&aws), &config.table_name);
    App::new(config, store, keys)
}

/// Sets the deadline of the request, half a second before Lambda ends the invocation. A deadline
/// in the past does not count: local tools send one of 1970.
fn with_time_left(mut request: Request, now: Timestamp) -> Request {
    let deadline = request.lambda_context_ref().and_then(|context| i64::try_from(context.deadline).ok());
    let left = deadline.and_then(|deadline| u64::try_from(deadline - now.milliseconds()).ok()).filter(|left| *left > 0);
    if let Some(left) = left.map(Duration::from_millis) {
        request.extensions_mut().insert(TimeLeft(left.saturating_sub(ANSWER_TIME)));
    }
    request
}

/// Adds the domain of the gateway, from which the default token issuer is made, the address of the
/// connection, and the fact of TLS. All come from the event's context, which no caller can write. A
/// load balancer has no such context: it writes the address last into a header, and the scheme into
/// another. API Gateway speaks nothing but TLS.
fn with_gateway(mut request: Request) -> Request {
    let (domain, address) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => (context.domain_name.clone(), context.http.source_ip.clone()),
        Some(RequestContext::ApiGatewayV1(context)) => {
            (context.domain_name.clone(), context.identity.source_ip.clone())
        }
        _ => (None, None),
    };
    let is_balancer = matches!(request.request_context_ref(), Some(RequestContext::Alb(_)));
    let balanced = || client_ip::last_forwarded(request.headers()).filter(|_| is_balancer);
    let address = address.and_then(|text| text.parse().ok()).or_else(balanced);
    if !is_balancer || proxy::says_tls(request.headers()) {
        request.extensions_mut().insert(OverTls);
    }
    if let Some(domain) = domain {
        request.extensions_mut().insert(GatewayDomain(domain));
    }
    if let Some(ip) = address {
        request.extensions_mut().insert(PeerAddr(ip));
        forget_own_hop(&mut request, ip);
    }
    request
}

/// Takes the address that the gateway itself has added out of `X-Forwarded-For`. The rest is what
/// its caller has sent, which may be the deployment's proxy.
fn forget_own_hop(request: &mut Request, own: IpAddr) {
    if client_ip::last_forwarded(request.headers()).is_some_and(|last| last.to_canonical() == own.to_canonical()) {
        proxy::take_last_forwarded(request.headers_mut());
    }
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

    /// An event of a load balancer, as in AWS's documentation. The load balancer writes the
    /// address of its connection last.
    const BALANCER: &str = r#"{
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1"}},
        "httpMethod": "POST", "path": "/login", "queryStringParameters": {},
        "headers": {"host": "lb.example", "x-forwarded-for": "203.0.113.9, 192.0.2.1"},
        "body": "{}", "isBase64Encoded": false
    }"#;

    #[test]
    fn the_address_is_that_of_the_gateways_connection_and_not_what_the_caller_says() {
        let forged = HTTP_API.replace(r#""host":"#, r#""x-forwarded-for": "203.0.113.9", "host":"#);
        for event in [HTTP_API, &forged, BALANCER] {
            let request = with_gateway(lambda_http::request::from_str(event).unwrap());
            assert_eq!(request.extensions().get(), Some(&PeerAddr("192.0.2.1".parse().unwrap())), "{event}");
        }
    }

    #[test]
    fn the_hop_of_the_gateway_leaves_the_header_and_what_its_caller_sent_stays() {
        let sent = |forwarded: &str| {
            let event = HTTP_API.replace(r#""host":"#, &format!(r#""x-forwarded-for": "{forwarded}", "host":"#));
            let request = with_gateway(lambda_http::request::from_str(&event).unwrap());
            request.headers().get("x-forwarded-for").map(|left| left.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        assert_eq!(sent("203.0.113.9, 198.51.100.7, 192.0.2.1"), "203.0.113.9, 198.51.100.7");
        assert_eq!(sent("203.0.113.9"), "203.0.113.9");
        assert_eq!(sent("192.0.2.1"), "");
    }

    #[test]
    fn api_gateway_speaks_tls_and_a_load_balancer_says_whether_it_does() {
        let with =
            |scheme: &str| BALANCER.replace(r#""host":"#, &format!(r#""x-forwarded-proto": "{scheme}", "host":"#));
        for (event, tls) in [(HTTP_API, true), (&with("https"), true), (&with("http"), false), (BALANCER, false)] {
            let request = with_gateway(lambda_http::request::from_str(event).unwrap());
            assert_eq!(request.extensions().get::<OverTls>().is_some(), tls, "{event}");
        }
    }

    #[test]
    fn the_domain_is_the_gateways_own_and_not_the_callers() {
        let request = with_gateway(lambda_http::request::from_str(HTTP_API).unwrap());
        let GatewayDomain(domain) = request.extensions().get().unwrap();
        assert_eq!(domain, "id.execute-api.us-east-1.amazonaws.com");
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/login"));
    }

    #[test]
    fn an_answer_comes_half_a_second_before_the_deadline_if_there_is_one() {
        let left = |deadline: u64, now: i64| {
            let mut context = lambda_http::Context::default();
            context.deadline = deadline;
            let request = lambda_http::request::from_str(HTTP_API).unwrap().with_lambda_context(context);
            let request = with_time_left(request, Timestamp::from_milliseconds(now));
            request.extensions().get().map(|TimeLeft(left)| left.as_millis())
        };
        assert_eq!(left(1_773_119_793_390, 1_773_119_783_390), Some(9_500));
        assert_eq!(left(1_773_119_783_490, 1_773_119_783_390), Some(0));
        assert_eq!(left(600_000, 1_773_119_783_390), None);
        assert_eq!(left(u64::MAX, 1_773_119_783_390), None);
    }

    #[tokio::test]
    async fn an_event_that_makes_no_url_is_answered_as_one_that_cannot_be_read() {
        let service = crate::testing::Service::configured(Router::new(), &[]).await;
        let event = HTTP_API.replace("evil.example", "evil.example:99999");
        let event = LambdaEvent::new(serde_json::from_str(&event).unwrap(), lambda_http::Context::default());
        let answer = handler(Router::new(), service.app().clone()).call(event).await.unwrap();
        let answer = serde_json::to_value(answer).unwrap();
        let body: serde_json::Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!((&answer["statusCode"], &body["code"]), (&400.into(), &"invalid_request".into()));
    }
}
