//! AWS credentials for a process on Cloud Run, which holds no key of AWS. Google's metadata server
//! gives the process a token that names its service account. AWS STS exchanges the token for
//! credentials of a role. No secret is kept anywhere.
//!
//! The crate `google-cloud-auth` would bring a second HTTP client for the one request to the
//! metadata server.

use std::time::Duration;

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use aws_sdk_sts::Client;
use axum::http::{HeaderMap, Request, Uri, header};
use shared::{
    config::Federation,
    error::chain,
    fetch::{Fetched, Fetcher},
};
use zeroize::Zeroizing;

/// The audience of the token. AWS accepts no other, and nobody else can use the token.
const AUDIENCE: &str = "sts.amazonaws.com";
/// The session's name in the records of AWS. The records name the service account beside it.
const SESSION: &str = "latchkey";
/// The header that marks a request to the metadata server, and an answer from it. No page in a
/// browser can set the header, and no other server behind that name sends it
/// (<https://cloud.google.com/compute/docs/metadata/querying-metadata>).
const FLAVOR: (&str, &str) = ("metadata-flavor", "Google");
/// The longest token that AWS accepts (AssumeRoleWithWebIdentity, WebIdentityToken). Google's
/// tokens have about a tenth of that.
const TOKEN_BYTES_MAX: usize = 20_000;

/// The limit for STS with its retries. The caller then hears of a failure before its own call to
/// AWS is given up.
const STS_TIME_MAX: Duration = Duration::from_secs(2);

/// Asks Google for a token of this process, and AWS for credentials of its role. The SDK caches the
/// credentials, lets one call load them for all, and loads new ones shortly before their end.
#[derive(Debug)]
pub struct GoogleIdentity {
    metadata: Metadata,
    role: String,
    sts: Client,
}

impl GoogleIdentity {
    /// Asks nothing yet. `aws` has the region and endpoint of STS, and the limit of one attempt.
    ///
    /// # Errors
    ///
    /// A sentence for people: the system has no root certificates, or the address of the metadata
    /// server is wrong.
    pub fn new(federation: &Federation, aws: &SdkConfig) -> Result<Self, String> {
        let host = &federation.metadata_host;
        let uri = format!(
            "http://{host}/computeMetadata/v1/instance/service-accounts/default/identity?audience={AUDIENCE}&format=full"
        );
        let uri = uri.parse().map_err(|error| format!("GCE_METADATA_HOST: {error}."))?;
        let metadata = Metadata { fetcher: Fetcher::new()?, uri };
        let timeouts = aws.timeout_config().map(TimeoutConfig::to_builder).unwrap_or_default();
        let timeouts = timeouts.operation_timeout(STS_TIME_MAX).build();
        let config = aws_sdk_sts::config::Builder::from(aws).timeout_config(timeouts);
        Ok(Self { metadata, role: federation.role.clone(), sts: Client::from_conf(config.build()) })
    }

    async fn load(&self) -> Result<Credentials, String> {
        let token = self.metadata.token().await;
        let token = token.map_err(|why| format!("Google's metadata server {} {why}", self.metadata.uri))?;
        let request = self.sts.assume_role_with_web_identity().role_arn(&self.role).role_session_name(SESSION);
        let answer = request.web_identity_token(token.as_str()).send().await;
        let answer = answer.map_err(|error| {
            let refused = error.as_service_error().is_some();
            let failure =
                if refused { "AWS does not let this service account be" } else { "AWS STS did not answer for" };
            format!("{failure} {}: {}", self.role, chain(&error))
        })?;
        let given = answer.credentials.ok_or("AWS answered without credentials")?;
        let expiry = given.expiration.try_into().map_err(|_| "AWS gave credentials without an end")?;
        Ok(Credentials::builder()
            .access_key_id(given.access_key_id)
            .secret_access_key(given.secret_access_key)
            .session_token(given.session_token)
            .expiry(expiry)
            .provider_name("GoogleIdentity")
            .build())
    }
}

impl ProvideCredentials for GoogleIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.load().await.map_err(CredentialsError::provider_error) })
    }
}

/// Google's metadata server. Only processes on this instance can reach it.
struct Metadata {
    fetcher: Fetcher,
    uri: Uri,
}

impl Metadata {
    /// Fetches a token of the service account that the process runs as.
    async fn token(&self) -> Result<Zeroizing<String>, String> {
        let (name, value) = FLAVOR;
        let request = Request::builder().uri(&self.uri).header(name, value).header(header::ACCEPT, "*/*");
        let request = request.body(()).map_err(|error| error.to_string())?;
        let Fetched { status, headers, body } = self.fetcher.send(request).await?;
        if !status.is_success() || !is_from_google(&headers) {
            return Err(format!("gave no token but status {status}: does the service run as a service account?"));
        }
        let text = std::str::from_utf8(&body).unwrap_or_default().trim();
        let is_token = text.len() <= TOKEN_BYTES_MAX
            && text.split('.').count() == 3
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if is_token { Ok(Zeroizing::new(text.to_owned())) } else { Err("gave something that is no token".to_owned()) }
    }
}

fn is_from_google(headers: &HeaderMap) -> bool {
    let (name, value) = FLAVOR;
    headers.get(name).is_some_and(|flavor| flavor.as_bytes() == value.as_bytes())
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Metadata({})", self.uri)
    }
}
