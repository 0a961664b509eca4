//! The invocations of a function: their log keys, named as in Powertools for AWS Lambda, and their
//! metrics.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use lambda_http::{Context, LambdaEvent, Service, lambda_runtime};
use tracing::{Instrument, Span};

use crate::telemetry::metrics::{self, Metrics};

/// Watches the invocations of one process. Clones share one state.
#[derive(Clone)]
pub(super) struct Observer(Arc<Inner>);

struct Inner {
    metrics: Option<Metrics>,
    was_invoked: AtomicBool,
}

impl Observer {
    /// An observer of the function `service`, whose metrics are in `namespace`.
    pub(super) fn start(service: &'static str, namespace: &str) -> Self {
        let metrics = Metrics::start(service, namespace)
            .inspect_err(|cause| tracing::error!(cause, "nothing is counted for CloudWatch"))
            .ok();
        Self(Arc::new(Inner { metrics, was_invoked: AtomicBool::new(false) }))
    }

    /// Wraps the service, so that each of its invocations is watched.
    pub(super) fn watch<E, S>(
        self,
        service: S,
    ) -> impl Service<LambdaEvent<E>, Response = S::Response, Error = S::Error, Future: Send> + Clone + Send
    where
        E: Send + 'static,
        S: Service<LambdaEvent<E>, Response: Send, Error: Send, Future: Send> + Clone + Send + 'static,
    {
        lambda_runtime::service_fn(move |event: LambdaEvent<E>| {
            let (observer, mut service, context) = (self.clone(), service.clone(), event.context.clone());
            let invocation = observer.begin(&context);
            // The box hides the type, which nests too deep for the compiler.
            let answer: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(async move { service.call(event).await });
            async move {
                let answer = answer.instrument(invocation.clone()).await;
                invocation.in_scope(|| observer.end(&context));
                answer
            }
        })
    }

    fn begin(&self, context: &Context) -> Span {
        let cold_start = !self.0.was_invoked.swap(true, Ordering::Relaxed);
        if cold_start {
            metrics::count_cold_start();
        }
        // A span of the highest level puts its keys on the lines of every level.
        tracing::error_span!(
            "invocation",
            cold_start,
            function_name = context.env_config.function_name,
            function_memory_size = context.env_config.memory,
            function_arn = context.invoked_function_arn,
            function_request_id = context.request_id,
            xray_trace_id = context.xray_trace_id.as_deref().map(root),
        )
    }

    /// Writes the metrics before Lambda gets the answer. Afterwards the process may be frozen at
    /// once.
    fn end(&self, context: &Context) {
        if let Some(metrics) = self.0.metrics {
            let written = metrics.write(&context.request_id, io::stdout().lock());
            let _ = written.inspect_err(|error| tracing::error!(cause = %error, "metrics cannot be written"));
        }
    }
}

/// The id of the trace, from a header such as
/// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
fn root(header: &str) -> &str {
    header.split(';').find_map(|part| part.trim().strip_prefix("Root=")).unwrap_or(header)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use serde_json::json;

    use super::*;
    use crate::telemetry::log::{LogFormat, kept::Log};

    #[tokio::test]
    async fn each_line_of_an_invocation_says_by_powertools_names_which_it_is_of() {
        let observer = Observer(Arc::new(Inner { metrics: None, was_invoked: AtomicBool::new(false) }));
        let speaking = |_: LambdaEvent<()>| async {
            tracing::warn!("inside");
            Ok::<_, Infallible>(())
        };
        let mut service = observer.watch(lambda_runtime::service_fn(speaking));
        let mut context = Context::default();
        context.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned();
        context.invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:login".to_owned();
        context.xray_trace_id = Some("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1".to_owned());
        let log = Log::start(LogFormat::Elsewhere);
        for _ in 0..2 {
            service.call(LambdaEvent::new((), context.clone())).await.unwrap();
        }
        let lines = log.read();
        let [first, second] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((&first["cold_start"], &second["cold_start"]), (&json!(true), &json!(false)));
        for (key, value) in [
            ("message", "inside"),
            ("function_request_id", &context.request_id),
            ("function_arn", &context.invoked_function_arn),
            ("function_name", ""),
            ("xray_trace_id", "1-5759e988-bd862e3fe1be46a994272793"),
        ] {
            assert_eq!(first[key], value, "{key}");
        }
        assert_eq!(first["function_memory_size"], 0);
    }

    #[test]
    fn a_trace_is_named_by_its_root() {
        let id = "1-5759e988-bd862e3fe1be46a994272793";
        assert_eq!(root(&format!("Root={id};Parent=53995c3f42cd8ad8;Sampled=1")), id);
        assert_eq!(root(&format!("Sampled=0; Root={id}")), id);
        assert_eq!(root(id), id);
    }
}
