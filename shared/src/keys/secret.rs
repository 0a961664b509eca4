//! A secret in Secrets Manager, with its versions and their labels.
//!
//! A label (AWS: staging label) is on one version at a time. A request that moves a label must name
//! the version that has it. So the current version is replaced only if nobody else has replaced it
//! meanwhile.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_secretsmanager::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::GetSecretValueError,
};
use zeroize::Zeroizing;

use crate::{
    error::{Error, chain},
    telemetry::log,
};

/// The label of the version in force.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the version that a rotation is about to put in force.
pub(super) const PENDING: &str = "AWSPENDING";
/// The label of a version that was written by hand, until the version is in force.
const EDITED: &str = "LATCHKEY_EDITED";

/// A secret in Secrets Manager.
#[derive(Clone)]
pub struct ManagedSecret {
    client: Client,
    id: String,
}

/// A version of a secret, with its value.
pub struct Version {
    /// The version's id, which is the token of the request that made the version.
    pub id: String,
    /// The value.
    pub text: Zeroizing<String>,
    /// Whether the version has the label [`PENDING`] too. A finished rotation may leave the label
    /// there.
    is_pending: bool,
}

impl ManagedSecret {
    /// The secret with this name or ARN.
    pub fn new(client: Client, id: &str) -> Self {
        Self { client, id: id.to_owned() }
    }

    /// The version in force. None while the secret has no value.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails, the secret does not exist, or its value is not text.
    pub async fn current(&self) -> Result<Option<Version>, Error> {
        self.get(None, CURRENT).await
    }

    /// The version with this label, and with the id `version` if one is given. None while the
    /// version has no value.
    ///
    /// # Errors
    ///
    /// As [`ManagedSecret::current`].
    pub(super) async fn get(&self, version: Option<&str>, label: &str) -> Result<Option<Version>, Error> {
        let request = self.client.get_secret_value().secret_id(&self.id).version_stage(label);
        match request.set_version_id(version.map(str::to_owned)).send().await {
            Ok(answer) => {
                let text = answer.secret_string.filter(|text| !text.is_empty());
                let text = text.ok_or_else(|| Error::unavailable(format!("the secret {} has no text", self.id)))?;
                let is_pending =
                    answer.version_stages.is_some_and(|labels| labels.iter().any(|label| label == PENDING));
                let id = answer.version_id.unwrap_or_default();
                Ok(Some(Version { id, text: Zeroizing::new(text), is_pending }))
            }
            Err(error) if self.has_no_value(&error).await => Ok(None),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    /// Whether an error means that the version has no value. Secrets Manager says "not found" then,
    /// and also if the secret does not exist. AWS's own sentence names the value. Another server
    /// may use another sentence. If the secret can be described, only its value is missing.
    async fn has_no_value(&self, error: &SdkError<GetSecretValueError>) -> bool {
        let Some(error) = error.as_service_error() else { return false };
        let names_value = error.message().is_some_and(|text| text.contains("secret value"));
        error.is_resource_not_found_exception() && (names_value || self.labels().await.is_ok())
    }

    /// The labels of every version that has any.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails, or there is no such secret.
    pub(super) async fn labels(&self) -> Result<HashMap<String, Vec<String>>, Error> {
        let answer = self.client.describe_secret().secret_id(&self.id).send().await;
        let answer = answer.map_err(|error| self.failed("described", &error))?;
        Ok(answer.version_ids_to_stages.unwrap_or_default())
    }

    /// Writes this value as the version `token`, with the label [`PENDING`]. A version that has a
    /// value already keeps it.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails.
    pub(super) async fn put_pending(&self, token: &str, text: &str) -> Result<(), Error> {
        match self.put(Some(token), text, PENDING).await {
            // Another call with the same token was faster.
            Ok(_) | Err(Put::Exists) => Ok(()),
            Err(Put::Failed(error)) => Err(error),
        }
    }

    /// Writes a version and returns its id. The id is `token`, or a new one if there is no token.
    async fn put(&self, token: Option<&str>, text: &str, label: &str) -> Result<String, Put> {
        let request = self.client.put_secret_value().secret_id(&self.id).secret_string(text).version_stages(label);
        match request.set_client_request_token(token.map(str::to_owned)).send().await {
            Ok(answer) => Ok(answer.version_id.unwrap_or_default()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_exists_exception()) => {
                Err(Put::Exists)
            }
            Err(error) => Err(Put::Failed(self.failed("written", &error))),
        }
    }

    /// Puts the version `to` in force, if `from` is still in force.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails, or another version is in force.
    pub(super) async fn promote(&self, to: &str, from: Option<&str>) -> Result<(), Error> {
        let request = self.client.update_secret_version_stage().secret_id(&self.id).version_stage(CURRENT);
        let from = from.map(str::to_owned);
        let moved = request.move_to_version_id(to).set_remove_from_version_id(from).send().await;
        moved.map(drop).map_err(|error| self.failed("put in force", &error))
    }

    /// Removes the label [`PENDING`] from a version, so that another rotation can begin.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails, or the version is not pending.
    pub(super) async fn discard(&self, version: &str) -> Result<(), Error> {
        self.unlabel(PENDING, version).await
    }

    async fn unlabel(&self, label: &str, version: &str) -> Result<(), Error> {
        let request = self.client.update_secret_version_stage().secret_id(&self.id).version_stage(label);
        let removed = request.remove_from_version_id(version).send().await;
        removed.map(drop).map_err(|error| self.failed("unlabelled", &error))
    }

    /// Puts `text` in force, if `current` is still in force. `current` is None if the secret has no
    /// value. A rotation under way is not touched: it will notice the other version in force.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails, or another version was put in force meanwhile, and stays.
    pub async fn replace(&self, current: Option<&Version>, text: &str) -> Result<(), Error> {
        self.replace_as(None, current, text).await
    }

    /// As [`ManagedSecret::replace`], and two writers of the same text in the same place write it
    /// once.
    ///
    /// # Errors
    ///
    /// As [`ManagedSecret::replace`].
    pub(super) async fn replace_once(&self, current: Option<&Version>, text: &str) -> Result<(), Error> {
        let place = current.map(|current| current.id.as_str()).unwrap_or_default();
        let token = digest(&SHA256, format!("{place}\n{text}").as_bytes());
        self.replace_as(Some(&hex(token.as_ref())), current, text).await
    }

    async fn replace_as(&self, token: Option<&str>, current: Option<&Version>, text: &str) -> Result<(), Error> {
        let version = self.put(token, text, EDITED).await.map_err(Put::into_error)?;
        let promoted = self.promote(&version, current.map(|current| current.id.as_str())).await;
        // Such an error may be harmless. The first version of a secret is in force without a
        // request. The answer to an earlier try may have been lost.
        if let Err(error) = promoted
            && self.current().await?.is_none_or(|current| current.id != version)
        {
            return Err(error);
        }
        // A leftover `PENDING` would look like a rotation under way. A leftover `EDITED` is
        // harmless: it moves to the next version that is written by hand.
        let left = current.filter(|current| current.is_pending).map(|current| (PENDING, current.id.as_str()));
        for (label, version) in [Some((EDITED, version.as_str())), left].into_iter().flatten() {
            if let Err(error) = self.unlabel(label, version).await {
                log::fault(&error);
            }
        }
        Ok(())
    }

    fn failed<E: std::error::Error + 'static>(&self, what: &str, error: &E) -> Error {
        Error::unavailable(format!("the secret {} cannot be {what}: {}", self.id, chain(error)))
    }
}

/// A version's id has 32 to 64 characters of this kind.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The reason why a version was not written.
enum Put {
    /// A version with this token has another value.
    Exists,
    Failed(Error),
}

impl Put {
    fn into_error(self) -> Error {
        match self {
            Self::Exists => Error::unavailable("a version with this token exists already"),
            Self::Failed(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Secrets, SecretsManager};

    /// A Secrets Manager, and its secret `keys`, which has no value.
    fn empty() -> (SecretsManager, ManagedSecret) {
        let mut secrets = Secrets::default();
        secrets.create("keys");
        let manager = SecretsManager::new(secrets);
        let managed_secret = ManagedSecret::new(manager.client(), "keys");
        (manager, managed_secret)
    }

    async fn current(managed_secret: &ManagedSecret) -> Version {
        managed_secret.current().await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn the_second_of_two_who_replace_the_same_value_is_refused() {
        let (manager, managed_secret) = empty();
        managed_secret.replace(None, "first").await.unwrap();
        assert!(managed_secret.replace(None, "second").await.is_err(), "it has a value by now");
        let first = current(&managed_secret).await;
        managed_secret.replace(Some(&first), "third").await.unwrap();
        assert!(
            managed_secret
                .replace(Some(&first), "fourth")
                .await
                .unwrap_err()
                .cause()
                .contains("cannot be put in force")
        );
        assert_eq!(&*current(&managed_secret).await.text, "third");
        assert!(manager.with(|secrets| secrets.versions_with("keys", EDITED).len()) <= 1);
    }

    #[tokio::test]
    async fn a_rotation_that_is_done_does_not_look_like_one_under_way_after_a_change_by_hand() {
        let (manager, managed_secret) = empty();
        managed_secret.replace(None, "first").await.unwrap();
        let token = "t".repeat(32);
        assert!(manager.with(|secrets| secrets.start_rotation("keys", &token)));
        managed_secret.put_pending(&token, "second").await.unwrap();
        managed_secret.promote(&token, Some(&current(&managed_secret).await.id)).await.unwrap();
        managed_secret.replace(Some(&current(&managed_secret).await), "third").await.unwrap();
        assert_eq!(manager.with(|secrets| secrets.version("keys", PENDING).map(str::to_owned)), None);
        assert!(manager.with(|secrets| secrets.start_rotation("keys", &"u".repeat(32))));
        // A rotation under way is left alone.
        managed_secret.replace(Some(&current(&managed_secret).await), "fourth").await.unwrap();
        assert_eq!(manager.with(|secrets| secrets.versions_with("keys", PENDING).len()), 1);
    }

    #[tokio::test]
    async fn a_lost_answer_does_not_make_a_value_in_force_a_failure() {
        let (manager, managed_secret) = empty();
        for operation in ["PutSecretValue", "UpdateSecretVersionStage"] {
            for text in ["first", "second"] {
                let before = managed_secret.current().await.unwrap();
                manager.loses_answer(operation);
                manager.calls();
                managed_secret.replace(before.as_ref(), text).await.unwrap();
                let tries = manager.calls().into_iter().filter(|call| call == operation);
                assert!(tries.count() >= 2, "{operation} was tried again");
                assert_eq!(&*current(&managed_secret).await.text, text);
            }
        }
    }
}
