//! Secrets Manager, as moto imitates it, and the rotations that it starts.

use std::{collections::BTreeMap, slice, sync::Arc};

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::{
    latchkey::Variables,
    process::{self, Child},
    tokens,
};

const START_MS: i64 = 60_000;
const REGION: &str = "us-east-1";
const CREDENTIALS: &str = "test";
const ROTATION_FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate-keys";

/// The label of the version in force.
pub const CURRENT: &str = "AWSCURRENT";
/// The label of the version that was in force before.
pub const PREVIOUS: &str = "AWSPREVIOUS";
/// The label of the version that a rotation is making.
pub const PENDING: &str = "AWSPENDING";
/// The steps of a rotation, in their order.
pub const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
/// A key set without a key.
pub const EMPTY: &str = r#"{"keys":[]}"#;

/// A running Secrets Manager.
pub struct SecretsManager {
    client: Client,
    url: String,
    _process: Child,
}

impl SecretsManager {
    /// Starts a server without a secret.
    pub async fn start() -> Arc<Self> {
        let [port] = process::free_ports();
        let mut command = process::command(process::tool("bin/moto_server"));
        let process = Child::start("moto_server", command.args(["-H", "127.0.0.1", "-p", &port.to_string()]));
        process.listens(port, START_MS).await;
        let url = format!("http://127.0.0.1:{port}");
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(CREDENTIALS, CREDENTIALS, None, None, "walks"))
            .endpoint_url(&url);
        Arc::new(Self { client: Client::from_conf(config.build()), url, _process: process })
    }

    /// The address of the server, which imitates other services of AWS too.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The variables by which a program finds the server.
    pub fn variables(&self) -> Variables {
        Variables::from([
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.url.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", CREDENTIALS.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIALS.to_owned()),
        ])
    }

    /// Creates a secret, with the value if one is given.
    pub async fn create(&self, id: &str, value: Option<&str>) {
        let made = self.client.create_secret().name(id).set_secret_string(value.map(str::to_owned));
        made.send().await.unwrap_or_else(|error| panic!("{id} is not made: {error:?}"));
    }

    /// The value of the version with this label.
    pub async fn labelled_value(&self, id: &str, label: &str) -> String {
        let read = self.client.get_secret_value().secret_id(id).version_stage(label).send().await;
        read.expect("a version of this label").secret_string.expect("a text")
    }

    /// The value of a version.
    pub async fn value(&self, id: &str, version: &str) -> String {
        let read = self.client.get_secret_value().secret_id(id).version_id(version).send().await;
        read.expect("a version of this id").secret_string.expect("a text")
    }

    /// The versions that each label is on.
    pub async fn labels(&self, id: &str) -> BTreeMap<String, Vec<String>> {
        let described = self.client.describe_secret().secret_id(id).send().await.expect("a description");
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (version, labels) in described.version_ids_to_stages.unwrap_or_default() {
            for label in labels {
                found.entry(label).or_default().push(version.clone());
            }
        }
        found
    }

    async fn unlabel(&self, id: &str, label: &str, version: &str) {
        let moved = self.client.update_secret_version_stage().secret_id(id).version_stage(label);
        moved.remove_from_version_id(version).send().await.expect("the label was on this version");
    }
}

/// Invokes the rotation function with an event. An error is the cause that the function gives.
pub type Invoke = Box<dyn Fn(Value) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// A secret that is rotated as Secrets Manager does it.
///
/// A version without a value gets the label of the pending one. Then the function is invoked once
/// for each of four steps.
pub struct RotatedSecret {
    secrets: Arc<SecretsManager>,
    id: String,
    invoke: Invoke,
}

impl RotatedSecret {
    /// The secret of this id.
    pub fn new(secrets: Arc<SecretsManager>, id: &str, invoke: Invoke) -> Self {
        Self { secrets, id: id.to_owned(), invoke }
    }

    /// The versions that each label is on.
    pub async fn labels(&self) -> BTreeMap<String, Vec<String>> {
        self.secrets.labels(&self.id).await
    }

    /// The value of a version.
    pub async fn value(&self, version: &str) -> String {
        self.secrets.value(&self.id, version).await
    }

    /// Makes a version pending. Returns its id, which is the rotation's token.
    pub async fn begin(&self) -> String {
        let labels = self.labels().await;
        // After a successful rotation both labels are on one version. AWS treats this as a finished
        // rotation. moto treats it as a running one.
        if let Some([pending]) = labels.get(PENDING).map(Vec::as_slice)
            && labels.get(CURRENT).is_some_and(|current| current.contains(pending))
        {
            self.secrets.unlabel(&self.id, PENDING, pending).await;
        }
        let token = tokens::random_id();
        let rotate = self.secrets.client.rotate_secret().secret_id(&self.id).client_request_token(&token);
        let refused =
            rotate.rotation_lambda_arn(ROTATION_FUNCTION).send().await.expect_err("there is no such function");
        // moto has made the version by now. It then fails, because it has no such function.
        assert_eq!(refused.raw_response().map(|response| response.status().as_u16()), Some(404), "{refused:?}");
        let error = refused.into_service_error();
        assert!(error.is_resource_not_found_exception(), "{error:?}");
        assert_eq!(self.labels().await[PENDING], slice::from_ref(&token));
        token
    }

    /// Runs one step.
    ///
    /// # Errors
    ///
    /// The cause of the function's failure.
    pub async fn step(&self, step: &str, token: &str) -> Result<(), String> {
        (self.invoke)(json!({"Step": step, "SecretId": self.id, "ClientRequestToken": token})).await
    }

    /// Runs all four steps. Returns the id of the version that is then in force.
    pub async fn rotate(&self) -> String {
        let token = self.begin().await;
        for step in STEPS {
            self.step(step, &token).await.unwrap_or_else(|cause| panic!("{step}: {cause}"));
        }
        token
    }
}
