//! What a deployment on Cloud Run must have chosen. An instance there lives for minutes, and its files with it: whatever a laptop
//! makes up at its first start would be another each time.

use super::{Config, Environment};
use crate::keys::TokenProfile;

/// What `infra/cloud-run/service.yaml` has where a deployment's own values belong.
const PLACEHOLDER: &str = "REPLACE_ME";
/// The variables with a placeholder there.
const FILLED_IN: [&str; 6] =
    ["AWS_REGION", "AWS_ROLE_ARN", "GOOGLE_CLOUD_PROJECT", "ISSUER", "SIGNING_KEYS_SECRET_ID", "TABLE_NAME"];

/// Refuses what is missing on Cloud Run, or was left as it came.
pub(super) fn check(env: &mut Environment, config: &Config) {
    if !config.on_cloud_run {
        return;
    }
    for name in FILLED_IN {
        if env.text(name).is_some_and(|value| value.contains(PLACEHOLDER)) {
            env.refuse(name, "is still the placeholder of service.yaml: put your own value there");
        }
    }
    if config.keys.signing_keys.is_none() {
        env.refuse(
            "SIGNING_KEYS_SECRET_ID",
            "or SIGNING_KEYS_FILE is required on Cloud Run: keys that an instance made would end with it, and every session too",
        );
    }
    if config.firebase.account.is_none() && config.tokens.profile == Some(TokenProfile::Firebase) {
        env.refuse(
            "TOKEN_PROFILE",
            "is firebase, which needs FIREBASE_SERVICE_ACCOUNT or FIREBASE_SERVICE_ACCOUNT_SECRET_ID",
        );
    }
    match &config.http.issuer {
        None => env.refuse("ISSUER", "is required on Cloud Run: the URL of the service"),
        Some(issuer) if !issuer.starts_with("https://") && !issuer.contains(PLACEHOLDER) => {
            env.refuse("ISSUER", "must begin with https:// on Cloud Run: the URL of the service");
        }
        Some(_) => {}
    }
}
