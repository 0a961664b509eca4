//! Clients of AWS, with limits for a person who waits.

mod caller;
mod connector;

use std::{fmt, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Credentials, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use tokio::time::Instant;

pub use caller::AwsCaller;

use crate::telemetry::metrics::{self, STORE_MS};

/// The region and the credentials that the platform has put into the environment. The SDK would
/// find the same ones, after it has built every other way to credentials.
#[derive(Clone)]
pub struct Identity {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "credentials for {}", self.region)
    }
}

/// The SDK's configuration for a person who waits. A call is tried again, and a call that hangs is
/// given up within seconds. Without an identity the SDK looks for one in all its places.
pub async fn aws_config(identity: Option<&Identity>) -> SdkConfig {
    let defaults = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(connector::Https::new());
    let defaults = defaults.timeout_config(timeouts()).retry_config(retries());
    let Some(identity) = identity.cloned() else { return defaults.load().await };
    let Identity { region, access_key_id, secret_access_key, session_token } = identity;
    let credentials = Credentials::new(access_key_id, secret_access_key, session_token, None, "environment");
    defaults.region(Region::new(region)).credentials_provider(credentials).load().await
}

/// The limits on the time of a call to AWS.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(1_500))
        .operation_timeout(Duration::from_secs(4))
        .build()
}

/// The number of attempts of a call to AWS.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50))
}

/// A client for DynamoDB that measures the time of its calls.
pub fn dynamodb_client(aws: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(aws).interceptor(Stopwatch);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// Records the time of each call, from its arguments to its answer, all attempts included.
#[derive(Debug)]
struct Stopwatch;

#[derive(Debug)]
struct Began(Instant);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Stopwatch {
    fn name(&self) -> &'static str {
        "Stopwatch"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        call: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        call.interceptor_state().store_put(Began(Instant::now()));
        Ok(())
    }

    fn read_after_execution(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        call: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Began(began)) = call.load::<Began>() {
            metrics::record(STORE_MS, began.elapsed());
        }
        Ok(())
    }
}

/// A client for Secrets Manager.
pub fn secrets_manager_client(aws: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(aws)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use aws_credential_types::provider::future;
    use aws_sdk_dynamodb::{Client, config::ProvideCredentials};
    use aws_sdk_secretsmanager::config::Config as SecretsManagerConfig;

    use super::*;
    use crate::{
        store::embedded::Embedded,
        testing::{Fault, Secrets, SecretsManager},
    };

    /// The limit within which a call is given up, on the paused clock. Timers tick once in a
    /// millisecond.
    const GIVEN_UP_MAX: Duration = Duration::from_millis(4_001);

    /// Credentials that never arrive.
    #[derive(Debug)]
    struct Never;

    impl ProvideCredentials for Never {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(pending())
        }
    }

    #[tokio::test]
    async fn a_given_identity_is_the_one_of_every_client() {
        let identity = Identity {
            region: "eu-west-1".to_owned(),
            access_key_id: "id".to_owned(),
            secret_access_key: "key".to_owned(),
            session_token: Some("token".to_owned()),
        };
        let aws = aws_config(Some(&identity)).await;
        assert_eq!(aws.region().map(Region::as_ref), Some("eu-west-1"));
        let credentials = aws.credentials_provider().unwrap().provide_credentials().await.unwrap();
        let found = (credentials.access_key_id(), credentials.secret_access_key(), credentials.session_token());
        assert_eq!(found, ("id", "key", Some("token")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_answer_never_comes_is_given_up_in_time() {
        let manager = SecretsManager::new(Secrets::default());
        manager.fares(Some(Fault::Hangs));
        let call = manager.client().get_secret_value().secret_id("keys").customize();
        let began = Instant::now();
        call.config_override(SecretsManagerConfig::builder().timeout_config(timeouts())).send().await.unwrap_err();
        assert!(began.elapsed() <= GIVEN_UP_MAX, "{:?}", began.elapsed());
        assert_eq!(manager.calls().len(), 3, "the call is tried again within the limit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_whose_credentials_never_come_is_given_up_in_time() {
        let config = Embedded::memory().unwrap().client_config().credentials_provider(Never);
        let client = Client::from_conf(config.timeout_config(timeouts()).retry_config(retries()).build());
        let began = Instant::now();
        client.list_tables().send().await.unwrap_err();
        assert!(began.elapsed() <= GIVEN_UP_MAX, "{:?}", began.elapsed());
    }
}
