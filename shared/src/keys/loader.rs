//! The secrets of a deployment, each loaded from its source.

use std::{sync::Arc, time::Duration};

use aws_sdk_secretsmanager::Client;
use zeroize::Zeroizing;

use super::{
    FirebaseAccount, HeldAccount, KeyRing, KeySources, ManagedKeySet, PartIds, ProofKeys, Pseudonyms, PublicKeys,
    RefreshKeys, Source, TokenProfile, document::Document,
};
use crate::{
    error::Error,
    keys::shared_secret::SharedSecrets,
    keys::{admin_key::AdminKeys, api_key::ApiKeys, service_account::ServiceAccount},
    time::Timestamp,
};

/// The keys that sign a session object.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    /// The service's own keys.
    pub ring: Arc<KeyRing>,
    /// The signer of `jwt_token`.
    pub jwt: TokenSigner,
}

/// The signer of `jwt_token`, by `TOKEN_PROFILE`.
#[derive(Clone, Debug)]
pub enum TokenSigner {
    /// `jwt_token` is the access token, which the key ring signs.
    None,
    /// `jwt_token` is a custom token.
    Firebase(Arc<ServiceAccount>),
    /// `jwt_token` is an HS256 token.
    SharedSecret(Arc<SharedSecrets>),
}

/// The secrets of a deployment. The first request that needs a secret loads it; the secret is kept
/// for its time and then renewed. Callers get one whole version, never a mixture of two.
pub struct Keys {
    secrets: Option<Client>,
    profile: Option<TokenProfile>,
    /// The whole set. A process that has it reads no part of it, so that it never mixes
    /// generations.
    ring: Option<Document<KeyRing>>,
    public: Option<Document<PublicKeys>>,
    refresh: Option<Document<RefreshKeys>>,
    parts: PartIds,
    pseudonyms: Pseudonyms,
    firebase: Option<Account>,
    shared_secrets: Option<Document<SharedSecrets>>,
    api_keys: Option<Document<ApiKeys>>,
    admin_keys: Option<Document<AdminKeys>>,
    proof_keys: Option<Document<ProofKeys>>,
    mail: Option<Document<Zeroizing<String>>>,
    event_webhook: Option<Document<Zeroizing<String>>>,
    legacy_login: Option<Document<Zeroizing<String>>>,
}

/// The service account: in a document that this process reads, or with a key elsewhere.
enum Account {
    Held(Document<ServiceAccount>),
    Remote(Arc<ServiceAccount>),
}

impl Account {
    async fn get(&self, now: Timestamp) -> Result<Arc<ServiceAccount>, Error> {
        match self {
            Self::Held(document) => document.get(now).await,
            Self::Remote(account) => Ok(account.clone()),
        }
    }
}

impl Keys {
    /// The keys from `sources`; nothing is read yet. `secrets` is needed only if a source is in
    /// Secrets Manager.
    pub fn new(secrets: Option<Client>, sources: KeySources) -> Self {
        let parts = sources.part_ids();
        let KeySources { signing_keys, refresh_keys, public_keys, .. } = sources;
        let KeySources { firebase, shared_secret, api_key, admin_key, proof_key, .. } = sources;
        let KeySources { mail, event_webhook, legacy_login, token_profile, lifetimes, aws, google, .. } = sources;
        let (ttl, age_max, is_whole) = (lifetimes.ttl, lifetimes.ring_age_max(), signing_keys.is_some());
        let pseudonyms = Pseudonyms::default();
        let (of_ring, of_refresh) = (pseudonyms.clone(), pseudonyms.clone());
        let ring = move |text: &str| KeyRing::parse(text).inspect(|ring| of_ring.learn(ring.refresh().pseudonym_key()));
        let refresh = move |text: &str| RefreshKeys::parse(text).inspect(|keys| of_refresh.learn(keys.pseudonym_key()));
        let (set, texts) = (secrets.clone(), secrets.clone());
        let whole =
            |source| Document::new(texts.clone(), source, ttl, |text: &str| Ok(Zeroizing::new(text.to_owned())));
        Self {
            secrets: secrets.clone(),
            profile: token_profile,
            ring: signing_keys.map(|source| part(&set, source, "SIGNING_KEYS_SECRET_ID", age_max, ring)),
            public: (public_keys.filter(|_| !is_whole))
                .map(|source| part(&set, source, "PUBLIC_KEYS_SECRET_ID", age_max, PublicKeys::parse)),
            refresh: (refresh_keys.filter(|_| !is_whole))
                .map(|source| part(&set, source, "REFRESH_KEYS_SECRET_ID", age_max, refresh)),
            parts,
            pseudonyms,
            firebase: firebase.map(|firebase| match firebase {
                FirebaseAccount::Held(held) => {
                    let name = named(&held.source, "FIREBASE_SERVICE_ACCOUNT_SECRET_ID", "FIREBASE_SERVICE_ACCOUNT");
                    Account::Held(Document::new(secrets.clone(), held.source.clone(), ttl, move |text| {
                        account(&held, text).map_err(|refusal| format!("{name}: {refusal}"))
                    }))
                }
                FirebaseAccount::Remote(remote) => {
                    Account::Remote(Arc::new(ServiceAccount::remote(&remote, aws, &google)))
                }
            }),
            shared_secrets: shared_secret.map(|source| {
                let name = named(&source, "SHARED_SECRET_ID", "JWT_SHARED_SECRET");
                Document::new(secrets.clone(), source, ttl, move |text| {
                    SharedSecrets::parse(text).map_err(|refusal| format!("{name} {refusal}."))
                })
            }),
            mail: mail.map(whole),
            event_webhook: event_webhook.map(whole),
            legacy_login: legacy_login.map(whole),
            api_keys: api_key.map(|source| {
                let name = named(&source, "API_KEY_SECRET_ID", "API_KEY");
                Document::new(secrets.clone(), source, ttl, move |text| {
                    ApiKeys::parse(text).map_err(|refusal| format!("{name} {refusal}."))
                })
            }),
            admin_keys: admin_key.map(|source| {
                let name = named(&source, "ADMIN_KEY_SECRET_ID", "ADMIN_KEY_FILE");
                Document::new(secrets.clone(), source, ttl, move |text| {
                    AdminKeys::parse(text).map_err(|refusal| format!("{name} {refusal}."))
                })
            }),
            proof_keys: proof_key.map(|source| {
                let name = named(&source, "PROOF_KEY_SECRET_ID", "PROOF_KEY_FILE");
                Document::new(secrets, source, ttl, move |text| {
                    ProofKeys::parse(text).map_err(|refusal| format!("{name} {refusal}."))
                })
            }),
        }
    }

    /// The maker of pseudonyms, under the key of the set that was loaded last. A process with the
    /// public keys alone names nobody.
    pub fn pseudonyms(&self) -> &Pseudonyms {
        &self.pseudonyms
    }

    /// The key set in the secret with this name or ARN, for changes.
    ///
    /// # Errors
    ///
    /// 500: there is no client for Secrets Manager.
    pub fn managed_set(&self, id: &str) -> Result<ManagedKeySet, Error> {
        let secrets = self.secrets.clone().ok_or_else(|| Error::internal("there is no client for Secrets Manager"))?;
        Ok(ManagedKeySet::new(secrets, id, self.parts.clone()))
    }

    /// The keys that sign a session object, loaded at the same time. Nothing else is loaded, so
    /// that a broken secret elsewhere keeps nobody from logging in.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log, within three seconds. A source cannot be reached or holds no
    /// key, and nothing was loaded from it before.
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

    /// Loads every configured secret.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`], for the first secret that fails.
    pub async fn warm(&self, now: Timestamp) -> Result<(), Error> {
        let set = async { optional(self.ring.as_ref().map(|document| document.get(now))).await };
        let public = async { optional(self.public.as_ref().map(|document| document.get(now))).await };
        let refresh = async { optional(self.refresh.as_ref().map(|document| document.get(now))).await };
        let others = async { tokio::try_join!(self.firebase(now), self.shared_secrets(now), self.api_keys(now)) };
        let of_people = async { tokio::try_join!(self.proof_keys(now), self.admin_keys(now)) };
        tokio::try_join!(set, public, refresh, others, of_people).map(drop)
    }

    /// Gets beforehand what a service that signs for the service account would make the first login
    /// wait for.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log.
    pub async fn prepare_signer(&self, now: Timestamp) -> Result<(), Error> {
        match &self.firebase {
            Some(Account::Remote(account)) => account.signer.prepare(now).await,
            Some(Account::Held(_)) | None => Ok(()),
        }
    }

    /// The service's own keys.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`]. 500 if this process has only a part of the set.
    pub async fn ring(&self, now: Timestamp) -> Result<Arc<KeyRing>, Error> {
        let ring = self.ring.as_ref();
        ring.ok_or_else(|| Error::internal("this process signs nothing: SIGNING_KEYS_SECRET_ID is not set"))?
            .get(now)
            .await
    }

    /// The public keys.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`]. 500 if this process has only the keys of refresh tokens.
    pub async fn public(&self, now: Timestamp) -> Result<Arc<PublicKeys>, Error> {
        self.public_if(now, |_| true).await
    }

    /// The public keys, read once more if `suits` finds that they lack a key. They may have been
    /// rotated elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Keys::public`]; also if the key is missing and no newer keys can be loaded.
    pub async fn public_if(
        &self,
        now: Timestamp,
        suits: impl Fn(&PublicKeys) -> bool,
    ) -> Result<Arc<PublicKeys>, Error> {
        match (&self.ring, &self.public) {
            (Some(set), _) => Ok(set.get_if(now, |ring| suits(ring.public())).await?.public().clone()),
            (None, Some(public)) => public.get_if(now, suits).await,
            (None, None) => Err(Error::internal("this process verifies nothing: PUBLIC_KEYS_SECRET_ID is not set")),
        }
    }

    /// The keys of refresh tokens, read once more if `suits` finds that they lack one.
    ///
    /// # Errors
    ///
    /// As [`Keys::public_if`]. 500 if this process has only the public keys.
    pub async fn refresh_if(
        &self,
        now: Timestamp,
        suits: impl Fn(&RefreshKeys) -> bool,
    ) -> Result<Arc<RefreshKeys>, Error> {
        match (&self.ring, &self.refresh) {
            (Some(set), _) => Ok(set.get_if(now, |ring| suits(ring.refresh())).await?.refresh().clone()),
            (None, Some(refresh)) => refresh.get_if(now, suits).await,
            (None, None) => {
                Err(Error::internal("this process opens no refresh token: REFRESH_KEYS_SECRET_ID is not set"))
            }
        }
    }

    /// The Firebase service account, if one is configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn firebase(&self, now: Timestamp) -> Result<Option<Arc<ServiceAccount>>, Error> {
        optional(self.firebase.as_ref().map(|cached| cached.get(now))).await
    }

    /// The shared secrets, if one is configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn shared_secrets(&self, now: Timestamp) -> Result<Option<Arc<SharedSecrets>>, Error> {
        optional(self.shared_secrets.as_ref().map(|cached| cached.get(now))).await
    }

    /// The shared secrets, read once more if `suits` finds that they lack one.
    ///
    /// # Errors
    ///
    /// As [`Keys::public_if`].
    pub async fn shared_secrets_if(
        &self,
        now: Timestamp,
        suits: impl Fn(&SharedSecrets) -> bool,
    ) -> Result<Option<Arc<SharedSecrets>>, Error> {
        optional(self.shared_secrets.as_ref().map(|cached| cached.get_if(now, suits))).await
    }

    /// The API keys, if one is configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn api_keys(&self, now: Timestamp) -> Result<Option<Arc<ApiKeys>>, Error> {
        optional(self.api_keys.as_ref().map(|cached| cached.get(now))).await
    }

    /// The API keys, read once more if `suits` finds that they lack one.
    ///
    /// # Errors
    ///
    /// As [`Keys::public_if`].
    pub async fn api_keys_if(
        &self,
        now: Timestamp,
        suits: impl Fn(&ApiKeys) -> bool,
    ) -> Result<Option<Arc<ApiKeys>>, Error> {
        optional(self.api_keys.as_ref().map(|cached| cached.get_if(now, suits))).await
    }

    /// The admin keys, if any are configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn admin_keys(&self, now: Timestamp) -> Result<Option<Arc<AdminKeys>>, Error> {
        optional(self.admin_keys.as_ref().map(|cached| cached.get(now))).await
    }

    /// The admin keys, read once more if `suits` finds that they lack one.
    ///
    /// # Errors
    ///
    /// As [`Keys::public_if`].
    pub async fn admin_keys_if(
        &self,
        now: Timestamp,
        suits: impl Fn(&AdminKeys) -> bool,
    ) -> Result<Option<Arc<AdminKeys>>, Error> {
        optional(self.admin_keys.as_ref().map(|cached| cached.get_if(now, suits))).await
    }

    /// The keys of proofs, if they are configured.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn proof_keys(&self, now: Timestamp) -> Result<Option<Arc<ProofKeys>>, Error> {
        optional(self.proof_keys.as_ref().map(|cached| cached.get(now))).await
    }

    /// The secret of the way of mails, if one is configured. [`Keys::warm`] does not read it,
    /// because only the sender of mails may.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn mail_secret(&self, now: Timestamp) -> Result<Option<Arc<Zeroizing<String>>>, Error> {
        optional(self.mail.as_ref().map(|cached| cached.get(now))).await
    }

    /// The secret that signs messages about events of accounts, if one is configured.
    /// [`Keys::warm`] does not read it, because only the sender may.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn event_webhook_secret(&self, now: Timestamp) -> Result<Option<Arc<Zeroizing<String>>>, Error> {
        optional(self.event_webhook.as_ref().map(|cached| cached.get(now))).await
    }

    /// The secret that signs the calls of the system that people come from, if one is configured.
    /// [`Keys::warm`] does not read it.
    ///
    /// # Errors
    ///
    /// As [`Keys::get`].
    pub async fn legacy_login_secret(&self, now: Timestamp) -> Result<Option<Arc<Zeroizing<String>>>, Error> {
        optional(self.legacy_login.as_ref().map(|cached| cached.get(now))).await
    }
}

/// The key set or a part of it. A text that is none is named by its source.
fn part<T: Send + Sync + 'static>(
    secrets: &Option<Client>,
    source: Source,
    variable: &str,
    age_max: Duration,
    parse: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static,
) -> Document<T> {
    let name = named(&source, variable, variable);
    let parse = move |text: &str| parse(text).map_err(|why| format!("{name}: {why}"));
    Document::new(secrets.clone(), source, age_max, parse)
}

async fn optional<T>(load: Option<impl Future<Output = Result<T, Error>>>) -> Result<Option<T>, Error> {
    match load {
        Some(load) => load.await.map(Some),
        None => Ok(None),
    }
}

/// The name of the thing to mend if the content of `source` is wrong: the secret, the variable or
/// the file.
fn named(source: &Source, secret: &str, text: &str) -> String {
    match source {
        Source::Secret(_) => secret.to_owned(),
        Source::Text(_) => text.to_owned(),
        Source::File(path) => path.display().to_string(),
    }
}

/// The service account, as it was pasted. Refuses an account of a project other than the one whose
/// ID tokens are verified here, because its custom tokens would be refused.
fn account(held: &HeldAccount, text: &str) -> Result<ServiceAccount, String> {
    let HeldAccount { client_email, project_id, is_demo, .. } = held;
    let account = ServiceAccount::parse_as(text, client_email.as_deref(), project_id.as_deref())?;
    if !account.repairs.is_empty() {
        let repairs = account.repairs.join(", ");
        tracing::warn!(repairs, "the Firebase service account was not as Google gives it, and was repaired");
    }
    match project_id {
        Some(project) if *project != account.project_id && !is_demo => Err(format!(
            "FIREBASE_PROJECT_ID is {project}, but the service account belongs to the project {}. Use the service \
             account of {project}, or change or unset FIREBASE_PROJECT_ID.",
            account.project_id
        )),
        _ => Ok(account),
    }
}

#[cfg(test)]
mod tests;
