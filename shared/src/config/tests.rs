//! Variables, good and bad.

use super::*;
use crate::{account::sign_up::SignUp, password::Policy};

fn read(variables: &[(&str, &str)]) -> Result<Config, Misconfigured> {
    Config::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

#[test]
fn without_any_variable_the_defaults_hold() {
    let config = read(&[]).unwrap();
    assert_eq!(config.table_name, "latchkey");
    assert_eq!(config.tokens.profile, None);
    assert_eq!((config.serve.port, config.serve.data_dir.to_str()), (8080, Some(".latchkey")));
    assert_eq!(config.tokens.access_token_life.as_secs(), 3_600);
    assert_eq!(config.tokens.session_lifetimes.absolute.as_secs(), 2_592_000);
    assert_eq!(config.tokens.session_lifetimes.idle.as_secs(), 1_209_600);
    assert_eq!(config.tokens.session_lifetimes.reuse_interval.as_secs(), 10);
    assert_eq!(config.tokens.clock_skew.as_secs(), 60);
    let keys = [config.keys.ttl, config.keys.jwks_max_age, config.keys.overlap].map(|time| time.as_secs());
    assert_eq!(keys, [300, 300, 7_200]);
    assert!(config.keys.shared_secret.is_none() && config.keys.api_key.is_none());
    assert_eq!(config.accounts.password_policy, Policy { length_min: 8, memory_kib: 19_456, iterations: 2 });
    assert!(
        config.http.issuer.is_none()
            && config.http.cors_allowed_origins.is_none()
            && !config.accounts.admission.require_verified_email
            && config.accounts.sign_up == SignUp::Open
    );
}

#[test]
fn an_empty_variable_is_unset() {
    assert_eq!(read(&[("TABLE_NAME", " "), ("ISSUER", ""), ("TOKEN_PROFILE", "")]).unwrap().table_name, "latchkey");
}

#[test]
fn each_bad_value_is_refused_by_its_variables_name() {
    for (name, value) in [
        ("TOKEN_PROFILE", "jwt"),
        ("RATE_LIMITS", "false"),
        ("FIREBASE_TENANT_ID", "my tenant"),
        ("FIREBASE_PROJECT_ID", "{\"type\": \"service_account\"}"),
        ("GOOGLE_CLOUD_PROJECT", "-----BEGIN PRIVATE KEY-----"),
        ("FIREBASE_CLIENT_EMAIL", "{\"client_email\": \"a@b.de\"}"),
        ("FIREBASE_CLIENT_EMAIL", "@"),
        ("SIGNING_KEYS_SECRET_ID", "{\"keys\": []}"),
        ("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", "{\"type\": \"service_account\"}"),
        ("FIREBASE_CERTS_URL", "https://user:hunter2@certs.example/"),
        ("FIREBASE_CERTS_URL", "googleapis.com"),
        ("FIREBASE_CERTS_URL", "http://certs.example/keys"),
        ("FIREBASE_CERTS_URL", "http://127.evil.example/"),
        ("FIREBASE_CERTS_URL", "ftp://127.0.0.1/"),
        ("FIREBASE_AUTH_EMULATOR_HOST", "http://127.0.0.1:9099"),
        ("FIREBASE_AUTH_EMULATOR_HOST", "localhost"),
        ("JWT_SHARED_SECRET", "hunter2"),
        ("SHARED_SECRET_ID", "a secret, not its name"),
        ("API_KEY", "[]"),
        ("API_KEY", "hunter2 is under 32 characters"),
        ("API_KEY", "bubble:encrypt:hunter2 is a key of 32 characters or more"),
        ("API_KEY_SECRET_ID", "{\"api_key\": \"hunter2\"}"),
        ("SIGNING_KEYS_FILE", "{\"type\": \"service_account\"}"),
        ("JWT_SHARED_SECRET_FILE", "hunter2"),
        ("API_KEY_FILE", "hunter2"),
        ("KEYS_TTL_SECONDS", "0"),
        ("JWKS_MAX_AGE_SECONDS", "-5"),
        ("KEYS_OVERLAP_SECONDS", "3600"),
        ("PORT", "65536"),
        ("ISSUER", "example.com"),
        ("ACCESS_TOKEN_TTL_SECONDS", "59"),
        ("ACCESS_TOKEN_TTL_SECONDS", "3601"),
        ("REFRESH_TOKEN_TTL_SECONDS", "-1"),
        ("REFRESH_TOKEN_IDLE_SECONDS", "1h"),
        ("REFRESH_REUSE_INTERVAL_SECONDS", "61"),
        ("CLOCK_SKEW_SECONDS", "301"),
        ("CORS_ALLOWED_ORIGINS", "app.example"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example,*"),
        ("BEHIND_PROXY", "yes"),
        ("TRUSTED_PROXY_SECRET", "hunter2"),
        ("TRUSTED_PROXY_SECRET", "hunter2 and many words behind it, with spaces"),
        ("REQUIRE_VERIFIED_EMAIL", "yes"),
        ("SIGN_UP", "everybody"),
        ("SIGN_UP", "domains:"),
        ("SIGN_UP", "domains:*.a.example"),
        ("SIGN_UP", "domains:a.example,hunter2"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("ARGON2_MEMORY_KIB", "1024"),
        ("ARGON2_ITERATIONS", "1"),
        ("LOG_LEVEL", "loud"),
        ("METRICS_NAMESPACE", "my app"),
        ("METRICS_NAMESPACE", "AWS/Lambda"),
    ] {
        let refusal = read(&[(name, value)]).unwrap_err().to_string();
        assert!(refusal.starts_with(name) && refusal.lines().count() == 1, "{name}={value}: {refusal}");
        assert!(!refusal.contains("hunter2") && !refusal.contains("service_account\""), "{refusal}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let wrong = [("LOG_LEVEL", "x"), ("AWS_LAMBDA_FUNCTION_NAME", "login"), ("TOKEN_PROFILE", "firebase")];
    let refusal = read(&wrong).unwrap_err().to_string();
    let names: Vec<_> = refusal.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["SIGNING_KEYS_SECRET_ID", "TOKEN_PROFILE", "LOG_LEVEL"]);
}

#[test]
fn a_shared_secret_is_needed_where_it_is_to_sign_and_is_one_secret_or_one_text() {
    let profile = ("TOKEN_PROFILE", "shared_secret");
    let refusal = read(&[profile]).unwrap_err().to_string();
    assert!(refusal.contains("SHARED_SECRET_ID, JWT_SHARED_SECRET or JWT_SHARED_SECRET_FILE"), "{refusal}");
    let text = "a shared secret of more than 32 bytes";
    let config = read(&[profile, ("JWT_SHARED_SECRET", text)]).unwrap();
    assert_eq!((config.tokens.profile, config.wants_firebase()), (Some(TokenProfile::SharedSecret), false));
    assert_eq!(config.keys.shared_secret, Some(Source::Text(text.to_owned())));
    for both in [
        [("JWT_SHARED_SECRET", text), ("SHARED_SECRET_ID", "x")],
        [("API_KEY", "a server's key of 32 characters or more"), ("API_KEY_SECRET_ID", "x")],
        [("JWT_SHARED_SECRET", text), ("JWT_SHARED_SECRET_FILE", "/s/x")],
        [("API_KEY_FILE", "/s/x"), ("API_KEY_SECRET_ID", "x")],
        [("SIGNING_KEYS_FILE", "/s/x"), ("SIGNING_KEYS_SECRET_ID", "x")],
    ] {
        assert!(read(&both).unwrap_err().to_string().contains("exclude each other"));
    }
}

#[test]
fn the_overlap_of_keys_is_never_shorter_than_the_lives_that_it_is_for() {
    let overlap = |variables: &[(&str, &str)]| read(variables).map(|config| config.keys.overlap.as_secs());
    assert_eq!(overlap(&[("ACCESS_TOKEN_TTL_SECONDS", "60")]), Ok(7_200));
    // A day for the published keys, an hour for a token, its skew, and twice the 50 seconds of a
    // key set with their slack.
    let long = ("JWKS_MAX_AGE_SECONDS", "86400");
    assert_eq!(overlap(&[long]), Ok(86_400 + 3_600 + 60 + 2 * 55));
    assert!(overlap(&[long, ("KEYS_OVERLAP_SECONDS", "7200")]).is_err());
    let short = [
        ("KEYS_TTL_SECONDS", "2"),
        ("JWKS_MAX_AGE_SECONDS", "2"),
        ("ACCESS_TOKEN_TTL_SECONDS", "60"),
        ("CLOCK_SKEW_SECONDS", "0"),
    ];
    assert_eq!(overlap(&[&short[..], &[("KEYS_OVERLAP_SECONDS", "76")]].concat()), Ok(76));
    assert!(overlap(&[&short[..], &[("KEYS_OVERLAP_SECONDS", "75")]].concat()).is_err());
}

#[test]
fn a_service_account_is_one_secret_or_one_text() {
    let firebase = |name: &str, value: &str| read(&[(name, value)]).unwrap().firebase.account.unwrap();
    assert_eq!(firebase("FIREBASE_SERVICE_ACCOUNT", "{}"), Source::Text("{}".to_owned()));
    let id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:my/firebase+account-AbCdEf";
    assert_eq!(firebase("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", id), Source::Secret(id.to_owned()));
    let both = [("FIREBASE_SERVICE_ACCOUNT", "{}"), ("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", "x")];
    assert!(read(&both).unwrap_err().to_string().contains("exclude each other"));
}

#[test]
fn certificates_come_over_plain_http_from_this_machine_alone() {
    for url in ["http://127.0.0.1:9000/keys", "http://127.1.2.3/", "http://[::1]:9000/", "http://localhost:9000/"] {
        assert_eq!(read(&[("FIREBASE_CERTS_URL", url)]).unwrap().firebase.certificates, url);
    }
    assert_eq!(read(&[]).unwrap().firebase.certificates.scheme_str(), Some("https"));
}

#[test]
fn emulator_mode_is_refused_where_the_service_is_deployed() {
    let with = |others: &[(&str, &str)]| {
        let emulator = ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099");
        let needed = [emulator, ("SIGNING_KEYS_SECRET_ID", "s"), ("ISSUER", "https://login.example")];
        read(&[&needed, others].concat())
    };
    let lambda = ("AWS_LAMBDA_FUNCTION_NAME", "verify");
    for others in [
        &[lambda][..],
        &[lambda, ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")],
        &[lambda, ("AWS_SAM_LOCAL", "false")],
        &[("K_SERVICE", "latchkey")],
        &[("K_SERVICE", "latchkey"), ("AWS_SAM_LOCAL", "true")],
    ] {
        let refusal = with(others).unwrap_err().to_string();
        assert!(refusal.starts_with("FIREBASE_AUTH_EMULATOR_HOST is set, and so is "), "{refusal}");
        assert!(refusal.contains("unsigned tokens") && refusal.lines().count() == 1, "{refusal}");
    }
    for others in [
        &[][..],
        &[lambda, ("AWS_SAM_LOCAL", "true")],
        &[lambda, ("AWS_LAMBDA_RUNTIME_API", "http://127.0.0.1:9000/.rt/verify")],
    ] {
        assert!(with(others).unwrap().firebase.emulator_host.is_some());
    }
}

#[test]
fn limits_are_on_unless_they_are_switched_off_and_that_only_on_this_machine() {
    assert!(read(&[]).unwrap().accounts.rate_limits && read(&[("RATE_LIMITS", "on")]).unwrap().accounts.rate_limits);
    let off = ("RATE_LIMITS", "off");
    assert!(!read(&[off]).unwrap().accounts.rate_limits);
    let (keys, issuer) = (("SIGNING_KEYS_SECRET_ID", "keys"), ("ISSUER", "https://login.example"));
    let local = ("AWS_LAMBDA_RUNTIME_API", "http://127.0.0.1:9000/.rt");
    assert!(!read(&[off, keys, ("AWS_LAMBDA_FUNCTION_NAME", "login"), local]).unwrap().accounts.rate_limits);
    for deployed in [("AWS_LAMBDA_FUNCTION_NAME", "login"), ("K_SERVICE", "latchkey")] {
        let Misconfigured(wrong) = read(&[off, keys, issuer, deployed]).unwrap_err();
        assert!(wrong.len() == 1 && wrong[0].starts_with("RATE_LIMITS is off"), "{wrong:?}");
        assert!(read(&[("RATE_LIMITS", "on"), keys, issuer, deployed]).is_ok());
    }
}

#[test]
fn on_lambda_a_proxy_is_known_by_its_secret_alone() {
    let lambda = [("AWS_LAMBDA_FUNCTION_NAME", "login"), ("SIGNING_KEYS_SECRET_ID", "keys"), ("BEHIND_PROXY", "true")];
    let refusal = read(&lambda).unwrap_err().to_string();
    assert!(refusal.starts_with("TRUSTED_PROXY_SECRET is required") && refusal.lines().count() == 1, "{refusal}");
    let secret = ("TRUSTED_PROXY_SECRET", "0123456789abcdef0123456789abcdef");
    let config = read(&[&lambda[..], &[secret]].concat()).unwrap();
    assert!(config.http.behind_proxy && !format!("{config:?}").contains(secret.1));
    assert!(read(&[lambda[2]]).unwrap().http.trusted_proxy_secret.is_none());
}

#[test]
fn a_secret_may_be_in_a_mounted_file() {
    let config = read(&[
        ("SIGNING_KEYS_FILE", "/secrets/signing-keys/keys.json"),
        ("JWT_SHARED_SECRET_FILE", "/secrets/shared-secret/secrets.txt"),
        ("API_KEY_FILE", "/secrets/api-key/keys.txt"),
    ]);
    let config = config.unwrap();
    let file = |path: &str| Some(Source::File(path.into()));
    assert_eq!(config.keys.signing_keys, file("/secrets/signing-keys/keys.json"));
    assert_eq!(config.keys.shared_secret, file("/secrets/shared-secret/secrets.txt"));
    assert_eq!(config.keys.api_key, file("/secrets/api-key/keys.txt"));
}

#[test]
fn on_cloud_run_nothing_is_left_to_be_made_up_and_no_placeholder_is_left_in() {
    let whole = [
        ("K_SERVICE", "latchkey"),
        ("ISSUER", "https://latchkey-123.europe-west1.run.app"),
        ("SIGNING_KEYS_SECRET_ID", "latchkey/signing-keys"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/latchkey"),
        ("AWS_REGION", "eu-central-1"),
        ("TABLE_NAME", "latchkey"),
        ("GOOGLE_CLOUD_PROJECT", "my-app"),
    ];
    let but = |name: &'static str, value: &'static str| {
        let changed = whole.map(|variable| if variable.0 == name { (name, value) } else { variable });
        read(&[&changed[..], &[(name, value)]].concat()).unwrap_err().to_string()
    };
    assert!(read(&whole).unwrap().on_cloud_run);
    for (name, value, words) in [
        ("ISSUER", "", "is required on Cloud Run"),
        ("ISSUER", "http://login.example", "must begin with https://"),
        ("SIGNING_KEYS_SECRET_ID", "", "or SIGNING_KEYS_FILE is required on Cloud Run"),
        ("TOKEN_PROFILE", "firebase", "which needs FIREBASE_SERVICE_ACCOUNT"),
        ("AWS_REGION", "", "is required with AWS_ROLE_ARN"),
        ("AWS_ROLE_ARN", "latchkey", "must be the ARN of a role"),
        ("GCE_METADATA_HOST", "http://127.0.0.1:80", "must be a host"),
        ("AWS_ROLE_ARN", "arn:aws:iam::REPLACE_ME_ACCOUNT:role/latchkey", "is still the placeholder"),
        ("ISSUER", "https://REPLACE_ME_ISSUER", "is still the placeholder"),
        ("TABLE_NAME", "REPLACE_ME_TABLE", "is still the placeholder"),
    ] {
        let refusal = but(name, value);
        assert!(refusal.starts_with(name) && refusal.contains(words), "{name}={value}: {refusal}");
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
    }
}

#[test]
fn aws_is_asked_as_a_role_on_cloud_run_alone_and_where_the_sdk_finds_no_token_by_itself() {
    let role = ("AWS_ROLE_ARN", "arn:aws-cn:iam::123456789012:role/team/latchkey");
    let here = [
        ("K_SERVICE", "latchkey"),
        ("ISSUER", "https://login.example"),
        ("SIGNING_KEYS_FILE", "/s/keys.json"),
        ("AWS_DEFAULT_REGION", "cn-north-1"),
        role,
    ];
    let federation = read(&here).unwrap().federation.unwrap();
    assert_eq!((federation.role.as_str(), federation.metadata_host.as_str()), (role.1, "metadata.google.internal"));
    let elsewhere = read(&[&here[..], &[("GCE_METADATA_HOST", "169.254.169.254:80")]].concat());
    assert_eq!(elsewhere.unwrap().federation.unwrap().metadata_host.as_str(), "169.254.169.254:80");
    let by_file = read(&[&here[..], &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token")]].concat());
    assert_eq!(by_file.unwrap().federation, None);
    assert_eq!(read(&[role]).unwrap().federation, None);
}
