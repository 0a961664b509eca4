//! Starts of the server that fail because of malformed variables and files with secrets in them.

use std::{fs, path::Path, process::Stdio, thread, time::Duration};

use serde_json::{Map, Value, json};
use shared::testing::{server, service_account};
use tempfile::TempDir;

use super::{private_key, secrets::Canaries};

/// The variables that reject a text of any kind.
const VARIABLES: [&str; 54] = [
    "ACCESS_TOKEN_TTL_SECONDS",
    "ADMIN_ALLOWED_CIDRS",
    "ADMIN_ORIGINS",
    "ADMIN_ROLES",
    "ADMIN_SIGN_IN_LINKS",
    "API_KEY_SECRET_ID",
    "APP_URLS",
    "ARGON2_MEMORY_KIB",
    "BEHIND_PROXY",
    "CLOCK_SKEW_SECONDS",
    "CORS_ALLOWED_ORIGINS",
    "EMAIL_SIGN_IN",
    "EMAIL_SIGN_IN_LINK",
    "EVENT_WEBHOOK_SECRET",
    "EVENT_WEBHOOK_SECRET_ID",
    "EVENT_WEBHOOK_TYPES",
    "EVENT_WEBHOOK_URL",
    "FIREBASE_AUTH_EMULATOR_HOST",
    "FIREBASE_CERTS_URL",
    "FIREBASE_CLIENT_EMAIL",
    "FIREBASE_PROJECT_ID",
    "FIREBASE_SERVICE_ACCOUNT_SECRET_ID",
    "FIREBASE_TENANT_ID",
    "GOOGLE_CLOUD_PROJECT",
    "ISSUER",
    "JWKS_MAX_AGE_SECONDS",
    "KEYS_OVERLAP_SECONDS",
    "KEYS_TTL_SECONDS",
    "LEGACY_LOGIN_SECRET",
    "LEGACY_LOGIN_SECRET_ID",
    "LEGACY_LOGIN_URL",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "MAIL",
    "MAIL_CODE_IN_SUBJECT",
    "MAIL_FROM",
    "MAIL_PER_DAY",
    "MAIL_REPLY_TO",
    "MAIL_WEBHOOK_SECRET",
    "MAIL_WEBHOOK_SECRET_ID",
    "MAIL_WEBHOOK_URL",
    "PASSWORD_MIN_LENGTH",
    "PORT",
    "PROOF_KEY_SECRET_ID",
    "PUBLIC_URL",
    "REQUIRE_VERIFIED_EMAIL",
    "SES_CONFIGURATION_SET",
    "SHARED_SECRET_ID",
    "SIGNING_KEYS_SECRET_ID",
    "SIGN_UP",
    "SMTP_URL_SECRET_ID",
    "TOKEN_PROFILE",
    "TRUSTED_PROXY_SECRET",
    "VERIFY_EMAIL",
];
/// Far longer than a refusal takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks at the process.
const PAUSE: Duration = Duration::from_millis(5);

/// The output of all refused starts.
pub fn refused(canaries: &mut Canaries) -> String {
    let folder = TempDir::new().expect("a folder");
    let pasted = VARIABLES
        .map(|name| (name, format!("-----BEGIN PRIVATE KEY----- {} \u{1b}", canaries.secret("secret in a variable"))));
    let pasted: Vec<(&str, &str)> = pasted.iter().map(|(name, value)| (*name, &**value)).collect();
    let mut output = refusal(folder.path(), &pasted);
    // One refusal names all variables.
    let missing: Vec<&str> = VARIABLES.into_iter().filter(|name| !output.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} of {output}");
    output.push_str(&refusal(folder.path(), &[("JWT_SHARED_SECRET", &canaries.short("short shared secret"))]));
    let keys: Vec<String> = (0..20).map(|_| canaries.secret("API key beyond the limit")).collect();
    output.push_str(&refusal(folder.path(), &[("API_KEY", &keys.join("\n"))]));
    for account in accounts(canaries) {
        output.push_str(&refusal(folder.path(), &[("FIREBASE_SERVICE_ACCOUNT", &account)]));
    }
    let record = json!({"kid": "k", "alg": "HS256", "secret": canaries.secret("key of a broken set")});
    let cut = format!(r#"{{"keys": [{{"secret": "{}"#, canaries.secret("key of a broken set"));
    for text in [json!({"keys": [record]}).to_string(), cut, canaries.secret("key of a broken set")] {
        // The key file of the first start is valid: the service account fails first, then the keys.
        for name in ["firebase-service-account.json", "signing-keys.json"] {
            fs::write(folder.path().join(name), &text).expect("a file");
            output.push_str(&refusal(folder.path(), &[]));
        }
    }
    output
}

/// Malformed service accounts.
fn accounts(canaries: &mut Canaries) -> Vec<String> {
    let whole: Map<String, Value> = serde_json::from_str(service_account()).expect("JSON");
    let with = |name: &str, value: Value| {
        let mut account = whole.clone();
        account.insert(name.to_owned(), value);
        Value::Object(account).to_string()
    };
    let mut secret = || canaries.secret("secret of a malformed service account");
    let key = private_key(service_account());
    vec![
        with("private_key", json!(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", secret()))),
        with("private_key", json!(secret())),
        with("private_key", json!(key.replace("MII", &secret()))),
        with("type", json!(secret())),
        with("client_email", json!(secret())),
        with("project_id", json!(format!("{} \u{1b}", secret()))),
        format!(r#"{{"type": "service_account", "private_key": "{}"#, secret()),
        service_account().chars().take(400).collect(),
        json!([secret()]).to_string(),
        key,
        secret(),
    ]
}

/// The output of a start with these variables, which must be refused.
fn refusal(folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = server::command(folder);
    command.env("LOG_LEVEL", "trace").envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the program is there");
    let mut waited = Duration::ZERO;
    while process.try_wait().expect("it is there").is_none() && waited < PATIENCE {
        thread::sleep(PAUSE);
        waited += PAUSE;
    }
    let ended = process.try_wait().expect("it is there");
    process.kill().expect("it is there");
    let result = process.wait_with_output().expect("it ends");
    let output = String::from_utf8_lossy(&[result.stdout, result.stderr].concat()).into_owned();
    let names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
    assert!(ended.is_some_and(|status| !status.success()), "the start is not refused for {names:?}: {output}");
    output
}
