//! The AWS account, the region and the identity that the caller's environment names.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_types::error::display::DisplayErrorContext;

use crate::refusal::{HOW_TO_SIGN_IN, explain};

/// An upload of some megabytes over a slow line is slower than every other call.
const READ_SECONDS_MAX: u64 = 60;
const CONNECT_SECONDS_MAX: u64 = 5;
const ATTEMPTS_MAX: u32 = 4;

const NO_REGION: &str = "No region: set AWS_REGION to the place of your users' accounts, for instance to eu-central-1 \
     (Frankfurt) or us-east-1 (Virginia).";

/// The caller's identity, and clients for the account and region of the deployment.
pub struct Aws {
    /// The number of the account, twelve digits.
    pub account: String,
    /// The ARN of the caller.
    pub arn: String,
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// CloudFormation in this region.
    pub formation: aws_sdk_cloudformation::Client,
    /// S3 in this region.
    pub s3: aws_sdk_s3::Client,
    /// Secrets Manager in this region.
    pub secrets: aws_sdk_secretsmanager::Client,
}

impl Aws {
    /// Finds the credentials and the region, and asks AWS who the caller is.
    ///
    /// # Errors
    ///
    /// A sentence: there is no region or there are no credentials, AWS rejects them, or AWS cannot
    /// be reached.
    pub async fn connect() -> Result<Self, String> {
        let config = load().await;
        let region = config.region().map(ToString::to_string).filter(|region| !region.is_empty()).ok_or(NO_REGION)?;
        let provider = config.credentials_provider().ok_or_else(|| format!("No AWS credentials. {HOW_TO_SIGN_IN}"))?;
        if let Err(error) = provider.provide_credentials().await {
            return Err(format!("No AWS credentials ({}). {HOW_TO_SIGN_IN}", DisplayErrorContext(&error)));
        }
        let sts = aws_sdk_sts::Client::new(&config);
        let caller = sts.get_caller_identity().send().await.map_err(|error| explain(&error))?;
        Ok(Self {
            account: caller.account.unwrap_or_default(),
            arn: caller.arn.unwrap_or_default(),
            region,
            formation: aws_sdk_cloudformation::Client::new(&config),
            s3: aws_sdk_s3::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
        })
    }
}

async fn load() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .read_timeout(Duration::from_secs(READ_SECONDS_MAX));
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
        .load()
        .await
}
