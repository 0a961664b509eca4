//! The sources of a deployment's secrets, as its configuration names them.

use super::{
    KeyLifetimes, PartIds, Source,
    signer::{GoogleCaller, GoogleServers},
};
use crate::AwsCaller;

/// Everything that [`Keys`](super::Keys) needs from the configuration.
#[derive(Clone, Debug)]
pub struct KeySources {
    /// The whole key set, which signs access and refresh tokens. A process that has it reads no
    /// part of it.
    pub signing_keys: Option<Source>,
    /// The part of the set with the keys of refresh tokens.
    pub refresh_keys: Option<Source>,
    /// The part of the set with the public keys.
    pub public_keys: Option<Source>,
    /// The Firebase service account, which signs custom tokens.
    pub firebase: Option<FirebaseAccount>,
    /// The shared secrets, which sign and verify HS256 tokens.
    pub shared_secret: Option<Source>,
    /// The API keys, which identify trusted servers.
    pub api_key: Option<Source>,
    /// The admin keys, which open `/admin`.
    pub admin_key: Option<Source>,
    /// The keys of proofs, from which mailed codes and links are made.
    pub proof_key: Option<Source>,
    /// The secret of the way of mails: the URL of a server with its password, or the secret that
    /// signs webhooks. Only a sender of mails reads it.
    pub mail: Option<Source>,
    /// The secret that signs messages about events of accounts. Only their sender reads it.
    pub event_webhook: Option<Source>,
    /// The secret that signs the calls of the system that people come from. Only a login reads it.
    pub legacy_login: Option<Source>,
    /// The kind of `jwt_token`. `None` stands for [`TokenProfile::Firebase`] if there is a service
    /// account, and for [`TokenProfile::Access`] otherwise.
    pub token_profile: Option<TokenProfile>,
    /// The age at which a secret is read again, and the lifetimes of the keys in the set.
    pub lifetimes: KeyLifetimes,
    /// The identity of this process at AWS, for a signer that needs one. The configuration names
    /// none.
    pub aws: Option<AwsCaller>,
    /// The servers of Google, for a signer that asks them.
    pub google: GoogleServers,
}

/// The Firebase service account, by the place of its private key.
#[derive(Clone, Debug)]
pub enum FirebaseAccount {
    /// This process reads the key.
    Held(HeldAccount),
    /// Another service holds the key, and signs with it.
    Remote(RemoteAccount),
}

/// A Firebase service account whose key another service holds.
#[derive(Clone, Debug)]
pub struct RemoteAccount {
    /// The account's e-mail address.
    pub email: String,
    /// The account's project.
    pub project_id: String,
    /// The service that signs.
    pub signer: RemoteSigner,
}

/// A service that signs for the Firebase service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteSigner {
    /// The IAM Credentials API of Google, for this caller.
    Iam(GoogleCaller),
    /// AWS KMS.
    Kms {
        /// The ARN, the id or an alias of the key.
        key_id: String,
    },
}

/// A Firebase service account that this process reads, and the values that the configuration
/// expects in it.
#[derive(Clone, Debug)]
pub struct HeldAccount {
    /// The account's JSON, or its private key alone.
    pub source: Source,
    /// The account's e-mail address, for a private key without its JSON.
    pub client_email: Option<String>,
    /// The account's project. An account of another project is refused unless `is_demo`.
    pub project_id: Option<String>,
    /// Whether this is the demo account, which may belong to another project.
    pub is_demo: bool,
}

/// The kind of `jwt_token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenProfile {
    /// A Firebase custom token.
    Firebase,
    /// The access token.
    Access,
    /// A token signed with the shared secret.
    SharedSecret,
}

impl KeySources {
    /// Whether any of the sources is a secret in Secrets Manager.
    pub fn has_secrets(&self) -> bool {
        let firebase = match &self.firebase {
            Some(FirebaseAccount::Held(account)) => Some(&account.source),
            Some(FirebaseAccount::Remote(_)) | None => None,
        };
        let own = [
            &self.signing_keys,
            &self.refresh_keys,
            &self.public_keys,
            &self.shared_secret,
            &self.api_key,
            &self.admin_key,
            &self.proof_key,
            &self.mail,
            &self.event_webhook,
            &self.legacy_login,
        ];
        let sources = own.into_iter().map(Option::as_ref).chain([firebase]).flatten();
        sources.into_iter().any(|source| matches!(source, Source::Secret(_)))
    }

    /// Whether a signer calls AWS, so that it needs the identity of this process there.
    pub const fn calls_aws(&self) -> bool {
        let Some(FirebaseAccount::Remote(account)) = &self.firebase else { return false };
        matches!(account.signer, RemoteSigner::Kms { .. } | RemoteSigner::Iam(GoogleCaller::Aws { .. }))
    }

    /// The secrets with the parts of the key set.
    pub fn part_ids(&self) -> PartIds {
        let id = |source: &Option<Source>| match source {
            Some(Source::Secret(id)) => Some(id.clone()),
            _ => None,
        };
        PartIds { refresh: id(&self.refresh_keys), public: id(&self.public_keys) }
    }
}
