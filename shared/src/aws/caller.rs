//! Requests to AWS that no client of the SDK sends, signed by Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use http::{Request, Uri, header};

use crate::{error::chain, fetch::Leased, time::Timestamp};

/// The time before their end at which credentials are renewed, as in the SDK.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);
/// The time for which credentials without an end are kept. Their source may get others.
const KEPT: Duration = Duration::from_secs(300);

/// The identity of the process at AWS, and the endpoints of its region. Cloning shares it.
#[derive(Clone)]
pub struct AwsCaller(Arc<Inner>);

struct Inner {
    region: String,
    provider: SharedCredentialsProvider,
    credentials: Leased<Credentials>,
    /// The endpoint of KMS, if the SDK's variables name one.
    kms: Option<String>,
}

impl AwsCaller {
    /// The identity and the region of this configuration. `None` without a region or a source of
    /// credentials. Nothing is looked up yet.
    pub fn of(aws: &SdkConfig) -> Option<Self> {
        let region = aws.region()?.as_ref().to_owned();
        let provider = aws.credentials_provider()?;
        let key = ServiceConfigKey::builder().service_id("KMS").env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let named = aws.service_config().zip(key.build().ok()).and_then(|(config, key)| config.load_config(key));
        let kms = named.or_else(|| aws.endpoint_url().map(str::to_owned));
        Some(Self(Arc::new(Inner { region, provider, credentials: Leased::default(), kms })))
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// The URL of KMS in a region.
    ///
    /// # Errors
    ///
    /// A phrase for the log: the variable with the endpoint is no URL.
    pub fn kms(&self, region: &str) -> Result<Uri, String> {
        let default = || format!("https://kms.{region}.{}/", domain(region));
        let url = self.0.kms.clone().unwrap_or_else(default);
        url.parse().map_err(|_| "AWS_ENDPOINT_URL_KMS is no URL".to_owned())
    }

    /// Signs a request to a service. The request then has the headers `host`, `x-amz-date`,
    /// `authorization` and, with a session, `x-amz-security-token`. Its other headers are signed
    /// too.
    ///
    /// # Errors
    ///
    /// A phrase for the log: no credentials are to be had, or the request cannot be signed.
    pub async fn sign(
        &self,
        request: &mut Request<Bytes>,
        service: &str,
        region: &str,
        now: Timestamp,
    ) -> Result<(), String> {
        let credentials = self.credentials(now).await?;
        let host = request.uri().authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        request.headers_mut().insert(header::HOST, host.parse().map_err(|_| "the host of AWS is none")?);
        let milliseconds = u64::try_from(now.milliseconds()).unwrap_or_default();
        let identity = (*credentials).clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service)
            .time(UNIX_EPOCH + Duration::from_millis(milliseconds))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let instructions = {
            let headers = request.headers().iter();
            let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
            let (method, uri) = (request.method().as_str(), request.uri().to_string());
            let signable = SignableRequest::new(method, uri, headers, SignableBody::Bytes(request.body()));
            let signed = signable.and_then(|signable| sign(signable, &params));
            signed.map_err(|error| chain(&error))?.into_parts().0
        };
        instructions.apply_to_request_http1x(request);
        Ok(())
    }

    async fn credentials(&self, now: Timestamp) -> Result<Arc<Credentials>, String> {
        let ask = async {
            let credentials = self.0.provider.provide_credentials().await;
            let credentials = credentials.map_err(|error| format!("AWS gives no credentials: {}", chain(&error)))?;
            let life = credentials.expiry().map_or(KEPT, |expiry| life(expiry, now));
            Ok((credentials, life))
        };
        self.0.credentials.get(now, |_| true, ask).await
    }
}

/// The time for which credentials with this end are kept.
fn life(expiry: SystemTime, now: Timestamp) -> Duration {
    let left = Timestamp::from(expiry).milliseconds() - now.milliseconds();
    Duration::from_millis(u64::try_from(left).unwrap_or_default()).saturating_sub(RENEWED_BEFORE)
}

/// The domain of AWS in the partition of a region.
fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

impl fmt::Debug for AwsCaller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AwsCaller in {}", self.0.region)
    }
}
