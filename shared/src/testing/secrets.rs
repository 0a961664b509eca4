//! Secrets Manager inside this process: the AWS SDK's calls end here without a socket. Versions and staging labels are as AWS's
//! API reference has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, future, mem,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time;

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Around the name in an ARN. At the end AWS has six random characters.
const ARN: (&str, &str) = ("arn:aws:secretsmanager:us-east-1:123456789012:secret:", "-AbCdEf");
/// When everything here was made.
const CREATED: f64 = 1.7e9;

/// Secrets with their versions and the labels on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secrets {
    secrets: BTreeMap<String, Secret>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Secret {
    versions: BTreeMap<String, Content>,
    /// The version that each label is on.
    labels: BTreeMap<String, String>,
}

/// A text, bytes in base64, or nothing: a version that a rotation has registered is empty before it is put.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "PascalCase")]
struct Content {
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

impl Secrets {
    /// Makes a secret without any version, if it is not there.
    pub fn create(&mut self, id: &str) {
        self.secrets.entry(name_of(id).to_owned()).or_default();
    }

    /// Puts a version that is AWSCURRENT, into a new secret if there is none; the one that was becomes AWSPREVIOUS.
    pub fn put(&mut self, id: &str, version: &str, text: &str) {
        self.put_current(id, version, Content { secret_string: Some(text.to_owned()), secret_binary: None });
    }

    /// Puts a binary version as [`Secrets::put`] does a text.
    pub fn put_binary(&mut self, id: &str, version: &str, bytes: &[u8]) {
        self.put_current(id, version, Content { secret_string: None, secret_binary: Some(STANDARD.encode(bytes)) });
    }

    fn put_current(&mut self, id: &str, version: &str, content: Content) {
        let secret = self.secrets.entry(name_of(id).to_owned()).or_default();
        secret.put(version, content, &BTreeSet::from([CURRENT.to_owned()]));
    }

    /// What RotateSecret does before it calls the rotation function: registers an empty version as AWSPENDING. Refused while a
    /// version is AWSPENDING that is neither this one nor AWSCURRENT.
    pub fn start_rotation(&mut self, id: &str, token: &str) -> bool {
        let Some(secret) = self.secrets.get_mut(name_of(id)) else { return false };
        let pending = secret.labels.get(PENDING);
        if pending.is_some_and(|version| version != token && secret.labels.get(CURRENT) != Some(version)) {
            return false;
        }
        secret.versions.entry(token.to_owned()).or_default();
        secret.label(PENDING, token);
        true
    }

    /// The text under a label.
    pub fn text(&self, id: &str, stage: &str) -> Option<&str> {
        self.secrets.get(name_of(id))?.versions.get(self.version(id, stage)?)?.secret_string.as_deref()
    }

    /// The id of the version under a label.
    pub fn version(&self, id: &str, stage: &str) -> Option<&str> {
        self.secrets.get(name_of(id))?.labels.get(stage).map(String::as_str)
    }

    /// The labels on a version.
    pub fn stages(&self, id: &str, version: &str) -> BTreeSet<String> {
        self.secrets.get(name_of(id)).map(|secret| secret.stages(version)).unwrap_or_default()
    }

    /// The versions that a label is on: never more than one.
    pub fn versions_with(&self, id: &str, stage: &str) -> Vec<&str> {
        self.version(id, stage).into_iter().collect()
    }

    /// One call of the API, by its operation and JSON body: the HTTP status and JSON body of the answer. A call that is refused
    /// has changed nothing.
    pub fn call(&mut self, operation: &str, body: &[u8]) -> (u16, String) {
        let request = serde_json::from_slice(body).or_else(|error| refuse("SerializationException", error.to_string()));
        match request.and_then(|request: Request| self.run(operation, &request)) {
            Ok(answer) => (200, answer.to_string()),
            Err((kind, message)) => (400, error(kind, &message)),
        }
    }

    fn run(&mut self, operation: &str, request: &Request) -> Result<Value, Refusal> {
        let name = if operation == "CreateSecret" { &request.name } else { name_of(&request.secret_id) };
        let mut answer = match (operation, self.secrets.get_mut(name)) {
            ("CreateSecret", _) => self.create_secret(request)?,
            (_, None) => return not_found("secret."),
            ("DescribeSecret", Some(secret)) => secret.describe(),
            ("GetSecretValue", Some(secret)) => secret.get_value(request)?,
            ("PutSecretValue", Some(secret)) => secret.put_value(request)?,
            ("UpdateSecretVersionStage", Some(secret)) => secret.update_stage(request)?,
            _ => return refuse("UnknownOperationException", operation),
        };
        if let Some(fields) = answer.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
            fields.extend([("ARN".to_owned(), [ARN.0, name, ARN.1].concat().into()), ("Name".to_owned(), name.into())]);
        }
        Ok(answer)
    }

    fn create_secret(&mut self, request: &Request) -> Result<Value, Refusal> {
        let (name, token, content) = (&request.name, request.token()?, request.content()?);
        match (self.secrets.get(name), content) {
            (None, None) => self.create(name),
            (None, Some(content)) => self.put_current(name, token, content.clone()),
            (Some(secret), Some(content)) if secret.versions.get(token) == Some(content) => {}
            (Some(_), _) => {
                let message = format!("The operation failed because the secret {name} already exists.");
                return refuse("ResourceExistsException", message);
            }
        }
        Ok(json!({"VersionId": content.map(|_| token)}))
    }
}

impl Secret {
    fn describe(&self) -> Value {
        // A version without a label is deprecated and not told.
        let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (stage, version) in &self.labels {
            versions.entry(version).or_default().insert(stage);
        }
        let versions = Some(versions).filter(|versions| !versions.is_empty());
        json!({"CreatedDate": CREATED, "RotationEnabled": true, "VersionIdsToStages": versions})
    }

    fn get_value(&self, request: &Request) -> Result<Value, Refusal> {
        let stage = request.version_stage.as_deref().unwrap_or(CURRENT);
        let (version, sought) = match &request.version_id {
            Some(id) => (Some(id), format!("secret value for VersionId: {id}")),
            None => (self.labels.get(stage), format!("secret value for staging label: {stage}")),
        };
        let found = version.and_then(|version| self.versions.get_key_value(version));
        let Some((version, content)) = found else { return not_found(&sought) };
        if request.version_stage.is_some() && self.labels.get(stage) != Some(version) {
            let message = "You provided a VersionStage that is not associated to the provided VersionId.";
            return refuse("InvalidRequestException", message);
        }
        if *content == Content::default() {
            return not_found(&sought);
        }
        Ok(json!({
            "CreatedDate": CREATED,
            "SecretBinary": content.secret_binary,
            "SecretString": content.secret_string,
            "VersionId": version,
            "VersionStages": Some(self.stages(version)).filter(|stages| !stages.is_empty()),
        }))
    }

    fn put_value(&mut self, request: &Request) -> Result<Value, Refusal> {
        let token = request.token()?;
        let Some(content) = request.content()? else {
            return refuse("InvalidRequestException", "You must provide either SecretString or SecretBinary.");
        };
        match self.versions.get(token) {
            Some(held) if held == content => {}
            Some(held) if *held != Content::default() => {
                let message = format!("ClientRequestToken {token} is already in use for a version with another value.");
                return refuse("ResourceExistsException", message);
            }
            _ => {
                let mut stages = request.version_stages.clone().unwrap_or_default();
                if stages.is_empty() || self.versions.is_empty() {
                    stages.insert(CURRENT.to_owned());
                }
                self.put(token, content.clone(), &stages);
            }
        }
        Ok(json!({"VersionId": token, "VersionStages": self.stages(token)}))
    }

    /// A label that is on a version is moved or removed only by who says which version that is.
    fn update_stage(&mut self, request: &Request) -> Result<Value, Refusal> {
        let stage = request.version_stage.as_deref().unwrap_or_default();
        within(1..=256, stage.len(), "versionStage")?;
        if self.labels.get(stage) != request.remove_from_version_id.as_ref() {
            let message = format!("RemoveFromVersionId must be the version that staging label {stage} is attached to.");
            return refuse("InvalidParameterException", message);
        }
        match &request.move_to_version_id {
            Some(to) if self.versions.contains_key(to) => self.label(stage, to),
            Some(to) => return not_found(&format!("secret value for VersionId: {to}")),
            None if stage == CURRENT => {
                let message = "You can only move staging label AWSCURRENT to a different secret version.";
                return refuse("InvalidParameterException", message);
            }
            None => drop(self.labels.remove(stage)),
        }
        Ok(json!({}))
    }

    fn stages(&self, version: &str) -> BTreeSet<String> {
        self.labels.iter().filter(|(_, on)| *on == version).map(|(stage, _)| stage.clone()).collect()
    }

    fn put(&mut self, version: &str, content: Content, stages: &BTreeSet<String>) {
        self.versions.insert(version.to_owned(), content);
        for stage in stages {
            self.label(stage, version);
        }
        // Not in the reference, but seen on AWS: who puts a current value ends a rotation that is under way.
        if stages.contains(CURRENT) && !stages.contains(PENDING) {
            self.labels.remove(PENDING);
        }
    }

    /// Moves a label onto a version, and AWSPREVIOUS onto the one that AWSCURRENT left.
    fn label(&mut self, stage: &str, version: &str) {
        let left = self.labels.insert(stage.to_owned(), version.to_owned()).filter(|left| left != version);
        if let (CURRENT, Some(left)) = (stage, left) {
            self.labels.insert(PREVIOUS.to_owned(), left);
        }
    }
}

/// The parameters of all operations.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Request {
    client_request_token: Option<String>,
    #[serde(flatten)]
    content: Content,
    move_to_version_id: Option<String>,
    name: String,
    remove_from_version_id: Option<String>,
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
    version_stages: Option<BTreeSet<String>>,
}

impl Request {
    fn token(&self) -> Result<&str, Refusal> {
        let Some(token) = &self.client_request_token else {
            let message = "You must provide a ClientRequestToken value. We recommend a UUID-type value.";
            return refuse("InvalidRequestException", message);
        };
        within(32..=64, token.len(), "clientRequestToken")?;
        Ok(token)
    }

    fn content(&self) -> Result<Option<&Content>, Refusal> {
        let (field, bytes) = match (&self.content.secret_string, &self.content.secret_binary) {
            (None, None) => return Ok(None),
            (Some(text), None) => ("secretString", text.len()),
            (None, Some(text)) => ("secretBinary", STANDARD.decode(text).unwrap_or_default().len()),
            (Some(_), Some(_)) => {
                let message = "You can't specify both a binary secret value and a string secret value.";
                return refuse("InvalidParameterException", message);
            }
        };
        within(1..=65_536, bytes, field)?;
        Ok(Some(&self.content))
    }
}

/// The type and the message of an error.
type Refusal = (&'static str, String);

fn refuse<T>(kind: &'static str, message: impl Into<String>) -> Result<T, Refusal> {
    Err((kind, message.into()))
}

fn not_found<T>(what: &str) -> Result<T, Refusal> {
    refuse("ResourceNotFoundException", format!("Secrets Manager can't find the specified {what}"))
}

fn within(lengths: RangeInclusive<usize>, length: usize, field: &str) -> Result<(), Refusal> {
    if lengths.contains(&length) {
        return Ok(());
    }
    refuse(
        "ValidationException",
        format!("1 validation error detected: Value at '{field}' must have length {lengths:?}"),
    )
}

fn error(kind: &str, message: &str) -> String {
    json!({"__type": kind, "Message": message}).to_string()
}

/// The name, where the ARN is given.
fn name_of(id: &str) -> &str {
    id.strip_prefix(ARN.0).and_then(|id| id.strip_suffix(ARN.1)).unwrap_or(id)
}

/// Secrets behind a client of the AWS SDK. Cloning shares them.
#[derive(Clone)]
pub struct SecretsManager {
    state: Arc<Mutex<State>>,
}

struct State {
    secrets: Secrets,
    calls: Vec<String>,
    fault: Option<Fault>,
}

/// What can befall a call. Only one that is slow changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is never answered.
    Hangs,
    /// It does not get through.
    Refused,
    /// 400 ThrottlingException.
    Throttled,
    /// 500 InternalServiceError.
    Broken,
    /// 400 AccessDeniedException.
    Denied,
    /// 200 with a page of HTML.
    Garbled,
    /// It is carried out at once and answered after this time.
    Slow(Duration),
}

impl SecretsManager {
    /// A Secrets Manager with these secrets.
    pub fn new(secrets: Secrets) -> Self {
        Self { state: Arc::new(Mutex::new(State { secrets, calls: Vec::new(), fault: None })) }
    }

    /// A client whose calls end here.
    pub fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("us-east-1"))
            // The SDK signs its calls even where nobody checks.
            .credentials_provider(Credentials::new("testing", "testing", None, None, "testing"))
            .http_client(self.clone());
        Client::from_conf(config.build())
    }

    /// Looks at the secrets, or changes them.
    pub fn with<R>(&self, change: impl FnOnce(&mut Secrets) -> R) -> R {
        change(&mut self.state().secrets)
    }

    /// The operations called since this was last asked. A call that is tried again counts again.
    pub fn calls(&self) -> Vec<String> {
        mem::take(&mut self.state().calls)
    }

    /// From now on calls fare so.
    pub fn fares(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for SecretsManager {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for SecretsManager {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let mut state = self.state();
        state.calls.push(operation.to_owned());
        let fault = state.fault;
        let (status, body) = match fault {
            Some(Fault::Hangs) => return HttpConnectorFuture::new(future::pending()),
            Some(Fault::Refused) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::io("connection refused".into())));
            }
            Some(Fault::Throttled) => (400, error("ThrottlingException", "Rate exceeded")),
            Some(Fault::Broken) => (500, error("InternalServiceError", "An error occurred on the server side.")),
            Some(Fault::Denied) => (400, error("AccessDeniedException", "This role is not authorized.")),
            Some(Fault::Garbled) => (200, "<html><body>It works!</body></html>".to_owned()),
            Some(Fault::Slow(_)) | None => state.secrets.call(operation, request.body().bytes().unwrap_or_default()),
        };
        HttpConnectorFuture::new(async move {
            if let Some(Fault::Slow(time)) = fault {
                time::sleep(time).await;
            }
            let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.1");
            Ok(response)
        })
    }
}

impl fmt::Debug for SecretsManager {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretsManager")
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::{
        config::retry::RetryConfig,
        error::{ProvideErrorMetadata, SdkError},
        operation::{get_secret_value::GetSecretValueError, put_secret_value::builders::PutSecretValueFluentBuilder},
        primitives::Blob,
    };

    use super::*;

    /// A version id.
    fn id(letter: &str) -> String {
        letter.repeat(32)
    }

    /// A secret with these versions, of which the last is current.
    fn manager(versions: &[&str]) -> SecretsManager {
        let mut secrets = Secrets::default();
        secrets.create("keys");
        for letter in versions {
            secrets.put("keys", &id(letter), &format!("text of {letter}"));
        }
        SecretsManager::new(secrets)
    }

    fn put(manager: &SecretsManager, letter: &str, text: &str) -> PutSecretValueFluentBuilder {
        manager.client().put_secret_value().secret_id("keys").client_request_token(id(letter)).secret_string(text)
    }

    /// Moves a label, or removes it: `""` leaves a parameter out. The code of the error, if there is one.
    async fn move_label(manager: &SecretsManager, stage: &str, from: &str, to: &str) -> Result<(), String> {
        let version = |letter: &str| (!letter.is_empty()).then(|| id(letter));
        let call = manager.client().update_secret_version_stage().secret_id("keys").version_stage(stage);
        let moved = call.set_remove_from_version_id(version(from)).set_move_to_version_id(version(to)).send().await;
        moved.map(drop).map_err(|error| code(&error))
    }

    async fn get(manager: &SecretsManager, version: Option<&str>, stage: Option<&str>) -> Result<String, String> {
        let call = manager.client().get_secret_value().secret_id("keys").set_version_id(version.map(id));
        let got = call.set_version_stage(stage.map(str::to_owned)).send().await;
        got.map(|answer| answer.secret_string.unwrap()).map_err(|error| error.message().unwrap().to_owned())
    }

    /// What DescribeSecret tells of versions and labels.
    async fn labels(manager: &SecretsManager) -> Vec<String> {
        let described = manager.client().describe_secret().secret_id("keys").send().await.unwrap();
        assert_eq!(described.rotation_enabled, Some(true));
        let versions = BTreeMap::from_iter(described.version_ids_to_stages.unwrap_or_default());
        versions.iter().map(|(version, stages)| format!("{} {}", &version[..1], stages.join(" "))).collect()
    }

    fn code<E, R>(error: &SdkError<E, R>) -> String
    where
        SdkError<E, R>: ProvideErrorMetadata,
    {
        error.code().unwrap_or_else(|| panic!("an answer of the service")).to_owned()
    }

    #[tokio::test]
    async fn what_was_current_becomes_previous_and_what_was_previous_is_told_no_more() {
        let manager = manager(&[]);
        assert!(labels(&manager).await.is_empty());
        for letter in ["a", "b", "c"] {
            let answer = put(&manager, letter, letter).send().await.unwrap();
            assert_eq!((answer.version_id, answer.version_stages), (Some(id(letter)), Some(vec![CURRENT.to_owned()])));
        }
        assert_eq!(labels(&manager).await, ["b AWSPREVIOUS", "c AWSCURRENT"]);
        assert_eq!(get(&manager, None, None).await.unwrap(), "c");
        assert_eq!(get(&manager, None, Some(PREVIOUS)).await.unwrap(), "b");
        assert_eq!(get(&manager, Some("a"), None).await.unwrap(), "a");
    }

    #[tokio::test]
    async fn a_rotation_registers_an_empty_version_before_its_first_step() {
        let manager = manager(&["a"]);
        assert!(manager.with(|secrets| secrets.start_rotation("keys", &id("b"))));
        assert_eq!(labels(&manager).await, ["a AWSCURRENT", "b AWSPENDING"]);
        for (version, stage) in [(None, Some(PENDING)), (Some("b"), None), (Some("b"), Some(PENDING))] {
            let message = get(&manager, version, stage).await.unwrap_err();
            assert!(message.starts_with("Secrets Manager can't find the specified secret value for "), "{message}");
        }
        assert_eq!(get(&manager, None, None).await.unwrap(), "text of a");
        assert!(manager.with(|secrets| secrets.start_rotation("keys", &id("b"))), "the same rotation goes on");
        assert!(!manager.with(|secrets| secrets.start_rotation("keys", &id("c"))), "another has to wait");
        assert!(!manager.with(|secrets| secrets.start_rotation("other", &id("c"))));
    }

    #[tokio::test]
    async fn a_registered_version_takes_one_value_and_no_other() {
        let manager = manager(&["a"]);
        manager.with(|secrets| secrets.start_rotation("keys", &id("b")));
        let put = |text| put(&manager, "b", text).version_stages(PENDING).send();
        assert_eq!(put("new").await.unwrap().version_stages.unwrap(), [PENDING]);
        assert!(put("new").await.is_ok());
        assert_eq!(code(&put("newer").await.unwrap_err()), "ResourceExistsException");
        assert_eq!(get(&manager, Some("b"), Some(PENDING)).await.unwrap(), "new");
        assert_eq!(labels(&manager).await, ["a AWSCURRENT", "b AWSPENDING"]);
    }

    #[tokio::test]
    async fn a_rotation_is_finished_when_current_joins_pending() {
        let manager = manager(&["a"]);
        for (from, to) in [("a", "b"), ("b", "c")] {
            assert!(manager.with(|secrets| secrets.start_rotation("keys", &id(to))));
            put(&manager, to, to).version_stages(PENDING).send().await.unwrap();
            move_label(&manager, CURRENT, from, to).await.unwrap();
            let expected = [format!("{from} AWSPREVIOUS"), format!("{to} AWSCURRENT AWSPENDING")];
            assert_eq!(labels(&manager).await, expected);
            assert_eq!(get(&manager, None, None).await.unwrap(), to);
        }
        move_label(&manager, PENDING, "c", "").await.unwrap();
        assert_eq!(labels(&manager).await, ["b AWSPREVIOUS", "c AWSCURRENT"]);
    }

    #[tokio::test]
    async fn an_empty_secret_is_rotated_into_its_first_version() {
        let manager = manager(&[]);
        assert!(manager.with(|secrets| secrets.start_rotation("keys", &id("a"))));
        put(&manager, "a", "first").version_stages(PENDING).send().await.unwrap();
        move_label(&manager, CURRENT, "", "a").await.unwrap();
        assert_eq!(labels(&manager).await, ["a AWSCURRENT AWSPENDING"]);
    }

    #[tokio::test]
    async fn a_value_put_again_changes_nothing_even_when_it_is_current_no_more() {
        let manager = manager(&["a", "b"]);
        let before = manager.with(|secrets| secrets.clone());
        let answer = put(&manager, "a", "text of a").version_stages("OTHER").send().await.unwrap();
        assert_eq!(answer.version_stages.unwrap(), [PREVIOUS]);
        let error = put(&manager, "a", "another").send().await.unwrap_err();
        assert!(error.as_service_error().unwrap().is_resource_exists_exception());
        assert_eq!(manager.with(|secrets| secrets.clone()), before);
    }

    #[tokio::test]
    async fn a_label_is_moved_only_by_who_knows_where_it_is() {
        let manager = manager(&["a", "b"]);
        put(&manager, "c", "c").version_stages("OTHER").send().await.unwrap();
        let before = manager.with(|secrets| secrets.clone());
        for (stage, from, to) in [
            (CURRENT, "", "a"),
            (CURRENT, "a", "c"),
            (CURRENT, "d", "c"),
            (CURRENT, "", "b"),
            (CURRENT, "b", ""),
            ("OTHER", "", "a"),
            ("OTHER", "a", "b"),
            ("OTHER", "a", ""),
            ("NOWHERE", "a", "b"),
        ] {
            let moved = move_label(&manager, stage, from, to).await;
            assert_eq!(moved.unwrap_err(), "InvalidParameterException", "{stage} from {from} to {to}");
        }
        assert_eq!(move_label(&manager, CURRENT, "b", "d").await.unwrap_err(), "ResourceNotFoundException");
        assert_eq!(manager.with(|secrets| secrets.clone()), before);
        move_label(&manager, CURRENT, "b", "b").await.unwrap();
        assert_eq!(manager.with(|secrets| secrets.clone()), before, "a label that stays moves no other");
    }

    #[tokio::test]
    async fn of_two_who_would_move_current_one_succeeds() {
        let manager = manager(&["a"]);
        for letter in ["b", "c"] {
            put(&manager, letter, letter).version_stages(letter).send().await.unwrap();
        }
        let (first, second) =
            tokio::join!(move_label(&manager, CURRENT, "a", "b"), move_label(&manager, CURRENT, "a", "c"));
        assert!(first.is_ok() != second.is_ok());
        manager.with(|secrets| {
            assert_eq!(secrets.versions_with("keys", PREVIOUS), [id("a")]);
            assert_eq!(secrets.versions_with("keys", CURRENT).len(), 1);
        });
    }

    #[tokio::test]
    async fn the_previous_version_can_be_made_current_again() {
        let manager = manager(&["a", "b"]);
        move_label(&manager, CURRENT, "b", "a").await.unwrap();
        assert_eq!(labels(&manager).await, ["a AWSCURRENT", "b AWSPREVIOUS"]);
    }

    #[tokio::test]
    async fn a_label_put_with_a_version_leaves_the_one_it_was_on() {
        let manager = manager(&["a"]);
        put(&manager, "b", "b").version_stages("ONE").version_stages("TWO").send().await.unwrap();
        put(&manager, "c", "c").version_stages("TWO").version_stages(CURRENT).send().await.unwrap();
        assert_eq!(labels(&manager).await, ["a AWSPREVIOUS", "b ONE", "c AWSCURRENT TWO"]);
        manager
            .with(|secrets| assert_eq!(secrets.stages("keys", &id("c")), [CURRENT, "TWO"].map(str::to_owned).into()));
    }

    #[tokio::test]
    async fn the_first_version_is_current_whatever_its_labels() {
        let manager = manager(&[]);
        let answer = put(&manager, "a", "a").version_stages("OTHER").send().await.unwrap();
        assert_eq!(answer.version_stages.unwrap(), [CURRENT, "OTHER"]);
    }

    #[tokio::test]
    async fn a_value_put_as_current_ends_a_rotation() {
        let manager = manager(&["a"]);
        manager.with(|secrets| secrets.start_rotation("keys", &id("b")));
        put(&manager, "c", "c").send().await.unwrap();
        assert_eq!(labels(&manager).await, ["a AWSPREVIOUS", "c AWSCURRENT"]);
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found_by_the_name_it_was_sought_under() {
        let manager = manager(&[]);
        let not_found = |sought: &str| format!("Secrets Manager can't find the specified secret value for {sought}");
        assert_eq!(get(&manager, None, None).await.unwrap_err(), not_found("staging label: AWSCURRENT"));
        put(&manager, "a", "a").send().await.unwrap();
        assert_eq!(get(&manager, None, Some(PENDING)).await.unwrap_err(), not_found("staging label: AWSPENDING"));
        assert_eq!(get(&manager, Some("b"), None).await.unwrap_err(), not_found(&format!("VersionId: {}", id("b"))));
        let error = manager.client().describe_secret().secret_id("other").send().await.unwrap_err();
        assert_eq!(error.message(), Some("Secrets Manager can't find the specified secret."));
        assert!(error.as_service_error().unwrap().is_resource_not_found_exception());
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        assert_eq!(status, Some(400));
    }

    #[tokio::test]
    async fn a_version_and_a_label_that_are_both_named_have_to_agree() {
        let manager = manager(&["a", "b"]);
        assert_eq!(get(&manager, Some("a"), Some(PREVIOUS)).await.unwrap(), "text of a");
        let call = manager.client().get_secret_value().secret_id("keys").version_id(id("a")).version_stage(CURRENT);
        let error = call.send().await.unwrap_err();
        assert!(matches!(error.as_service_error(), Some(GetSecretValueError::InvalidRequestException(_))), "{error:?}");
    }

    #[tokio::test]
    async fn a_secret_is_known_by_its_arn_as_by_its_name() {
        let manager = manager(&["a"]);
        let arn = manager.client().describe_secret().secret_id("keys").send().await.unwrap().arn.unwrap();
        assert_eq!(arn, "arn:aws:secretsmanager:us-east-1:123456789012:secret:keys-AbCdEf");
        let answer = manager.client().get_secret_value().secret_id(&arn).send().await.unwrap();
        assert_eq!((answer.name(), answer.secret_string()), (Some("keys"), Some("text of a")));
        assert_eq!(manager.with(|secrets| secrets.text(&arn, CURRENT).map(str::to_owned)).unwrap(), "text of a");
    }

    #[tokio::test]
    async fn bytes_are_kept_as_bytes() {
        let manager = manager(&[]);
        manager.with(|secrets| secrets.put_binary("keys", &id("a"), &[0, 255]));
        let call = put(&manager, "a", "").set_secret_string(None).secret_binary(Blob::new([0, 255]));
        assert!(call.send().await.is_ok());
        let answer = manager.client().get_secret_value().secret_id("keys").send().await.unwrap();
        assert_eq!((answer.secret_string, answer.secret_binary), (None, Some(Blob::new([0, 255]))));
        assert_eq!(manager.with(|secrets| secrets.text("keys", CURRENT).map(str::to_owned)), None);
    }

    #[tokio::test]
    async fn what_is_too_long_or_too_short_is_refused() {
        let manager = manager(&["a"]);
        assert!(put(&manager, "b", &"é".repeat(32_768)).send().await.is_ok());
        for text in [String::new(), "é".repeat(32_768) + "x"] {
            assert_eq!(code(&put(&manager, "c", &text).send().await.unwrap_err()), "ValidationException");
        }
        for length in [31, 65] {
            let call = put(&manager, "c", "c").client_request_token("c".repeat(length));
            assert_eq!(code(&call.send().await.unwrap_err()), "ValidationException");
        }
        let call = put(&manager, "c", "c").set_secret_string(None);
        assert_eq!(code(&call.send().await.unwrap_err()), "InvalidRequestException");
        let call = put(&manager, "c", "c").secret_binary(Blob::new("c"));
        assert_eq!(code(&call.send().await.unwrap_err()), "InvalidParameterException");
    }

    #[test]
    fn a_call_that_no_client_would_make_is_refused() {
        let mut secrets = Secrets::default();
        secrets.create("keys");
        for (operation, body, kind) in [
            ("PutSecretValue", r#"{"SecretId": "keys", "SecretString": "a"}"#, "InvalidRequestException"),
            ("RotateSecret", r#"{"SecretId": "keys"}"#, "UnknownOperationException"),
            ("GetSecretValue", "{", "SerializationException"),
            ("GetSecretValue", "{}", "ResourceNotFoundException"),
        ] {
            let (status, answer) = secrets.call(operation, body.as_bytes());
            assert!(status == 400 && answer.contains(&format!("\"__type\":\"{kind}\"")), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_secret_is_created_once_and_the_same_call_again_succeeds() {
        let manager = manager(&[]);
        let create = |text| {
            let call = manager.client().create_secret().name("new").client_request_token(id("a"));
            call.secret_string(text).send()
        };
        for _ in 0..2 {
            assert_eq!(create("a").await.unwrap().version_id, Some(id("a")));
        }
        assert!(create("b").await.unwrap_err().as_service_error().unwrap().is_resource_exists_exception());
        let empty = manager.client().create_secret().name("empty").send().await.unwrap();
        assert_eq!((empty.name(), empty.version_id()), (Some("empty"), None));
        let again = manager.client().create_secret().name("empty").send().await.unwrap_err();
        assert_eq!(code(&again), "ResourceExistsException");
    }

    /// A read without a second attempt.
    async fn read(manager: &SecretsManager) -> Result<(), SdkError<GetSecretValueError, HttpResponse>> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let call = manager.client().get_secret_value().secret_id("keys").customize().config_override(once);
        call.send().await.map(drop)
    }

    #[tokio::test]
    async fn each_fault_is_to_the_client_what_it_is_on_aws() {
        let manager = manager(&["a"]);
        let fares = async |fault| {
            manager.fares(Some(fault));
            read(&manager).await.unwrap_err()
        };
        let refused = fares(Fault::Refused).await;
        assert!(matches!(&refused, SdkError::DispatchFailure(failure) if failure.is_io()), "{refused:?}");
        assert_eq!(code(&fares(Fault::Throttled).await), "ThrottlingException");
        assert_eq!(code(&fares(Fault::Denied).await), "AccessDeniedException");
        let broken = fares(Fault::Broken).await;
        assert!(broken.as_service_error().unwrap().is_internal_service_error(), "{broken:?}");
        let garbled = fares(Fault::Garbled).await;
        assert!(garbled.code().is_none() && garbled.raw_response().unwrap().status().is_success(), "{garbled:?}");
        manager.fares(None);
        read(&manager).await.unwrap();
        assert_eq!(manager.calls(), ["GetSecretValue"; 6]);
        assert!(manager.calls().is_empty());
    }

    #[tokio::test]
    async fn a_call_that_is_tried_again_counts_again() {
        let manager = manager(&["a"]);
        manager.fares(Some(Fault::Broken));
        let soon =
            Config::builder().retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)));
        let call = manager.client().get_secret_value().secret_id("keys").customize().config_override(soon);
        call.send().await.unwrap_err();
        assert_eq!(manager.calls().len(), 3);
    }

    #[tokio::test]
    async fn a_call_that_hangs_is_not_carried_out() {
        let manager = manager(&["a"]);
        manager.fares(Some(Fault::Hangs));
        assert!(time::timeout(Duration::from_millis(50), put(&manager, "b", "b").send()).await.is_err());
        assert_eq!(manager.calls(), ["PutSecretValue"]);
        assert_eq!(manager.with(|secrets| secrets.version("keys", CURRENT).map(str::to_owned)), Some(id("a")));
    }

    #[tokio::test]
    async fn a_slow_call_is_carried_out_before_it_is_answered() {
        let manager = manager(&["a"]);
        manager.fares(Some(Fault::Slow(Duration::from_millis(200))));
        let mut answer = Box::pin(put(&manager, "b", "b").send());
        assert!(time::timeout(Duration::from_millis(50), &mut answer).await.is_err());
        assert_eq!(manager.with(|secrets| secrets.version("keys", CURRENT).map(str::to_owned)), Some(id("b")));
        assert!(answer.await.is_ok());
    }
}
