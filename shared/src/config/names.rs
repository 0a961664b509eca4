//! The names of all variables, and the names that people write in their place.

use strsim::osa_distance;

/// Whether a value may be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Plain,
    /// A secret, or a text that may hold one.
    Secret,
}
use Content::{Plain, Secret};

/// Every variable of `docs/configuration.md` that somebody sets by hand.
const VARIABLES: [(&str, Content); 94] = [
    ("ACCESS_TOKEN_TTL_SECONDS", Plain),
    ("ADMIN_ALLOWED_CIDRS", Plain),
    ("ADMIN_KEY", Secret),
    ("ADMIN_KEY_FILE", Plain),
    ("ADMIN_KEY_SECRET_ID", Plain),
    ("ADMIN_ORIGINS", Plain),
    ("ADMIN_ROLES", Plain),
    ("ADMIN_SIGN_IN_LINKS", Plain),
    ("API_KEY", Secret),
    ("API_KEY_FILE", Plain),
    ("API_KEY_SECRET_ID", Plain),
    ("APP_NAME", Plain),
    ("APP_URLS", Plain),
    ("ARGON2_ITERATIONS", Plain),
    ("ARGON2_MEMORY_KIB", Plain),
    ("AUDIENCE", Plain),
    ("AWS_DEFAULT_REGION", Plain),
    ("AWS_REGION", Plain),
    ("AWS_ROLE_ARN", Plain),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", Plain),
    ("BEHIND_PROXY", Plain),
    ("CLOCK_SKEW_SECONDS", Plain),
    ("CONSOLE", Plain),
    ("CORS_ALLOWED_ORIGINS", Plain),
    ("DATA_DIR", Plain),
    ("EMAIL_SIGN_IN", Plain),
    ("EMAIL_SIGN_IN_LINK", Plain),
    ("EVENT_WEBHOOK_SECRET", Secret),
    ("EVENT_WEBHOOK_SECRET_ID", Plain),
    ("EVENT_WEBHOOK_TYPES", Plain),
    ("EVENT_WEBHOOK_URL", Secret),
    ("FIREBASE_AUTH_EMULATOR_HOST", Plain),
    ("FIREBASE_CERTS_URL", Plain),
    ("FIREBASE_CLIENT_EMAIL", Plain),
    ("FIREBASE_KMS_KEY_ID", Plain),
    ("FIREBASE_PROJECT_ID", Plain),
    ("FIREBASE_SERVICE_ACCOUNT", Secret),
    ("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", Plain),
    ("FIREBASE_SIGNER", Plain),
    ("FIREBASE_SYNC", Plain),
    ("FIREBASE_TENANT_ID", Plain),
    ("FIREBASE_WORKLOAD_IDENTITY_PROVIDER", Plain),
    ("GCE_METADATA_HOST", Plain),
    ("GOOGLE_APPLICATION_CREDENTIALS", Secret),
    ("GOOGLE_CLOUD_PROJECT", Plain),
    ("IDENTITY_PROVIDERS", Plain),
    ("ISSUER", Plain),
    ("JWKS_MAX_AGE_SECONDS", Plain),
    ("JWT_SHARED_SECRET", Secret),
    ("JWT_SHARED_SECRET_FILE", Plain),
    ("KEYS_OVERLAP_SECONDS", Plain),
    ("KEYS_TTL_SECONDS", Plain),
    ("LEGACY_LOGIN_SECRET", Secret),
    ("LEGACY_LOGIN_SECRET_ID", Plain),
    ("LEGACY_LOGIN_URL", Secret),
    ("LOG_FORMAT", Plain),
    ("LOG_LEVEL", Plain),
    ("MAIL", Plain),
    ("MAIL_CODE_IN_SUBJECT", Plain),
    ("MAIL_FROM", Plain),
    ("MAIL_PER_DAY", Plain),
    ("MAIL_REPLY_TO", Plain),
    ("MAIL_WEBHOOK_SECRET", Secret),
    ("MAIL_WEBHOOK_SECRET_ID", Plain),
    ("MAIL_WEBHOOK_URL", Secret),
    ("METRICS_NAMESPACE", Plain),
    ("PASSWORD_BREACH_CHECK", Plain),
    ("PASSWORD_MIN_LENGTH", Plain),
    ("PORT", Plain),
    ("PROOF_KEY_FILE", Plain),
    ("PROOF_KEY_SECRET_ID", Plain),
    ("PUBLIC_KEYS_SECRET_ID", Plain),
    ("PUBLIC_URL", Plain),
    ("RATE_LIMITS", Plain),
    ("REFRESH_KEYS_SECRET_ID", Plain),
    ("REFRESH_REUSE_INTERVAL_SECONDS", Plain),
    ("REFRESH_TOKEN_IDLE_SECONDS", Plain),
    ("REFRESH_TOKEN_TTL_SECONDS", Plain),
    ("REQUIRE_VERIFIED_EMAIL", Plain),
    ("ROLES", Plain),
    ("SERVICE_NAMES", Plain),
    ("SES_CONFIGURATION_SET", Plain),
    ("SHARED_SECRET_ID", Plain),
    ("SIGNING_KEYS_FILE", Plain),
    ("SIGNING_KEYS_SECRET_ID", Plain),
    ("SIGN_UP", Plain),
    ("SMTP_URL", Secret),
    ("SMTP_URL_SECRET_ID", Plain),
    ("TABLE_NAME", Plain),
    ("TOKEN_PROFILE", Plain),
    ("TRUSTED_PROXY_SECRET", Secret),
    ("VERIFY_EMAIL", Plain),
    ("AWS_LAMBDA_FUNCTION_NAME", Plain),
    ("K_SERVICE", Plain),
];

/// Names of other programs and of habit, with the setting that they mean here.
const HABITS: [(&str, &str); 23] = [
    ("ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGINS"),
    ("API_KEYS", "API_KEY"),
    ("CORS_ORIGIN", "CORS_ALLOWED_ORIGINS"),
    ("CORS_ORIGINS", "CORS_ALLOWED_ORIGINS"),
    ("DATA_FOLDER", "DATA_DIR"),
    ("DYNAMODB_TABLE", "TABLE_NAME"),
    ("DYNAMODB_TABLE_NAME", "TABLE_NAME"),
    ("FIREBASE_CREDENTIALS", "FIREBASE_SERVICE_ACCOUNT"),
    ("FIREBASE_PRIVATE_KEY", "FIREBASE_SERVICE_ACCOUNT"),
    ("FIREBASE_PROJECT", "FIREBASE_PROJECT_ID"),
    ("FIREBASE_SERVICE_ACCOUNT_KEY", "FIREBASE_SERVICE_ACCOUNT"),
    ("JWT_AUDIENCE", "AUDIENCE"),
    ("JWT_ISSUER", "ISSUER"),
    ("JWT_SECRET", "JWT_SHARED_SECRET"),
    ("PASSWORD_MINIMUM_LENGTH", "PASSWORD_MIN_LENGTH"),
    ("RATE_LIMIT", "RATE_LIMITS"),
    ("SHARED_SECRET", "JWT_SHARED_SECRET"),
    ("SIGNUP", "SIGN_UP"),
    ("TRUST_PROXY", "BEHIND_PROXY"),
    ("TTL_SECONDS", "ACCESS_TOKEN_TTL_SECONDS"),
    ("WEBHOOK_EVENTS", "EVENT_WEBHOOK_TYPES"),
    ("WEBHOOK_SECRET", "EVENT_WEBHOOK_SECRET"),
    ("WEBHOOK_URL", "EVENT_WEBHOOK_URL"),
];

/// The name of every variable.
pub fn variables() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, _)| *name)
}

/// Whether the value of a variable may be shown.
pub fn may_be_shown(variable: &str) -> bool {
    VARIABLES.iter().any(|(name, content)| *name == variable && *content == Plain)
}

/// A sentence for each variable of an environment that is nearly the name of a setting, and that
/// nothing reads.
pub fn nearly_right(environment: impl IntoIterator<Item = (String, String)>) -> Vec<String> {
    let is_setting = |name: &str| variables().any(|variable| variable == name);
    let mistyped = environment.into_iter().filter(|(name, value)| !is_setting(name) && !is_link(value));
    let sentences = mistyped.filter_map(|(name, _)| {
        meant(&name)
            .map(|meant| format!("{} is no setting, and nothing reads it; {meant} is one.", name.escape_debug()))
    });
    sentences.collect()
}

/// Whether Kubernetes made the variable, for a service with the name `latchkey`.
fn is_link(value: &str) -> bool {
    value.starts_with("tcp://")
}

/// The setting that a name means.
fn meant(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let bare = name.strip_prefix("export ").unwrap_or(name).trim().to_ascii_uppercase().replace(['-', '.'], "_");
    let bare = bare.strip_prefix("LATCHKEY_").unwrap_or(&bare);
    let exact = variables().find(|variable| *variable == bare);
    let habit = || HABITS.iter().find(|(habit, _)| *habit == bare).map(|(_, meant)| *meant);
    let without_unit =
        || variables().find(|variable| variable.strip_suffix("_SECONDS").is_some_and(|begin| begin == bare));
    // The names of other programs differ from a short name, and from AWS's own names, by a letter
    // or two.
    let near = || {
        let candidates = variables().filter(|variable| variable.len() >= 8 && !variable.starts_with("AWS_"));
        candidates
            .min_by_key(|variable| osa_distance(variable, bare))
            .filter(|variable| osa_distance(variable, bare) <= 2)
    };
    exact.or_else(habit).or_else(without_unit).or_else(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_told_with_the_setting_that_it_means() {
        for (name, setting) in [
            ("CORS_ALLOWED_ORIGIN", "CORS_ALLOWED_ORIGINS"),
            ("CORS_ALLOW_ORIGINS", "CORS_ALLOWED_ORIGINS"),
            ("LATCHKEY_PORT", "PORT"),
            ("LATCHKEY_DATA_DIR", "DATA_DIR"),
            ("JWT_SECRET", "JWT_SHARED_SECRET"),
            ("ACCESS_TOKEN_TTL", "ACCESS_TOKEN_TTL_SECONDS"),
            ("REFRESH_TOKEN_IDLE", "REFRESH_TOKEN_IDLE_SECONDS"),
            ("FIREBASE_PROJECT", "FIREBASE_PROJECT_ID"),
            ("FIREBASE_PROJCET_ID", "FIREBASE_PROJECT_ID"),
            ("SERVICE_NAME", "SERVICE_NAMES"),
            ("SIGNUP", "SIGN_UP"),
            ("issuer", "ISSUER"),
            ("ISSUER ", "ISSUER"),
            ("export ISSUER", "ISSUER"),
            ("TABLE-NAME", "TABLE_NAME"),
        ] {
            let told = nearly_right([(name.to_owned(), "x".to_owned())]);
            assert!(told.len() == 1 && told[0].contains(&format!("; {setting} is one")), "{name}: {told:?}");
        }
    }

    #[test]
    fn a_name_of_another_program_and_a_setting_itself_are_not_told() {
        let names =
            ["PATH", "HOME", "HOST", "PORTS", "OPENAI_API_KEY", "AWS_PROFILE", "AWS_REGIONS", "LOGNAME", "USER"];
        let names = names.into_iter().chain(["LATCHKEY_BIN", "LATCHKEY_SERVICE_HOST", "TERM"]).chain(variables());
        assert_eq!(nearly_right(names.map(|name| (name.to_owned(), "x".to_owned()))), [""; 0]);
        assert_eq!(nearly_right([("LATCHKEY_PORT".to_owned(), "tcp://10.0.0.1:8080".to_owned())]), [""; 0]);
    }
}
