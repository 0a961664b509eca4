//! Keys: the key set that signs access and refresh tokens, the Firebase service account, the shared
//! secrets, the API keys and the admin keys. This module loads and caches them, and changes the key
//! set while people are logged in.
//!
//! A key of the set goes through five states, in one direction only:
//!
//! 1. *next*: the key is published and does not sign.
//! 2. *due*: a rotation has set the time from which the key signs. Every verifier knows the key
//!    before that time.
//! 3. *signing*: the key is the newest one whose time has come.
//! 4. *superseded*: another key signs, and tokens by this key are still accepted.
//! 5. *retired*: the key is refused, and not published.
//!
//! A rotation makes the next key due, and adds a new next key. It starts from the set in force,
//! which already publishes the key that becomes due. The time at which a set was written would
//! prove nothing, because a set may come into force much later.

pub mod admin_key;
pub mod api_key;
mod cache;
mod document;
pub mod google;
mod lines;
mod loader;
mod managed;
mod proof_key;
mod pseudonyms;
mod published;
mod refresh;
mod ring;
mod rotation;
mod secret;
pub mod service_account;
mod set;
pub mod shared_secret;
pub mod signer;
mod source;
mod sources;

use std::time::Duration;

pub use lines::{LINES_MAX, guessable, secret_lines, something_else};
pub use loader::{Keys, SigningKeys, TokenSigner};
pub use managed::ManagedKeySet;
pub use proof_key::ProofKeys;
pub use pseudonyms::Pseudonyms;
pub use published::PublicKeys;
pub use refresh::RefreshKeys;
pub use ring::{KeyRing, TimedKey};
pub use rotation::{Event, Step, run_step};
pub use secret::{ManagedSecret, Version};
pub use set::{Change, Described, KeySet, KeyUse, NewKeys, Part, PartIds, State};
pub use source::{Source, file_fault, read_file};
pub use sources::{FirebaseAccount, HeldAccount, KeySources, RemoteAccount, RemoteSigner, TokenProfile};

/// The maximum age of a loaded key set, whatever the TTL. A revoked key is therefore refused, and
/// no longer published, within a minute.
const RING_AGE_MAX: Duration = Duration::from_secs(50);
/// The allowance for a fetch that is under way and for two clocks that differ.
const SLACK: Duration = Duration::from_secs(5);

/// The configured times that decide how long keys are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLifetimes {
    /// `KEYS_TTL_SECONDS`: the maximum age of loaded keys.
    pub ttl: Duration,
    /// `JWKS_MAX_AGE_SECONDS`: the time for which verifiers elsewhere keep the published keys.
    pub jwks_max_age: Duration,
    /// `KEYS_OVERLAP_SECONDS`: the time for which a key of access tokens is still accepted after
    /// its successor signs.
    pub overlap: Duration,
    /// `ACCESS_TOKEN_TTL_SECONDS`: the life of an access token.
    pub access_token_life: Duration,
    /// `REFRESH_TOKEN_TTL_SECONDS`: the longest life of a refresh token.
    pub refresh_token_life: Duration,
    /// `CLOCK_SKEW_SECONDS`: the time for which a token is still accepted after its expiry.
    pub skew: Duration,
}

impl KeyLifetimes {
    /// The maximum age of a loaded key set.
    pub fn ring_age_max(&self) -> Duration {
        self.ttl.min(RING_AGE_MAX)
    }

    /// The time that a key must be in the set before it signs. In this time every process reads the
    /// set, and every verifier elsewhere drops the published keys that it fetched before.
    pub fn lead(&self) -> Duration {
        self.ring_age_max() + self.jwks_max_age + SLACK
    }

    /// The time for which a key must still be accepted if it signs until now. In this time every
    /// process reads the set that supersedes the key, and the key's last token expires.
    pub fn margin(&self, purpose: KeyUse) -> Duration {
        let life = match purpose {
            KeyUse::Access => self.access_token_life + self.skew,
            KeyUse::Refresh => self.refresh_token_life,
        };
        self.ring_age_max() + life + SLACK
    }

    /// The time for which a key is still accepted after its successor signs.
    fn overlap(&self, purpose: KeyUse) -> Duration {
        match purpose {
            KeyUse::Access => self.overlap,
            // A client may come back with its refresh token at the end of the token's life.
            KeyUse::Refresh => self.overlap + self.refresh_token_life,
        }
    }
}
