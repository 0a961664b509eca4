//! Identities: the accounts of other providers by which a person signs in here.

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    sample::{Meaning, Sample},
    time::Timestamp,
};

/// The most identities of one account.
pub const IDENTITIES_MAX: usize = 10;
/// The id of the provider whose subjects are the uids of the deployment's Firebase project.
pub const FIREBASE: &str = "firebase";

/// An account of a provider, linked to an account here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The id of the provider in `IDENTITY_PROVIDERS`.
    pub provider: String,
    /// The provider's id of the person: `sub`, at most 255 bytes.
    pub subject: String,
    /// The hash of issuer and subject, in the key of a record. An issuer that takes the place of
    /// another under the same id therefore opens no account of that one.
    pub hash: String,
    /// The address that the provider last told. Empty if there is none. The account has its own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Whether the address only forwards to one that the person keeps secret.
    #[serde(default, skip_serializing_if = "is_false")]
    pub private_relay: bool,
    /// The time of the link.
    pub linked_at: Timestamp,
}

impl Identity {
    /// The identity with this subject at the issuer of a provider.
    pub fn new(provider: &str, issuer: &str, subject: &str, now: Timestamp) -> Self {
        let mut context = Context::new(&SHA256);
        for text in [issuer, subject] {
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        Self {
            provider: provider.to_owned(),
            subject: subject.to_owned(),
            hash: URL_SAFE_NO_PAD.encode(context.finish()),
            email: String::new(),
            private_relay: false,
            linked_at: now,
        }
    }

    /// Whether both are the same person at the same provider.
    pub fn is_same(&self, other: &Self) -> bool {
        self.provider == other.provider && self.hash == other.hash
    }

    /// The identity as its owner sees it.
    pub fn shown(&self) -> ShownIdentity {
        ShownIdentity {
            provider: self.provider.clone(),
            email: self.email.clone(),
            private_relay: self.private_relay,
            linked_at: self.linked_at.rfc3339(),
        }
    }
}

/// An identity as its owner and an admin see it.
#[derive(Clone, Debug, Serialize)]
pub struct ShownIdentity {
    provider: String,
    email: String,
    private_relay: bool,
    linked_at: String,
}

impl Sample for ShownIdentity {
    const NAME: &'static str = "Identity";
    const MEMBERS: &'static [Meaning] = &[
        ("provider", "The provider: google, apple, facebook, firebase, or one of your own."),
        ("email", "The address that the provider told last; empty if there is none."),
        ("private_relay", "Whether that address only forwards to one that the person keeps secret."),
        ("linked_at", "The time of the link."),
    ];

    fn sample() -> Self {
        Self {
            provider: "google".to_owned(),
            email: "james@gmail.com".to_owned(),
            private_relay: false,
            linked_at: "2026-05-01T09:00:00Z".to_owned(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    #[test]
    fn an_identity_is_one_subject_at_one_issuer_of_one_provider() {
        let of = |provider, issuer, subject| Identity::new(provider, issuer, subject, NOW);
        let one = of("acme", "https://a.example", "1");
        assert!(one.is_same(&Identity { email: "a@b.de".to_owned(), ..one.clone() }));
        for other in [
            of("acme", "https://a.example", "2"),
            of("acme", "https://b.example", "1"),
            of("other", "https://a.example", "1"),
            of("acme", "https://a.example1", ""),
        ] {
            assert!(!one.is_same(&other), "{other:?}");
        }
        assert_eq!(one.hash.len(), 43);
    }
}
