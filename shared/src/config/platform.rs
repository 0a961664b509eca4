//! Where the process runs.

use super::Environment;

/// Variables that a platform or a local tool sets itself, so that Latchkey knows where it runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Platform {
    /// Whether this is a Lambda function, be it on AWS or imitated by a local tool. `AWS_LAMBDA_FUNCTION_NAME`.
    pub on_lambda: bool,
    /// `K_SERVICE`: whether this runs on Cloud Run.
    pub on_cloud_run: bool,
    /// By which variable this runs on Lambda or Cloud Run, if it does. Local tools imitate Lambda: SAM says so, and cargo-lambda
    /// gives a URL for the address of the runtime, where Lambda gives a bare host and port.
    pub deployed_by: Option<&'static str>,
}

impl Platform {
    pub(super) fn read(env: &Environment) -> Self {
        let on_lambda = env.text("AWS_LAMBDA_FUNCTION_NAME").is_some();
        let on_cloud_run = env.text("K_SERVICE").is_some();
        let runtime = env.text("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
        let by_local_tool = env.text("AWS_SAM_LOCAL").is_some_and(|value| value == "true")
            || ["http://127.0.0.1:", "http://[::1]:"].iter().any(|local| runtime.starts_with(local));
        let deployed_by = match (on_lambda && !by_local_tool, on_cloud_run) {
            (true, _) => Some("AWS_LAMBDA_FUNCTION_NAME"),
            (false, true) => Some("K_SERVICE"),
            (false, false) => None,
        };
        Self { on_lambda, on_cloud_run, deployed_by }
    }
}
