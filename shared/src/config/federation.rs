//! As whom a process on Cloud Run asks AWS.

use http::uri::Authority;

use super::Environment;

/// The metadata server of Cloud Run, as its container contract names it.
const METADATA_HOST: &str = "metadata.google.internal";

/// The role that a process on Cloud Run takes at AWS, where nobody gave it other credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federation {
    /// `AWS_ROLE_ARN`: the role.
    pub role: String,
    /// `GCE_METADATA_HOST`, `metadata.google.internal`: who tells this process's identity, as Google's own libraries call it.
    pub metadata_host: Authority,
}

impl Federation {
    /// None elsewhere than on Cloud Run, and where AWS's own variables name a token file, which the SDK reads by itself.
    pub(super) fn read(env: &mut Environment) -> Option<Self> {
        if !env.platform.on_cloud_run {
            return None;
        }
        let role = env.text("AWS_ROLE_ARN").filter(|_| env.text("AWS_WEB_IDENTITY_TOKEN_FILE").is_none())?;
        if !role.starts_with("arn:") || !role.contains(":role/") {
            env.refuse("AWS_ROLE_ARN", "must be the ARN of a role, such as arn:aws:iam::123456789012:role/latchkey");
        }
        if env.text("AWS_REGION").or_else(|| env.text("AWS_DEFAULT_REGION")).is_none() {
            env.refuse("AWS_REGION", "is required with AWS_ROLE_ARN: where the table is");
        }
        let host = env.text("GCE_METADATA_HOST").unwrap_or_else(|| METADATA_HOST.to_owned());
        match host.parse() {
            Ok(metadata_host) => Some(Self { role, metadata_host }),
            Err(_) => {
                env.refuse("GCE_METADATA_HOST", "must be a host, or a host and a port, without http://");
                None
            }
        }
    }
}
