//! Starts that are refused, with secrets in the variables and files that they are refused for.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use shared::testing::service_account;
use tempfile::TempDir;

use super::{private_key, secrets::Canaries};
use crate::server;

/// Variables that take none of these values.
const VARIABLES: [&str; 23] = [
    "ACCESS_TOKEN_TTL_SECONDS",
    "API_KEY_SECRET_ID",
    "ARGON2_MEMORY_KIB",
    "CLOCK_SKEW_SECONDS",
    "CORS_ALLOWED_ORIGINS",
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
    "LOG_LEVEL",
    "PASSWORD_MIN_LENGTH",
    "PORT",
    "REQUIRE_VERIFIED_EMAIL",
    "SHARED_SECRET_ID",
    "SIGNING_KEYS_SECRET_ID",
    "TOKEN_PROFILE",
];
/// Far longer than a start takes to be refused.
const PATIENCE: Duration = Duration::from_secs(20);

/// What all of them say.
pub fn refused(canaries: &mut Canaries) -> String {
    let mut said = String::new();
    for name in VARIABLES {
        let pasted = format!("-----BEGIN PRIVATE KEY----- {} \u{1b}", canaries.secret("secret in a variable"));
        said.push_str(&refusal(&[(name, &pasted)], None));
    }
    let short = canaries.short("short shared secret");
    said.push_str(&refusal(&[("JWT_SHARED_SECRET", &short)], None));
    let keys: Vec<String> = (0..20).map(|_| canaries.secret("one API key of too many")).collect();
    said.push_str(&refusal(&[("API_KEY", &keys.join("\n"))], None));
    for account in accounts(canaries) {
        said.push_str(&refusal(&[("FIREBASE_SERVICE_ACCOUNT", &account)], None));
    }
    let set =
        json!({"keys": [{"kid": "k", "alg": "HS256", "secret": canaries.secret("key of a broken set")}]}).to_string();
    let cut = format!(r#"{{"keys": [{{"secret": "{}"#, canaries.secret("key of a broken set"));
    for text in [set, cut, canaries.secret("key of a broken set")] {
        said.push_str(&refusal(&[], Some(("signing-keys.json", &text))));
        said.push_str(&refusal(&[], Some(("firebase-service-account.json", &text))));
    }
    said
}

/// Service accounts that are none.
fn accounts(canaries: &mut Canaries) -> Vec<String> {
    let whole: Value = serde_json::from_str(service_account()).expect("JSON");
    let with = |name: &str, value: Value| {
        let mut account = whole.clone();
        account[name] = value;
        account.to_string()
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

/// What a start says that is refused with these variables and this file.
fn refusal(variables: &[(&str, &str)], file: Option<(&str, &str)>) -> String {
    let folder = TempDir::new().expect("a folder");
    if let Some((name, text)) = file {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    let mut command: Command = server::command(folder.path());
    command
        .envs([("LOG_LEVEL", "trace")])
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().expect("the program is there");
    let mut waited = Duration::ZERO;
    while process.try_wait().expect("it is there").is_none() && waited < PATIENCE {
        thread::sleep(Duration::from_millis(5));
        waited += Duration::from_millis(5);
    }
    let ended = process.try_wait().expect("it is there");
    process.kill().expect("it is there");
    let output = process.wait_with_output().expect("it ends");
    let names: Vec<&str> = variables.iter().map(|(name, _)| *name).chain(file.map(|(name, _)| name)).collect();
    assert!(ended.is_some_and(|status| !status.success()), "{names:?} does not refuse the start");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
