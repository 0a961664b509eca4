//! The keys: where they are, and how long they are kept.

use std::time::Duration;

use super::{Environment, Tokens};
use crate::{
    keys::shared_secret::SharedSecrets,
    keys::{KeyLifetimes, KeyUse, Source, api_key::ApiKeys},
};

/// Where the keys are, apart from Firebase's, and how long they are kept.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// `SIGNING_KEYS_SECRET_ID` (a secret's id; required on Lambda) or `SIGNING_KEYS_FILE` (a path; one of them is required on Cloud
    /// Run); else a file in the data folder.
    pub signing_keys: Option<Source>,
    /// `SHARED_SECRET_ID` (a secret's id), `JWT_SHARED_SECRET` (the secret, or several, one a line) or `JWT_SHARED_SECRET_FILE` (a
    /// path), none: signs and verifies HS256 tokens.
    pub shared_secret: Option<Source>,
    /// `API_KEY_SECRET_ID` (a secret's id), `API_KEY` (the key, or several, one a line) or `API_KEY_FILE` (a path), none: by which
    /// trusted servers are known.
    pub api_key: Option<Source>,
    /// `KEYS_TTL_SECONDS`, 300, 1–3600: how old what was loaded from a secret or a file may get; the key set, 50 seconds at the
    /// most.
    pub ttl: Duration,
    /// `JWKS_MAX_AGE_SECONDS`, 300, 1–86400: for how long others may keep the published keys.
    pub jwks_max_age: Duration,
    /// `KEYS_OVERLAP_SECONDS`, 7200, to 30 days and no less than the lives of a published key and of a token ask for: how long after
    /// its successor signs the key of access tokens is taken.
    pub overlap: Duration,
}

impl KeySettings {
    /// The lives of `tokens` bound the overlap from below.
    pub(super) fn read(env: &mut Environment, tokens: &Tokens) -> Self {
        let mut keys = Self {
            signing_keys: signing_keys(env),
            shared_secret: shared_secret(env),
            api_key: api_key(env),
            ttl: env.seconds("KEYS_TTL_SECONDS", 300, 1, 3_600),
            jwks_max_age: env.seconds("JWKS_MAX_AGE_SECONDS", 300, 1, 86_400),
            overlap: Duration::ZERO,
        };
        // Less, and a rotation would end tokens before their time.
        let lifetimes = keys.lifetimes(tokens);
        let least = (lifetimes.lead() + lifetimes.margin(KeyUse::Access)).as_secs();
        keys.overlap = env.seconds("KEYS_OVERLAP_SECONDS", least.max(7_200), least, 2_592_000);
        keys
    }

    /// How long what concerns keys lasts.
    pub(super) fn lifetimes(&self, tokens: &Tokens) -> KeyLifetimes {
        KeyLifetimes {
            ttl: self.ttl,
            jwks_max_age: self.jwks_max_age,
            overlap: self.overlap,
            access_token_life: tokens.access_token_life,
            refresh_token_life: tokens.session_lifetimes.absolute,
            skew: tokens.clock_skew,
        }
    }
}

fn signing_keys(env: &mut Environment) -> Option<Source> {
    let sources = [env.secret("SIGNING_KEYS_SECRET_ID"), env.file("SIGNING_KEYS_FILE")];
    let source = env.only(sources);
    if env.platform.on_lambda && source.is_none() {
        env.refuse("SIGNING_KEYS_SECRET_ID", "is required on Lambda: the secret that holds the signing keys");
    }
    source
}

fn shared_secret(env: &mut Environment) -> Option<Source> {
    let sources = [
        env.secret("SHARED_SECRET_ID"),
        env.value("JWT_SHARED_SECRET", |text| SharedSecrets::parse(&text).map(|_| Source::Text(text))),
        env.file("JWT_SHARED_SECRET_FILE"),
    ];
    env.only(sources)
}

fn api_key(env: &mut Environment) -> Option<Source> {
    let sources = [
        env.secret("API_KEY_SECRET_ID"),
        env.value("API_KEY", |text| ApiKeys::parse(&text).map(|_| Source::Text(text))),
        env.file("API_KEY_FILE"),
    ];
    env.only(sources)
}
