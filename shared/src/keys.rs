//! Keys: the key set that signs access and refresh tokens, the Firebase service account, the shared secrets and the API keys;
//! where they come from, how long they are kept, and how the key set is changed while people are logged in.
//!
//! A key of the set goes through five states, one way only:
//!
//! 1. *next*: published, and signing nothing;
//! 2. *due*: a rotation has said from when on it signs, late enough that everybody who may see its tokens knows it by then;
//! 3. *signing*: of those whose time has come, the newest;
//! 4. *superseded*: another one signs, and what this one signed is still taken;
//! 5. *retired*: refused, and not published.
//!
//! A rotation makes the next key due and a new one next. That a key has been published is therefore never assumed of the moment in
//! which a set is written: it is seen, in the set that is in force when the rotation begins.

pub mod api_key;
mod cache;
mod document;
pub mod google;
mod lines;
mod loader;
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

pub use lines::{LINES_MAX, secret_lines};
pub use loader::{Keys, SigningKeys, TokenSigner};
pub use ring::{KeyRing, TimedKey};
pub use rotation::{Event, Step, run_step};
pub use secret::{ManagedSecret, Version};
pub use set::{Change, Described, KeySet, KeyUse, NewKeys, State};
pub use source::{Source, read_file};
pub use sources::{FirebaseAccount, KeySources, TokenProfile};

/// The longest that a key set is used without another look at it, whatever the TTL: a key that was revoked is refused, and gone
/// from the published ones, within a minute.
const RING_AGE_MAX: Duration = Duration::from_secs(50);
/// What is allowed for a fetch that is under way and for two clocks that differ.
const SLACK: Duration = Duration::from_secs(5);

/// How long what concerns keys lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLifetimes {
    /// `KEYS_TTL_SECONDS`: how old what was loaded may get.
    pub ttl: Duration,
    /// `JWKS_MAX_AGE_SECONDS`: for how long others keep the published keys.
    pub jwks_max_age: Duration,
    /// `KEYS_OVERLAP_SECONDS`: how long after its successor signs the key of access tokens is taken.
    pub overlap: Duration,
    /// `ACCESS_TOKEN_TTL_SECONDS`: the life of what that key signs.
    pub access_token_life: Duration,
    /// `REFRESH_TOKEN_TTL_SECONDS`: the longest life of a refresh token.
    pub refresh_token_life: Duration,
    /// `CLOCK_SKEW_SECONDS`: for how long after its expiry a token is taken.
    pub skew: Duration,
}

impl KeyLifetimes {
    /// How old a key set may get.
    pub fn ring_age_max(&self) -> Duration {
        self.ttl.min(RING_AGE_MAX)
    }

    /// How long a key must be in the set before it signs: until every process has read the set, and every verifier elsewhere has
    /// let go of the published keys that it fetched before that.
    pub fn lead(&self) -> Duration {
        self.ring_age_max() + self.jwks_max_age + SLACK
    }

    /// How much longer a key must be taken that signs until now: until every process has read the set that supersedes it, and its
    /// last token has expired.
    pub fn margin(&self, purpose: KeyUse) -> Duration {
        let life = match purpose {
            KeyUse::Access => self.access_token_life + self.skew,
            KeyUse::Refresh => self.refresh_token_life,
        };
        self.ring_age_max() + life + SLACK
    }

    /// How long after its successor signs a key is taken.
    fn overlap(&self, purpose: KeyUse) -> Duration {
        match purpose {
            KeyUse::Access => self.overlap,
            // Whoever has a refresh token may come back with it at the end of its life.
            KeyUse::Refresh => self.overlap + self.refresh_token_life,
        }
    }
}
