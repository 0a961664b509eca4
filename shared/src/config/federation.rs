//! AWS credentials on Cloud Run: the role to assume with the Google identity.

use http::uri::Authority;

use super::Environment;

/// The metadata server of Cloud Run, from its container runtime contract.
const METADATA_HOST: &str = "metadata.google.internal";

/// The AWS role that a process on Cloud Run assumes by its Google identity. See
/// `infra/cloud-run/README.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federation {
    /// Names the role to assume. Has no default. Accepts the ARN of a role. Read from
    /// `AWS_ROLE_ARN` on Cloud Run.
    ///
    /// Names the region of the table. Has no default, and `AWS_ROLE_ARN` requires one. Accepts a
    /// region. Read from `AWS_REGION` on Cloud Run.
    ///
    /// Names the region if `AWS_REGION` does not. Has no default. Accepts a region. Read from
    /// `AWS_DEFAULT_REGION` on Cloud Run.
    ///
    /// Names a file with an identity token. Has no default. Accepts a path. Read from
    /// `AWS_WEB_IDENTITY_TOKEN_FILE` on Cloud Run. With this file the SDK assumes the role by
    /// itself, and the metadata server is not asked.
    pub role: String,
    /// Names the metadata server, which tells the Google identity of the process. Defaults to
    /// `metadata.google.internal`. Accepts a host, or a host and a port. Read from
    /// `GCE_METADATA_HOST` on Cloud Run. Google's own libraries use the same variable.
    pub metadata_host: Authority,
}

impl Federation {
    /// `None` if this is not Cloud Run, no role is named, or the SDK assumes the role by itself.
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
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            if env.text(name).is_some_and(|region| !is_region(&region)) {
                env.refuse(name, "must be the code of a region, such as eu-central-1, and not a place or a zone");
            }
        }
        metadata_host(env).map(|metadata_host| Self { role, metadata_host })
    }
}

/// The metadata server. `None` after a refusal.
pub(super) fn metadata_host(env: &mut Environment) -> Option<Authority> {
    let host = env.text("GCE_METADATA_HOST").unwrap_or_else(|| METADATA_HOST.to_owned());
    let parsed = host.parse();
    if parsed.is_err() {
        env.refuse("GCE_METADATA_HOST", "must be a host, or a host and a port, without http://");
    }
    parsed.ok()
}

/// Whether a text has the form of a region: words and a number, such as `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let Some((number, words)) = parts.split_last() else { return false };
    words.len() >= 2
        && words.iter().all(letters)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
