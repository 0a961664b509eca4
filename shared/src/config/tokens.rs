//! Tokens and sessions.

use std::time::Duration;

use super::{Environment, Firebase, KeySettings};
use crate::{account::session::SessionLifetimes, keys::TokenProfile};

/// What the tokens of a session are, and how long they last.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// `TOKEN_PROFILE`, `firebase` where a service account is configured, else `access`: what `jwt_token` is.
    pub profile: Option<TokenProfile>,
    /// `ACCESS_TOKEN_TTL_SECONDS`, 3600, 60–3600: life of `jwt_token` and `access_token`.
    pub access_token_life: Duration,
    /// `REFRESH_TOKEN_TTL_SECONDS`, 2592000; `REFRESH_TOKEN_IDLE_SECONDS`, 1209600; `REFRESH_REUSE_INTERVAL_SECONDS`, 10, 0–60.
    pub session_lifetimes: SessionLifetimes,
    /// `CLOCK_SKEW_SECONDS`, 60, 0–300: allowed on every time in a token.
    pub clock_skew: Duration,
}

impl Tokens {
    pub(super) fn read(env: &mut Environment) -> Self {
        Self {
            profile: profile(env),
            access_token_life: env.seconds("ACCESS_TOKEN_TTL_SECONDS", 3_600, 60, 3_600),
            session_lifetimes: SessionLifetimes {
                absolute: env.seconds("REFRESH_TOKEN_TTL_SECONDS", 2_592_000, 60, 31_536_000),
                idle: env.seconds("REFRESH_TOKEN_IDLE_SECONDS", 1_209_600, 60, 31_536_000),
                reuse_interval: env.seconds("REFRESH_REUSE_INTERVAL_SECONDS", 10, 0, 60),
            },
            clock_skew: env.seconds("CLOCK_SKEW_SECONDS", 60, 0, 300),
        }
    }

    /// Refuses a profile whose key is not configured. On Cloud Run `cloud_run` says so of a service account, and locally a
    /// demo account is made.
    pub(super) fn check_profile(&self, env: &mut Environment, keys: &KeySettings, firebase: &Firebase) {
        match self.profile {
            Some(TokenProfile::Firebase) if env.platform.on_lambda && firebase.account.is_none() => {
                env.refuse("TOKEN_PROFILE", "is firebase, which needs FIREBASE_SERVICE_ACCOUNT_SECRET_ID");
            }
            Some(TokenProfile::SharedSecret) if keys.shared_secret.is_none() => env.refuse(
                "TOKEN_PROFILE",
                "is shared_secret, which needs SHARED_SECRET_ID, JWT_SHARED_SECRET or JWT_SHARED_SECRET_FILE",
            ),
            _ => {}
        }
    }
}

fn profile(env: &mut Environment) -> Option<TokenProfile> {
    match env.text("TOKEN_PROFILE")?.as_str() {
        "access" => Some(TokenProfile::Access),
        "firebase" => Some(TokenProfile::Firebase),
        "shared_secret" => Some(TokenProfile::SharedSecret),
        _ => {
            env.refuse("TOKEN_PROFILE", "must be firebase, access or shared_secret");
            None
        }
    }
}
