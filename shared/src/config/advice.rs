//! Settings that have no effect beside the others, or one that nobody means.

use super::{Config, EmailSignIn, Environment};
use crate::keys::{
    Source, TokenProfile,
    api_key::{ApiKeys, key_in},
    secret_lines,
};

/// A sentence, and whether it applies.
type Advice = (bool, &'static str);

/// A sentence for each of them.
pub(super) fn of(env: &Environment, config: &Config) -> Vec<String> {
    let told = of_keys(config).into_iter().chain(of_lives(env, config)).chain(of_firebase(env, config));
    let told = told.chain([of_links(config)]);
    told.filter(|(applies, _)| *applies).map(|(_, sentence)| sentence.to_owned()).collect()
}

fn of_keys(config: &Config) -> [Advice; 2] {
    let keys = &config.keys;
    [
        (
            has_key_like_a_list(&keys.api_key),
            "API_KEY has a line with a colon or a comma and without scopes, and all of it is the key. A line with a name has the \
             form name:scope,scope:key, and each key a line of its own.",
        ),
        (
            keys.shared_secret.is_none() && encodes_alone(&keys.api_key),
            "API_KEY has no effect without a shared secret: its scope is encode alone, and /jwt/encode needs JWT_SHARED_SECRET.",
        ),
    ]
}

fn of_links(config: &Config) -> Advice {
    let accounts = &config.accounts;
    let is_asked = accounts.email_sign_in != EmailSignIn::Off || accounts.admission.require_verified_email;
    (
        accounts.email_sign_in_link && !is_asked,
        "EMAIL_SIGN_IN_LINK has no effect without EMAIL_SIGN_IN: no mail lets anybody log in.",
    )
}

fn of_lives(env: &Environment, config: &Config) -> [Advice; 4] {
    let tokens = &config.tokens;
    let (lives, token) = (&tokens.session_lifetimes, tokens.access_token_life);
    [
        (
            env.text("REFRESH_TOKEN_IDLE_SECONDS").is_some() && lives.idle > lives.absolute,
            "REFRESH_TOKEN_IDLE_SECONDS has no effect: it is longer than REFRESH_TOKEN_TTL_SECONDS, the whole life of a session.",
        ),
        (
            token > lives.absolute,
            "REFRESH_TOKEN_TTL_SECONDS is shorter than ACCESS_TOKEN_TTL_SECONDS: a session ends before its first token does.",
        ),
        (
            token > lives.idle && lives.idle <= lives.absolute,
            "REFRESH_TOKEN_IDLE_SECONDS is shorter than ACCESS_TOKEN_TTL_SECONDS: an app that refreshes when its token expires \
             comes too late.",
        ),
        (
            tokens.clock_skew >= token,
            "CLOCK_SKEW_SECONDS is as long as ACCESS_TOKEN_TTL_SECONDS: each token is accepted for twice its life.",
        ),
    ]
}

fn of_firebase(env: &Environment, config: &Config) -> [Advice; 6] {
    let (firebase, platform) = (&config.firebase, env.platform);
    let is_set = |name: &str| env.text(name).is_some();
    let is_number = |id: &String| id.bytes().all(|byte| byte.is_ascii_digit());
    let (is_emulated, has_account) = (firebase.emulator_host.is_some(), firebase.has_account());
    let has_demo = config.wants_firebase() && !has_account && !platform.on_lambda && !platform.on_cloud_run;
    [
        (
            firebase.project_id.is_none() && firebase.google_cloud_project.as_ref().is_some_and(is_number),
            "GOOGLE_CLOUD_PROJECT is a project's number, and ID tokens have its id: set FIREBASE_PROJECT_ID.",
        ),
        (
            is_set("FIREBASE_CLIENT_EMAIL") && !has_account,
            "FIREBASE_CLIENT_EMAIL has no effect without FIREBASE_SERVICE_ACCOUNT, FIREBASE_SERVICE_ACCOUNT_SECRET_ID or \
             FIREBASE_SIGNER.",
        ),
        (
            is_set("FIREBASE_TENANT_ID") && !config.wants_firebase(),
            "FIREBASE_TENANT_ID has no effect: by TOKEN_PROFILE jwt_token is no custom token.",
        ),
        (
            is_set("FIREBASE_CERTS_URL") && is_emulated,
            "FIREBASE_CERTS_URL has no effect beside FIREBASE_AUTH_EMULATOR_HOST: tokens of the emulator have no signature.",
        ),
        (
            has_demo && !is_emulated && config.tokens.profile == Some(TokenProfile::Firebase),
            "TOKEN_PROFILE is firebase without a service account: a demo account signs, whose tokens only the Auth emulator \
             accepts. Set FIREBASE_SERVICE_ACCOUNT.",
        ),
        (
            has_demo && !is_emulated && firebase.project_id.is_some(),
            "FIREBASE_PROJECT_ID is set without a service account of that project: jwt_token is a custom token of the demo \
             account, and signInWithCustomToken() of your project refuses it. Set FIREBASE_SERVICE_ACCOUNT, or \
             TOKEN_PROFILE=access.",
        ),
    ]
}

/// Whether each API key in the variable may encode, and do nothing else.
fn encodes_alone(api_key: &Option<Source>) -> bool {
    let Some(Source::Text(text)) = api_key else { return false };
    ApiKeys::parse(text).is_ok_and(|keys| keys.describe().all(|(_, scopes)| scopes == "encode"))
}

/// Whether a line of the API keys in the variable has no scopes, and separators that a key lacks.
fn has_key_like_a_list(api_key: &Option<Source>) -> bool {
    let Some(Source::Text(text)) = api_key else { return false };
    let lines = secret_lines(text, "api_key").unwrap_or_default();
    lines.iter().any(|line| key_in(line) == line.as_str() && line.contains([':', ',']))
}
