//! Tokens and sessions.

use std::time::Duration;

use super::{Environment, Firebase, KeySettings};
use crate::{account::session::SessionLifetimes, keys::TokenProfile};

/// The kind of `jwt_token`, and the lifetimes of tokens and sessions.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Sets the kind of `jwt_token`. Defaults to `firebase` with a service account, else `access`.
    /// Accepts `firebase`, `access` or `shared_secret`. Read from `TOKEN_PROFILE`. The kind
    /// `shared_secret` needs a shared secret. On Lambda and Cloud Run the kind `firebase` needs a
    /// service account.
    pub profile: Option<TokenProfile>,
    /// Sets the life of `jwt_token` and `access_token`. Defaults to 3600. Accepts 60 to 3600. Read
    /// from `ACCESS_TOKEN_TTL_SECONDS`.
    pub access_token_life: Duration,
    /// Sets the life of a session, from its login. Defaults to 2592000 (30 days). Accepts 60 to
    /// 31536000 (a year). Read from `REFRESH_TOKEN_TTL_SECONDS`.
    ///
    /// Sets the life of a session that is not refreshed. Defaults to 1209600 (14 days). Accepts 60
    /// to 31536000 (a year). Read from `REFRESH_TOKEN_IDLE_SECONDS`.
    ///
    /// Sets the time for which an exchanged refresh token still gets its child; with 0 the second
    /// use of a token ends its session. Defaults to 10. Accepts 0 to 60. Read from
    /// `REFRESH_REUSE_INTERVAL_SECONDS`.
    pub session_lifetimes: SessionLifetimes,
    /// Sets the allowance on every time in a token. Defaults to 60. Accepts 0 to 300. Read from
    /// `CLOCK_SKEW_SECONDS`.
    pub clock_skew: Duration,
}

impl Tokens {
    pub(super) fn read(env: &mut Environment) -> Self {
        let access_token_life = env.seconds("ACCESS_TOKEN_TTL_SECONDS", 3_600, 60, 3_600);
        Self {
            profile: profile(env),
            access_token_life,
            session_lifetimes: SessionLifetimes {
                absolute: env.seconds("REFRESH_TOKEN_TTL_SECONDS", 2_592_000, 60, 31_536_000),
                idle: env.seconds("REFRESH_TOKEN_IDLE_SECONDS", 1_209_600, 60, 31_536_000),
                reuse_interval: env.seconds("REFRESH_REUSE_INTERVAL_SECONDS", 10, 0, 60),
                unused_child: access_token_life,
            },
            clock_skew: env.seconds("CLOCK_SKEW_SECONDS", 60, 0, 300),
        }
    }

    /// Refuses a profile without its key. `cloud_run` does the same for a service account on Cloud
    /// Run; on a laptop a demo account stands in.
    pub(super) fn check_profile(&self, env: &mut Environment, keys: &KeySettings, firebase: &Firebase) {
        match self.profile {
            Some(TokenProfile::Firebase) if env.platform.on_lambda && !firebase.has_account() => {
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
    match env.word("TOKEN_PROFILE")?.replace('-', "_").as_str() {
        "access" => Some(TokenProfile::Access),
        "firebase" => Some(TokenProfile::Firebase),
        "shared_secret" => Some(TokenProfile::SharedSecret),
        _ => {
            env.refuse("TOKEN_PROFILE", "must be firebase, access or shared_secret");
            None
        }
    }
}
