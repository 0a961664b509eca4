//! Credentials of AWS for a process on Cloud Run, which has none of its own: Google's metadata server gives it a token that says who
//! it is, and AWS gives credentials of a role for it. No secret is kept anywhere.

use std::{sync::Arc, time::Duration};

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, error::CredentialsError, future},
};
use aws_sdk_sts::Client;
use axum::http::{HeaderMap, Request, Uri, header};
use shared::{
    config::Federation,
    error::chain,
    fetch::{Fetched, Fetcher},
};
use tokio::{sync::Mutex, time::Instant};
use tracing::Instrument;
use zeroize::Zeroizing;

/// For whom a token is, so that whoever else is shown one can do nothing with it here, and AWS takes no other.
const AUDIENCE: &str = "sts.amazonaws.com";
/// The session's name in the records of AWS, which tell the service account beside it.
const SESSION: &str = "latchkey";
/// The header by which a request says that it means this server, and by which an answer says that it is from it: no page that a
/// browser was lured to can set it, and no other server behind the name does
/// (<https://cloud.google.com/compute/docs/metadata/querying-metadata>).
const FLAVOR: (&str, &str) = ("metadata-flavor", "Google");
/// Google's tokens have about a tenth of that; AWS takes no longer one (AssumeRoleWithWebIdentity, WebIdentityToken).
const TOKEN_BYTES_MAX: usize = 20_000;

/// How long STS is tried, so that who waits for it hears of that before a call to AWS is given up.
const STS_TIME_MAX: Duration = Duration::from_secs(2);
/// For how long credentials are handed out again: the SDK asks within the time of one attempt, and a first asking that took longer
/// than that is over when the next attempt begins.
const FRESH: Duration = Duration::from_millis(500);

/// Asks Google who this is, and AWS for credentials of its role. The SDK keeps them, and asks again shortly before their end.
#[derive(Clone, Debug)]
pub struct GoogleIdentity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    metadata: Metadata,
    role: String,
    sts: Client,
    /// What the last asking came to, and when.
    last: Mutex<Option<(Instant, Result<Credentials, String>)>>,
}

impl GoogleIdentity {
    /// Nothing is asked yet. `aws` tells where AWS is, and how long one attempt may take.
    ///
    /// # Errors
    ///
    /// A sentence: the system has no root certificates, or the metadata server's address is none.
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
        let sts = Client::from_conf(config.build());
        Ok(Self(Arc::new(Inner { metadata, role: federation.role.clone(), sts, last: Mutex::default() })))
    }

    /// In a task of its own: the SDK gives an attempt up that takes too long, and what it asked for goes on, for the next one.
    async fn credentials(&self) -> provider::Result {
        let (inner, asked) = (Arc::clone(&self.0), Instant::now());
        let asking = tokio::spawn(async move { inner.shared(asked).await }.in_current_span());
        let outcome = asking.await.map_err(|error| failed(error.to_string()))?;
        outcome.map_err(failed)
    }
}

impl Inner {
    /// Of several who ask at once, one does, and all hear what it came to.
    async fn shared(&self, asked: Instant) -> Result<Credentials, String> {
        let mut last = self.last.lock().await;
        if let Some((ended, outcome)) = &*last
            && (*ended > asked || outcome.is_ok() && ended.elapsed() < FRESH)
        {
            return outcome.clone();
        }
        let outcome = self.load().await;
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }

    async fn load(&self) -> Result<Credentials, String> {
        let token = self.metadata.token().await;
        let token = token.map_err(|why| format!("Google's metadata server {} {why}", self.metadata.uri))?;
        let request = self.sts.assume_role_with_web_identity().role_arn(&self.role).role_session_name(SESSION);
        let answer = request.web_identity_token(token.as_str()).send().await;
        let answer = answer.map_err(|error| {
            let refused = error.as_service_error().is_some();
            let what = if refused { "AWS does not let this service account be" } else { "AWS STS did not answer for" };
            format!("{what} {}: {}", self.role, chain(&error))
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
        future::ProvideCredentials::new(self.credentials())
    }
}

fn failed(why: impl Into<String>) -> CredentialsError {
    CredentialsError::provider_error(why.into())
}

/// Google's metadata server, which only processes on this instance reach.
struct Metadata {
    fetcher: Fetcher,
    uri: Uri,
}

impl Metadata {
    /// A token of the service account that the process runs as.
    async fn token(&self) -> Result<Zeroizing<String>, String> {
        let (name, value) = FLAVOR;
        let request = Request::builder().uri(&self.uri).header(name, value).header(header::ACCEPT, "*/*");
        let request = request.body(()).map_err(|error| error.to_string())?;
        let Fetched { status, headers, body } = self.fetcher.send(request).await?;
        if !status.is_success() || !is_googles(&headers) {
            return Err(format!("gave no token but status {status}: does the service run as a service account?"));
        }
        let text = std::str::from_utf8(&body).unwrap_or_default().trim();
        let is_token = text.len() <= TOKEN_BYTES_MAX
            && text.split('.').count() == 3
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if is_token { Ok(Zeroizing::new(text.to_owned())) } else { Err("gave something that is no token".to_owned()) }
    }
}

fn is_googles(headers: &HeaderMap) -> bool {
    let (name, value) = FLAVOR;
    headers.get(name).is_some_and(|flavor| flavor.as_bytes() == value.as_bytes())
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Metadata({})", self.uri)
    }
}
