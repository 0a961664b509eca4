//! The secrets of a deployment, each from its source.

use std::sync::Arc;

use aws_sdk_secretsmanager::Client;

use super::{FirebaseAccount, KeyRing, KeySources, ManagedSecret, Source, TokenProfile, document::Document};
use crate::{
    error::Error,
    keys::shared_secret::SharedSecrets,
    keys::{api_key::ApiKeys, service_account::ServiceAccount},
    time::Timestamp,
};

/// What a session object is signed with.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    /// The service's own keys.
    pub ring: Arc<KeyRing>,
    /// What `jwt_token` is signed with.
    pub jwt: TokenSigner,
}

/// What signs `jwt_token`, by `TOKEN_PROFILE`.
#[derive(Clone, Debug)]
pub enum TokenSigner {
    /// It is the access token.
    None,
    /// It is a custom token.
    Firebase(Arc<ServiceAccount>),
    /// It is an HS256 token.
    SharedSecret(Arc<SharedSecrets>),
}

/// The secrets of a deployment, each loaded by whoever needs it first, kept for its time and then renewed. What is given out is
/// one whole version, never of two.
pub struct Keys {
    secrets: Option<Client>,
    profile: Option<TokenProfile>,
    ring: Document<KeyRing>,
    firebase: Option<Document<ServiceAccount>>,
    shared_secrets: Option<Document<SharedSecrets>>,
    api_keys: Option<Document<ApiKeys>>,
}

impl Keys {
    /// The keys from `sources`; nothing is read yet. `secrets` is needed only if one of the sources is a secret.
    pub fn new(secrets: Option<Client>, sources: KeySources) -> Self {
        let KeySources { signing_keys, firebase, shared_secret, api_key, token_profile, lifetimes } = sources;
        let ttl = lifetimes.ttl;
        Self {
            secrets: secrets.clone(),
            profile: token_profile,
            ring: Document::new(secrets.clone(), signing_keys, lifetimes.ring_age_max(), KeyRing::parse),
            firebase: firebase.map(|firebase| {
                let name = named(&firebase.source, "FIREBASE_SERVICE_ACCOUNT_SECRET_ID", "FIREBASE_SERVICE_ACCOUNT");
                Document::new(secrets.clone(), firebase.source.clone(), ttl, move |text| {
                    account(&firebase, text).map_err(|refusal| format!("{name}: {refusal}"))
                })
            }),
            shared_secrets: shared_secret.map(|source| {
                let name = named(&source, "SHARED_SECRET_ID", "JWT_SHARED_SECRET");
                Document::new(secrets.clone(), source, ttl, move |text| {
                    SharedSecrets::parse(text).map_err(|refusal| format!("{name} {refusal}."))
                })
            }),
            api_keys: api_key.map(|source| {
                let name = named(&source, "API_KEY_SECRET_ID", "API_KEY");
                Document::new(secrets, source, ttl, move |text| {
                    ApiKeys::parse(text).map_err(|refusal| format!("{name} {refusal}."))
                })
            }),
        }
    }

    /// The secret with this name or ARN, to be changed.
    ///
    /// # Errors
    ///
    /// 500: there is no client for Secrets Manager.
    pub fn managed_secret(&self, id: &str) -> Result<ManagedSecret, Error> {
        let secrets = self.secrets.clone().ok_or_else(|| Error::internal("there is no client for Secrets Manager"))?;
        Ok(ManagedSecret::new(secrets, id))
    }

    /// All that a session object is signed with, loaded at the same time; nothing else, so that what is broken elsewhere keeps
    /// nobody from logging in.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log, within three seconds: a source cannot be reached, or what it gives is no key, and nothing was
    /// loaded from it before.
    pub async fn get(&self, now: Timestamp) -> Result<SigningKeys, Error> {
        let (ring, jwt) = tokio::try_join!(self.ring(now), self.jwt(now))?;
        Ok(SigningKeys { ring, jwt })
    }

    async fn jwt(&self, now: Timestamp) -> Result<TokenSigner, Error> {
        let key = match self.profile {
            None | Some(TokenProfile::Firebase) => self.firebase(now).await?.map(TokenSigner::Firebase),
            Some(TokenProfile::SharedSecret) => self.shared_secrets(now).await?.map(TokenSigner::SharedSecret),
            Some(TokenProfile::Access) => None,
        };
        Ok(key.unwrap_or(TokenSigner::None))
    }

    /// Loads whatever is configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`], of the first that fails.
    pub async fn warm(&self, now: Timestamp) -> Result<(), Error> {
        tokio::try_join!(self.ring(now), self.firebase(now), self.shared_secrets(now), self.api_keys(now)).map(drop)
    }

    /// The service's own keys.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn ring(&self, now: Timestamp) -> Result<Arc<KeyRing>, Error> {
        self.ring.get(now).await
    }

    /// The same, read once more if `suits` finds that they lack a key: they may have been rotated elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`]; also if that key is not there and newer ones cannot be had.
    pub async fn ring_if(&self, now: Timestamp, suits: impl Fn(&KeyRing) -> bool) -> Result<Arc<KeyRing>, Error> {
        self.ring.get_if(now, suits).await
    }

    /// The Firebase service account, where one is configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn firebase(&self, now: Timestamp) -> Result<Option<Arc<ServiceAccount>>, Error> {
        optional(self.firebase.as_ref().map(|cached| cached.get(now))).await
    }

    /// The shared secrets, where one is configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn shared_secrets(&self, now: Timestamp) -> Result<Option<Arc<SharedSecrets>>, Error> {
        optional(self.shared_secrets.as_ref().map(|cached| cached.get(now))).await
    }

    /// The same, read once more if `suits` finds that they lack one.
    ///
    /// # Errors
    ///
    /// As [`Keys::ring_if`].
    pub async fn shared_secrets_if(
        &self,
        now: Timestamp,
        suits: impl Fn(&SharedSecrets) -> bool,
    ) -> Result<Option<Arc<SharedSecrets>>, Error> {
        optional(self.shared_secrets.as_ref().map(|cached| cached.get_if(now, suits))).await
    }

    /// The API keys, where one is configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn api_keys(&self, now: Timestamp) -> Result<Option<Arc<ApiKeys>>, Error> {
        optional(self.api_keys.as_ref().map(|cached| cached.get(now))).await
    }

    /// The same, read once more if `suits` finds that they lack one.
    ///
    /// # Errors
    ///
    /// As [`Keys::ring_if`].
    pub async fn api_keys_if(
        &self,
        now: Timestamp,
        suits: impl Fn(&ApiKeys) -> bool,
    ) -> Result<Option<Arc<ApiKeys>>, Error> {
        optional(self.api_keys.as_ref().map(|cached| cached.get_if(now, suits))).await
    }
}

async fn optional<T>(load: Option<impl Future<Output = Result<T, Error>>>) -> Result<Option<T>, Error> {
    match load {
        Some(load) => load.await.map(Some),
        None => Ok(None),
    }
}

/// What to mend where the content of a source is wrong.
fn named(source: &Source, secret: &str, text: &str) -> String {
    match source {
        Source::Secret(_) => secret.to_owned(),
        Source::Text(_) => text.to_owned(),
        Source::File(path) => path.display().to_string(),
    }
}

/// The service account, as it was pasted; a custom token of another project's account would be refused by the project whose
/// ID tokens are verified here.
fn account(firebase: &FirebaseAccount, text: &str) -> Result<ServiceAccount, String> {
    let FirebaseAccount { client_email, project_id, is_demo, .. } = firebase;
    let account = ServiceAccount::parse_as(text, client_email.as_deref(), project_id.as_deref())?;
    if !account.repairs.is_empty() {
        let repairs = account.repairs.join(", ");
        tracing::warn!(repairs, "the Firebase service account was not as Google gives it, and was repaired");
    }
    match project_id {
        Some(project) if *project != account.project_id && !is_demo => Err(format!(
            "FIREBASE_PROJECT_ID is {project}, but the service account belongs to the project {}. Take the service \
             account of {project}, or change or unset FIREBASE_PROJECT_ID.",
            account.project_id
        )),
        _ => Ok(account),
    }
}

#[cfg(test)]
mod tests;
