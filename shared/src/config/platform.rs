//! The platform that the process runs on: Lambda, Cloud Run or a laptop.

use super::Environment;
use crate::aws::Identity;

/// Variables that tell where the process runs. The platform or a local tool sets them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Platform {
    /// Says that this is a Lambda function. Has no default. Accepts any text. Read from
    /// `AWS_LAMBDA_FUNCTION_NAME` on Lambda. Local tools that imitate Lambda set this variable too.
    pub on_lambda: bool,
    /// Says that this runs on Cloud Run. Has no default. Accepts any text. Read from `K_SERVICE` on
    /// Cloud Run.
    pub on_cloud_run: bool,
    /// The variable that proves a deployment. `None` on a laptop, where a tool may imitate Lambda.
    ///
    /// Says that `sam local` imitates Lambda. Has no default. Accepts `true`. Read from
    /// `AWS_SAM_LOCAL` on a laptop.
    ///
    /// Says that cargo-lambda imitates Lambda. Has no default. Accepts a URL on this machine. Read
    /// from `AWS_LAMBDA_RUNTIME_API` on a laptop. Lambda itself sets a host and a port without
    /// `http://`.
    pub deployed_by: Option<&'static str>,
}

impl Platform {
    /// Reads where the process runs. Nothing is refused here.
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

/// Reads the identity that Lambda gives a function. `None` elsewhere, where the SDK looks for one
/// in all its places, and beside `AWS_ACCOUNT_ID`, which the SDK adds to the credentials. All of
/// them are variables of the SDK, with the SDK's meaning.
pub(super) fn identity(env: &Environment) -> Option<Identity> {
    if !env.platform.on_lambda || env.text("AWS_ACCOUNT_ID").is_some() {
        return None;
    }
    Some(Identity {
        region: env.text("AWS_REGION")?,
        access_key_id: env.text("AWS_ACCESS_KEY_ID")?,
        secret_access_key: env.text("AWS_SECRET_ACCESS_KEY")?,
        session_token: env.text("AWS_SESSION_TOKEN"),
    })
}
