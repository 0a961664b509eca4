//! Clients of AWS for one process. All of them share one set of credentials.

mod google;

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_secretsmanager::Client as SecretsManager;
use aws_sdk_sesv2::Client as Ses;
use google::GoogleIdentity;
use shared::{
    AwsCaller,
    config::{Config, Federation},
    keys::{KeySources, Keys},
};
use tokio::sync::OnceCell;

/// Makes clients of AWS. The region and the credentials are looked up for the first client only,
/// because the look-up is slow on a machine that has none.
pub struct Aws {
    federation: Option<Federation>,
    config: OnceCell<SdkConfig>,
}

impl Aws {
    /// Looks nothing up yet.
    pub fn of(config: &Config) -> Self {
        Self { federation: config.federation.clone(), config: OnceCell::new() }
    }

    /// A client for DynamoDB.
    ///
    /// # Errors
    ///
    /// A sentence for people: the system has no root certificates.
    pub async fn dynamodb(&self) -> Result<DynamoDb, String> {
        Ok(shared::dynamodb_client(self.config().await?))
    }

    /// A client for Secrets Manager.
    ///
    /// # Errors
    ///
    /// As [`Aws::dynamodb`].
    pub async fn secrets_manager(&self) -> Result<SecretsManager, String> {
        Ok(shared::secrets_manager_client(self.config().await?))
    }

    /// A client for SES.
    ///
    /// # Errors
    ///
    /// As [`Aws::dynamodb`].
    pub async fn ses(&self) -> Result<Ses, String> {
        Ok(Ses::new(self.config().await?))
    }

    /// The keys from `sources`, with a client for Secrets Manager if one of them is a secret there.
    ///
    /// # Errors
    ///
    /// As [`Aws::dynamodb`].
    pub async fn keys(&self, mut sources: KeySources) -> Result<Keys, String> {
        let secrets = if sources.has_secrets() { Some(self.secrets_manager().await?) } else { None };
        if sources.calls_aws() {
            sources.aws = self.caller().await?;
        }
        Ok(Keys::new(secrets, sources))
    }

    /// The identity of this process, for calls that no client of the SDK makes. `None` without
    /// credentials or a region.
    ///
    /// # Errors
    ///
    /// As [`Aws::dynamodb`].
    pub async fn caller(&self) -> Result<Option<AwsCaller>, String> {
        Ok(AwsCaller::of(self.config().await?))
    }

    /// The configuration of all clients. The SDK caches credentials by provider, so one provider
    /// means one set of credentials.
    async fn config(&self) -> Result<&SdkConfig, String> {
        self.config
            .get_or_try_init(|| async {
                let aws = shared::aws_config(None).await;
                let Some(federation) = &self.federation else { return Ok(aws) };
                let identity = GoogleIdentity::new(federation, &aws)?;
                let provider = SharedCredentialsProvider::new(identity);
                let timeouts = without_attempt_limit(&aws);
                Ok(aws.into_builder().timeout_config(timeouts).credentials_provider(provider).build())
            })
            .await
    }
}

/// Limits the wait for an answer in place of the whole attempt. The SDK loads credentials within
/// an attempt, and Google and STS together may take longer than the attempt's limit. The SDK would
/// then drop the load and begin it again, without end.
fn without_attempt_limit(aws: &SdkConfig) -> TimeoutConfig {
    let timeouts = aws.timeout_config();
    let mut builder = timeouts.map(TimeoutConfig::to_builder).unwrap_or_default();
    builder.set_read_timeout(timeouts.and_then(TimeoutConfig::operation_attempt_timeout));
    builder.disable_operation_attempt_timeout().build()
}
