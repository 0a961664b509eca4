//! The choices that a deployment on Cloud Run must make. An instance there lives for minutes, and
//! its files with it: keys made at the first start, as on a laptop, would differ each time.

use super::{Config, Environment};
use crate::keys::TokenProfile;

/// The text that stands for a deployment's own values in `infra/cloud-run/service.yaml`.
const PLACEHOLDER: &str = "REPLACE_ME";
/// The variables that have this placeholder there.
const FILLED_IN: [&str; 6] =
    ["AWS_REGION", "AWS_ROLE_ARN", "GOOGLE_CLOUD_PROJECT", "ISSUER", "SIGNING_KEYS_SECRET_ID", "TABLE_NAME"];

/// Refuses placeholders on Cloud Run, before another rule calls them by another name.
pub(super) fn refuse_placeholders(env: &mut Environment) {
    if !env.platform.on_cloud_run {
        return;
    }
    for name in FILLED_IN {
        if env.text(name).is_some_and(|value| value.contains(PLACEHOLDER)) {
            env.refuse(name, "is still the placeholder of service.yaml: put your own value there");
        }
    }
}

/// Refuses missing choices on Cloud Run. Checks nothing elsewhere.
pub(super) fn check(env: &mut Environment, config: &Config) {
    if !config.on_cloud_run {
        return;
    }
    if config.keys.signing_keys.is_none() {
        env.refuse(
            "SIGNING_KEYS_SECRET_ID",
            "or SIGNING_KEYS_FILE is required on Cloud Run: keys that an instance made would end with it, and every session too",
        );
    }
    if !config.firebase.has_account() && config.tokens.profile == Some(TokenProfile::Firebase) {
        env.refuse(
            "TOKEN_PROFILE",
            "is firebase, which needs FIREBASE_SERVICE_ACCOUNT or FIREBASE_SERVICE_ACCOUNT_SECRET_ID",
        );
    }
    match &config.http.issuer {
        None => env.refuse("ISSUER", "is required on Cloud Run: the URL of the service"),
        Some(issuer) if !issuer.starts_with("https://") => {
            env.refuse("ISSUER", "must begin with https:// on Cloud Run: the URL of the service");
        }
        Some(_) => {}
    }
}
