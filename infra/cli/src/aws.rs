//! Clients of AWS for one process, all with the same credentials.

mod google;

use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_secretsmanager::Client as SecretsManager;
use google::GoogleIdentity;
use shared::{
    config::{Config, Federation},
    keys::KeySources,
};
use tokio::sync::OnceCell;

/// What clients are made of, found out when the first is: to look for a region and for credentials takes time where there are
/// none.
pub struct Aws {
    federation: Option<Federation>,
    found: OnceCell<SdkConfig>,
}

impl Aws {
    /// Nothing is looked for yet.
    pub fn of(config: &Config) -> Self {
        Self { federation: config.federation.clone(), found: OnceCell::new() }
    }

    /// A client for DynamoDB.
    ///
    /// # Errors
    ///
    /// A sentence: the system has no root certificates.
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

    /// The same, if any of `sources` is a secret.
    ///
    /// # Errors
    ///
    /// As [`Aws::dynamodb`].
    pub async fn secrets(&self, sources: &KeySources) -> Result<Option<SecretsManager>, String> {
        if sources.has_secrets() { self.secrets_manager().await.map(Some) } else { Ok(None) }
    }

    /// The SDK keeps what it found out by the credentials' provider, so that one provider is one set of credentials.
    async fn config(&self) -> Result<&SdkConfig, String> {
        self.found
            .get_or_try_init(|| async {
                let aws = shared::aws_config().await;
                let Some(federation) = &self.federation else { return Ok(aws) };
                let identity = GoogleIdentity::new(federation, &aws)?;
                let provider = SharedCredentialsProvider::new(identity);
                Ok(aws.into_builder().credentials_provider(provider).build())
            })
            .await
    }
}
