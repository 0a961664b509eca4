//! An emulator of Secrets Manager in this process, for the calls of the AWS SDK.
//!
//! Versions and staging labels follow the API reference of AWS. The emulator is written here and no
//! crate, because the tests of a rotation compare, order and copy its whole state.

mod client;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

pub use client::{Fault, SecretsManager};

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The parts around the name in an ARN. AWS ends with six random characters.
const ARN: (&str, &str) = ("arn:aws:secretsmanager:us-east-1:123456789012:secret:", "-AbCdEf");
/// The creation time of all secrets and versions.
const CREATED: f64 = 1.7e9;

/// Secrets with their versions and staging labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secrets {
    secrets: BTreeMap<String, Secret>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Secret {
    versions: BTreeMap<String, Content>,
    /// The version of each label.
    labels: BTreeMap<String, String>,
}

/// A text, bytes in base64, or nothing. A rotation registers an empty version before its value is
/// put.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "PascalCase")]
struct Content {
    secret_string: Option<String>,
    secret_binary: Option<String>,
}

impl Secrets {
    /// Creates a secret without versions, unless it exists.
    pub fn create(&mut self, id: &str) {
        self.secrets.entry(name_of(id).to_owned()).or_default();
    }

    /// Puts a version as AWSCURRENT, and creates the secret if necessary. The earlier AWSCURRENT
    /// version becomes AWSPREVIOUS.
    pub fn put(&mut self, id: &str, version: &str, text: &str) {
        self.put_current(id, version, Content { secret_string: Some(text.to_owned()), secret_binary: None });
    }

    /// Puts a binary version as [`Secrets::put`] does with a text.
    pub fn put_binary(&mut self, id: &str, version: &str, bytes: &[u8]) {
        self.put_current(id, version, Content { secret_string: None, secret_binary: Some(STANDARD.encode(bytes)) });
    }

    fn put_current(&mut self, id: &str, version: &str, content: Content) {
        let secret = self.secrets.entry(name_of(id).to_owned()).or_default();
        secret.put(version, content, &BTreeSet::from([CURRENT.to_owned()]));
    }

    /// Registers an empty version as AWSPENDING, as RotateSecret does before it calls the rotation
    /// function. Returns `false` while another version than this one or AWSCURRENT is AWSPENDING.
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

    /// The text of the version with this label.
    pub fn text(&self, id: &str, stage: &str) -> Option<&str> {
        self.secrets.get(name_of(id))?.versions.get(self.version(id, stage)?)?.secret_string.as_deref()
    }

    /// The id of the version with this label.
    pub fn version(&self, id: &str, stage: &str) -> Option<&str> {
        self.secrets.get(name_of(id))?.labels.get(stage).map(String::as_str)
    }

    /// The labels of a version.
    pub fn stages(&self, id: &str, version: &str) -> BTreeSet<String> {
        self.secrets.get(name_of(id)).map(|secret| secret.stages(version)).unwrap_or_default()
    }

    /// The versions with this label, at most one.
    pub fn versions_with(&self, id: &str, stage: &str) -> Vec<&str> {
        self.version(id, stage).into_iter().collect()
    }

    /// Runs one call of the API with this operation and JSON body. Returns the HTTP status and JSON
    /// body of the answer. A refused call changes nothing.
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
        // A version without a label is deprecated, and left out.
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

    /// Moves or removes a label, if the call names the current version of the label.
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
        // Not in the reference, but seen on AWS: a new AWSCURRENT value ends the rotation in
        // progress.
        if stages.contains(CURRENT) && !stages.contains(PENDING) {
            self.labels.remove(PENDING);
        }
    }

    /// Moves a label to a version. AWSPREVIOUS goes to the version that AWSCURRENT leaves.
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

/// The name in an ARN, or the name itself.
fn name_of(id: &str) -> &str {
    id.strip_prefix(ARN.0).and_then(|id| id.strip_suffix(ARN.1)).unwrap_or(id)
}

#[cfg(test)]
mod tests;
