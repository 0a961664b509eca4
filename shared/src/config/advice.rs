//! Settings that have no effect beside the others, or one that nobody means.

use super::{Config, Environment};
use crate::keys::{Source, TokenProfile, api_key::ApiKeys};

/// Whether each API key in the variable may encode, and do nothing else.
fn encodes_alone(api_key: &Option<Source>) -> bool {
    let Some(Source::Text(text)) = api_key else { return false };
    ApiKeys::parse(text).is_ok_and(|keys| keys.describe().all(|(_, scopes)| scopes == "encode"))
}

/// A sentence for each of them.
pub(super) fn of(env: &Environment, config: &Config) -> Vec<String> {
    let is_set = |name: &str| env.text(name).is_some();
    let (tokens, firebase) = (&config.tokens, &config.firebase);
    let lives = &tokens.session_lifetimes;
    let makes_custom_tokens = config.wants_firebase();
    let emulated = firebase.emulator_host.is_some();
    let is_number = |id: &String| id.bytes().all(|byte| byte.is_ascii_digit());
    let told = [
        (
            firebase.project_id.is_none() && firebase.google_cloud_project.as_ref().is_some_and(is_number),
            "GOOGLE_CLOUD_PROJECT is a project's number, and ID tokens have its id: set FIREBASE_PROJECT_ID.",
        ),
        (
            config.keys.shared_secret.is_none() && encodes_alone(&config.keys.api_key),
            "API_KEY has no effect without a shared secret: its scope is encode alone, and /jwt/encode needs JWT_SHARED_SECRET.",
        ),
        (
            is_set("REFRESH_TOKEN_IDLE_SECONDS") && lives.idle > lives.absolute,
            "REFRESH_TOKEN_IDLE_SECONDS has no effect: it is longer than REFRESH_TOKEN_TTL_SECONDS, the whole life of a session.",
        ),
        (
            tokens.access_token_life > lives.absolute,
            "REFRESH_TOKEN_TTL_SECONDS is shorter than ACCESS_TOKEN_TTL_SECONDS: a session ends before its first token does.",
        ),
        (
            tokens.access_token_life > lives.idle && lives.idle <= lives.absolute,
            "REFRESH_TOKEN_IDLE_SECONDS is shorter than ACCESS_TOKEN_TTL_SECONDS: an app that refreshes when its token expires \
             comes too late.",
        ),
        (
            tokens.clock_skew >= tokens.access_token_life,
            "CLOCK_SKEW_SECONDS is as long as ACCESS_TOKEN_TTL_SECONDS: each token is accepted for twice its life.",
        ),
        (
            is_set("FIREBASE_CLIENT_EMAIL") && firebase.account.is_none(),
            "FIREBASE_CLIENT_EMAIL has no effect without FIREBASE_SERVICE_ACCOUNT or FIREBASE_SERVICE_ACCOUNT_SECRET_ID.",
        ),
        (
            is_set("FIREBASE_TENANT_ID") && !makes_custom_tokens,
            "FIREBASE_TENANT_ID has no effect: by TOKEN_PROFILE jwt_token is no custom token.",
        ),
        (
            is_set("FIREBASE_CERTS_URL") && emulated,
            "FIREBASE_CERTS_URL has no effect beside FIREBASE_AUTH_EMULATOR_HOST: tokens of the emulator have no signature.",
        ),
        (
            tokens.profile == Some(TokenProfile::Firebase) && firebase.account.is_none() && !emulated,
            "TOKEN_PROFILE is firebase without a service account: a demo account signs, whose tokens only the Auth emulator \
             accepts. Set FIREBASE_SERVICE_ACCOUNT.",
        ),
        (
            config.wants_firebase()
                && firebase.account.is_none()
                && firebase.project_id.is_some()
                && !emulated
                && !config.on_cloud_run
                && env.platform.deployed_by.is_none(),
            "FIREBASE_PROJECT_ID is set without a service account of that project: jwt_token is a custom token of the demo \
             account, and signInWithCustomToken() of your project refuses it. Set FIREBASE_SERVICE_ACCOUNT, or \
             TOKEN_PROFILE=access.",
        ),
    ];
    told.into_iter().filter(|(applies, _)| *applies).map(|(_, sentence)| sentence.to_owned()).collect()
}
