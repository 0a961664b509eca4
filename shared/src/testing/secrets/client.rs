//! The emulator as the backend of an AWS SDK client, with faults.

use std::{
    collections::BTreeSet,
    fmt, future, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use tokio::time;

use super::{Secrets, error};

/// Secrets as the backend of an AWS SDK client. Clones share the secrets.
#[derive(Clone)]
pub struct SecretsManager {
    state: Arc<Mutex<State>>,
}

struct State {
    secrets: Secrets,
    calls: Vec<String>,
    /// The calls by operation and secret.
    used: BTreeSet<(String, String)>,
    fault: Option<Fault>,
    /// The operation whose next answer is lost.
    loses: Option<&'static str>,
}

/// A fault of all calls. Only a slow call changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No answer comes.
    Hangs,
    /// The connection is refused.
    Refused,
    /// 400 ThrottlingException.
    Throttled,
    /// 500 InternalServiceError.
    Broken,
    /// 400 AccessDeniedException.
    Denied,
    /// 200 with a page of HTML.
    Garbled,
    /// The call is applied at once and answered after this time.
    Slow(Duration),
}

impl SecretsManager {
    /// A Secrets Manager with these secrets.
    pub fn new(secrets: Secrets) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                secrets,
                calls: Vec::new(),
                used: BTreeSet::new(),
                fault: None,
                loses: None,
            })),
        }
    }

    /// A client of this Secrets Manager. Calls are tried again as on AWS. The client sets no
    /// time-out, so that one load is one call.
    pub fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            // The SDK signs its calls even if no signature is checked.
            .credentials_provider(Credentials::new("testing", "testing", None, None, "testing"))
            .retry_config(crate::aws::retries())
            .http_client(self.clone());
        Client::from_conf(config.build())
    }

    /// Reads or changes the secrets.
    pub fn with<R>(&self, change: impl FnOnce(&mut Secrets) -> R) -> R {
        change(&mut self.state().secrets)
    }

    /// The calls since the last call of this method, by operation. Each attempt counts.
    pub fn calls(&self) -> Vec<String> {
        mem::take(&mut self.state().calls)
    }

    /// Every operation that was called, with the name of the secret as the caller gave it.
    pub fn used(&self) -> BTreeSet<(String, String)> {
        self.state().used.clone()
    }

    /// Sets the fault of all calls from now on; `None` ends it.
    pub fn fares(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// Loses the answer to the next call of this operation. The call is applied.
    pub fn loses_answer(&self, operation: &'static str) {
        self.state().loses = Some(operation);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for SecretsManager {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for SecretsManager {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let mut state = self.state();
        state.calls.push(operation.to_owned());
        let asked: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let secret = asked["SecretId"].as_str().unwrap_or_default().to_owned();
        state.used.insert((operation.to_owned(), secret));
        let fault = state.fault;
        let (status, body) = match fault {
            Some(Fault::Hangs) => return HttpConnectorFuture::new(future::pending()),
            Some(Fault::Refused) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::io("connection refused".into())));
            }
            Some(Fault::Throttled) => (400, error("ThrottlingException", "Rate exceeded")),
            Some(Fault::Broken) => (500, error("InternalServiceError", "An error occurred on the server side.")),
            Some(Fault::Denied) => (400, error("AccessDeniedException", "This role is not authorized.")),
            Some(Fault::Garbled) => (200, "<html><body>It works!</body></html>".to_owned()),
            Some(Fault::Slow(_)) | None => state.secrets.call(operation, request.body().bytes().unwrap_or_default()),
        };
        if state.loses == Some(operation) {
            state.loses = None;
            return HttpConnectorFuture::ready(Err(ConnectorError::io("connection reset".into())));
        }
        HttpConnectorFuture::new(async move {
            if let Some(Fault::Slow(time)) = fault {
                time::sleep(time).await;
            }
            let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.1");
            Ok(response)
        })
    }
}

impl fmt::Debug for SecretsManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretsManager")
    }
}
