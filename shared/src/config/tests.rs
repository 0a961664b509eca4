//! Variables, good and bad.

mod mail;
mod signer;

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
        ("LOG_FORMAT", "pretty"),
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
        ("AWS_REGION", "Frankfurt", "must be the code of a region"),
        ("AWS_REGION", "eu-central-1a", "must be the code of a region"),
        ("AWS_ROLE_ARN", "latchkey", "must be the ARN of a role"),
        ("GCE_METADATA_HOST", "http://127.0.0.1:80", "must be a host"),
        ("AWS_ROLE_ARN", "arn:aws:iam::REPLACE_ME_ACCOUNT:role/latchkey", "is still the placeholder"),
        ("ISSUER", "https://REPLACE_ME_ISSUER", "is still the placeholder"),
        ("TABLE_NAME", "REPLACE_ME_TABLE", "is still the placeholder"),
        ("AWS_REGION", "REPLACE_ME_AWS_REGION", "is still the placeholder"),
        ("AWS_ROLE_ARN", "REPLACE_ME_AWS_ROLE_ARN", "is still the placeholder"),
        ("ISSUER", "REPLACE_ME_ISSUER", "is still the placeholder"),
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

/// Variables with the values that people really write, and a part of the one sentence about each.
const REFUSED: [(&str, &str, &str); 84] = [
    ("ACCESS_TOKEN_TTL_SECONDS", "3600s", "of seconds from 60 to 3600, written as digits alone: 3600."),
    ("ACCESS_TOKEN_TTL_SECONDS", "1h", "written as digits alone: 3600."),
    ("ACCESS_TOKEN_TTL_SECONDS", "15 min", "written as digits alone: 900."),
    ("ACCESS_TOKEN_TTL_SECONDS", "3,600", "written as digits alone: 3600."),
    ("ACCESS_TOKEN_TTL_SECONDS", "1d", "must be a whole number of seconds from 60 to 3600."),
    ("ACCESS_TOKEN_TTL_SECONDS", "3.6e3", "must be a whole number of seconds from 60 to 3600."),
    ("API_KEY", "abc", "less than 32 characters"),
    ("API_KEY", "changemechangemechangemechangeme", "repeats one short text"),
    ("API_KEY", "'a server key of 32 characters or more'", "is in quotation marks"),
    ("API_KEY", "bubble:encrypt:a server key of 32 characters or more", "unknown scope"),
    ("API_KEY", "${API_KEY_OF_THE_SERVER_THAT_CALLS_US}", "placeholder"),
    ("AUDIENCE", "https://a.example,https://b.example", "a token has one audience"),
    ("AUDIENCE", "[\"a\"]", "a token has one audience"),
    ("BEHIND_PROXY", "yes", "must be true or false: write true."),
    ("BEHIND_PROXY", "0", "must be true or false: write false."),
    ("CORS_ALLOWED_ORIGINS", "https://*.x.example", "this one has a wildcard"),
    ("CORS_ALLOWED_ORIGINS", "https://x.example:443", "write https://x.example."),
    ("CORS_ALLOWED_ORIGINS", "https://u:hunter2@x.example", "write https://x.example."),
    ("CORS_ALLOWED_ORIGINS", "https://x.example?y", "a query, which browsers do not send"),
    ("CORS_ALLOWED_ORIGINS", "https://x.example.", "a dot at its end"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example,https://x.example/y", "entry 2 has a path"),
    ("CORS_ALLOWED_ORIGINS", "x.example, null", "entry 1 has no scheme: write https:// before it; entry 2 is null"),
    ("CORS_ALLOWED_ORIGINS", ",", "must be * or origins"),
    ("CORS_ALLOWED_ORIGINS", "https://app.\u{200b}example", "that nobody sees, U+200B: type the value anew"),
    ("DATA_DIR", "~/latchkey", "only a shell knows"),
    ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099/", "without a path"),
    ("FIREBASE_AUTH_EMULATOR_HOST", ":9099", "must be a host and a port"),
    ("FIREBASE_AUTH_EMULATOR_HOST", "::1:9099", "must be a host and a port"),
    ("FIREBASE_AUTH_EMULATOR_HOST", "localhost:0", "must be a host and a port"),
    ("FIREBASE_AUTH_EMULATOR_HOST", "me@localhost:9099", "must be a host and a port"),
    ("FIREBASE_CERTS_URL", "https://www.googleapis.com/oauth2/v3/certs", "the keys of other tokens"),
    (
        "FIREBASE_CERTS_URL",
        "https://www.googleapis.com/robot/v1/metadata/x509/firebase-adminsdk-x%40my-app.iam.gserviceaccount.com",
        "unset it",
    ),
    ("FIREBASE_CERTS_URL", "securetoken", "must be a URL"),
    ("FIREBASE_PROJECT_ID", "123456789012", "is a project's number"),
    ("FIREBASE_PROJECT_ID", "1:123456789012:web:abc123", "is the id of an app"),
    ("FIREBASE_PROJECT_ID", "My App", "is a name"),
    ("FIREBASE_PROJECT_ID", "my-app.firebaseapp.com", "is a host or a path"),
    ("FIREBASE_PROJECT_ID", "projects/my-app", "is a host or a path"),
    ("ISSUER", "https://x/?y", "has a query"),
    ("ISSUER", "https://x#y", "has a fragment"),
    ("ISSUER", "https://u:hunter2@x", "has a user name or a password in it"),
    ("ISSUER", "https://x y", "has white space"),
    ("ISSUER", "login.example", "has no scheme"),
    ("ISSUER", "https://", "has no host"),
    ("ISSUER", "https://x.", "a dot at the end of it"),
    ("ISSUER", "https://*.x", "was not filled in"),
    ("ISSUER", "https://<your-domain>", "was not filled in"),
    ("ISSUER", "https://x:99999", "has a host, a port or a path that cannot be"),
    ("ISSUER", "https://x/a/../b", "a path that cannot be"),
    ("ISSUER", "https://x/.well-known/openid-configuration", "write only the part before that"),
    ("ISSUER", "https://münchen.example", "letters outside ASCII"),
    ("JWT_SHARED_SECRET", "hunter2", "is shorter than 32 bytes"),
    ("JWT_SHARED_SECRET", "base64:dGhpcyBpcyBhIHJhbmRvbSBzZWNyZXQgb2Yg", "nothing is decoded"),
    ("JWT_SHARED_SECRET", "-----BEGIN PUBLIC KEY-----\nMIIB", "in PEM"),
    ("JWT_SHARED_SECRET", "{\"kty\":\"oct\",\"k\":\"hunter2\"}", "without a member"),
    ("JWT_SHARED_SECRET", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "could be guessed"),
    ("JWT_SHARED_SECRET", "a shared\u{200b} secret of more than 32 bytes", "U+200B"),
    ("LOG_LEVEL", "verbose", "must be error, warn"),
    ("PASSWORD_BREACH_CHECK", "yes", "must be true, false"),
    ("PASSWORD_MIN_LENGTH", "12 characters", "must be a whole number from 8 to 64."),
    ("PORT", ":8080", "written as digits alone: 8080."),
    ("PORT", "127.0.0.1:8080", "written as digits alone: 8080."),
    ("PORT", "tcp://10.0.0.1:8080", "written as digits alone: 8080."),
    ("PORT", "70000", "from 0 to 65535."),
    ("PORT", "8080 # http", "a comment behind the value counts as a part of it."),
    ("BEHIND_PROXY", "true # nginx", "a comment behind the value counts as a part of it."),
    ("RATE_LIMITS", "true", "must be on or off: write on."),
    ("SERVICE_NAMES", "[\"Acme App\"]", "without brackets"),
    ("SERVICE_NAMES", "Acme App; Acme Shop", "semicolons"),
    ("SERVICE_NAMES", "abc", "at least four letters"),
    (
        "SHARED_SECRET_ID",
        "arn:aws:dynamodb:eu-central-1:123456789012:table/latchkey",
        "the name or the ARN of a secret",
    ),
    ("SIGNING_KEYS_SECRET_ID", "https://x.example/secret", "the name or the ARN of a secret"),
    ("SIGN_UP", "domains:@a.example", "a domain is the part behind it"),
    ("SIGN_UP", "domains:*.a.example", "sub-domains are named one by one"),
    ("SIGN_UP", "domains:a.example b.example", "other separators"),
    ("SIGN_UP", "domains:", "names no domain"),
    ("SIGN_UP", "domains:a.example,", "an empty entry"),
    ("SIGN_UP", "domain:a.example", "begins with domain:"),
    ("SIGN_UP", "a.example", "lacks domains:"),
    ("TABLE_NAME", "my table", "the name or the ARN of a table"),
    ("TABLE_NAME", "{\"TableName\":\"x\"}", "the name or the ARN of a table"),
    ("TOKEN_PROFILE", "supabase", "must be firebase, access or shared_secret."),
    ("TRUSTED_PROXY_SECRET", "changemechangemechangemechangeme", "repeats one short text"),
    ("TRUSTED_PROXY_SECRET", "short", "32 to 256"),
];

#[test]
fn a_setting_that_can_never_work_is_refused_by_its_name_with_the_right_one() {
    for (name, value, words) in REFUSED {
        let refusal = read(&[(name, value)]).map(drop).expect_err(name).to_string();
        assert!(refusal.starts_with(name) && refusal.contains(words), "{name}={value}: {refusal}");
        assert!(refusal.lines().count() == 1 && !refusal.contains("hunter2"), "{refusal}");
    }
}

#[test]
fn what_means_nothing_in_a_value_is_passed_over() {
    let same = |name: &str, plain: &str, others: &[&str]| {
        let expected = format!("{:?}", read(&[(name, plain)]).unwrap());
        for other in others {
            let config = read(&[(name, *other)]).unwrap_or_else(|refusal| panic!("{name}={other:?}: {refusal}"));
            assert_eq!(format!("{config:?}"), expected, "{name}={other:?}");
        }
    };
    same("PORT", "8081", &[" 8081 ", "\"8081\"", "'8081'", "\u{feff}8081", "8081\r", "8081\u{200b}"]);
    same("BEHIND_PROXY", "true", &["TRUE", "True", "'true'"]);
    same("RATE_LIMITS", "on", &["ON", "\"on\""]);
    same("TOKEN_PROFILE", "access", &["Access", "'access'"]);
    same("LOG_LEVEL", "warn", &["WARN"]);
    same("LOG_FORMAT", "json", &["JSON"]);
    same(
        "SIGN_UP",
        "domains:a.example,b.example",
        &["Domains: A.example , B.EXAMPLE", "'domains:a.example,b.example'"],
    );
    same("ISSUER", "https://x.example", &["https://x.example/", "\"https://x.example\""]);
    let origins =
        ["https://x.example/", "HTTPS://X.example", "https://x.example,", "https://x.example,https://x.example/"];
    same("CORS_ALLOWED_ORIGINS", "https://x.example", &origins);
    same("CORS_ALLOWED_ORIGINS", "", &["\"\"", "''", "*", "\"*\""]);
}

#[test]
fn a_setting_without_an_effect_is_told_and_refuses_nothing() {
    let account = ("FIREBASE_SERVICE_ACCOUNT", "account.json");
    for (variables, words) in [
        (&[][..], ""),
        (&[("REFRESH_TOKEN_TTL_SECONDS", "86400")], ""),
        (
            &[("REFRESH_TOKEN_TTL_SECONDS", "86400"), ("REFRESH_TOKEN_IDLE_SECONDS", "90000")],
            "IDLE_SECONDS has no effect",
        ),
        (&[("REFRESH_TOKEN_TTL_SECONDS", "60")], "a session ends before its first token does"),
        (&[("REFRESH_TOKEN_IDLE_SECONDS", "60")], "comes too late"),
        (&[("ACCESS_TOKEN_TTL_SECONDS", "60")], "twice its life"),
        (&[("FIREBASE_CLIENT_EMAIL", "a@b.de")], "FIREBASE_CLIENT_EMAIL has no effect"),
        (&[("FIREBASE_TENANT_ID", "t"), ("TOKEN_PROFILE", "access")], "FIREBASE_TENANT_ID has no effect"),
        (&[("FIREBASE_TENANT_ID", "t")], ""),
        (
            &[("FIREBASE_CERTS_URL", "https://x.example"), ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")],
            "FIREBASE_CERTS_URL has no effect",
        ),
        (&[("TOKEN_PROFILE", "firebase")], "a demo account signs"),
        (&[("TOKEN_PROFILE", "firebase"), account], ""),
        (&[("GOOGLE_CLOUD_PROJECT", "123456789012")], "is a project's number"),
        (&[("GOOGLE_CLOUD_PROJECT", "123456789012"), ("FIREBASE_PROJECT_ID", "p"), account], ""),
        (
            &[("API_KEY", "bubble:encode:a server's key of 32 characters or more")],
            "has no effect without a shared secret",
        ),
        (&[("API_KEY", "bubble:a server's key of 32 characters or more")], "a colon or a comma and without scopes"),
        (&[("API_KEY", "bubble : encode : a server's key of 32 characters")], "a colon or a comma and without scopes"),
        (&[("API_KEY", "proxy:forward:a server's key of 32 characters or more")], ""),
        (&[("FIREBASE_PROJECT_ID", "my-app")], "signInWithCustomToken() of your project refuses it"),
        (&[("FIREBASE_PROJECT_ID", "my-app"), account], ""),
        (&[("FIREBASE_PROJECT_ID", "my-app"), ("TOKEN_PROFILE", "access")], ""),
    ] {
        let advice = read(variables).unwrap().advice;
        assert_eq!(advice.len(), usize::from(!words.is_empty()), "{variables:?}: {advice:?}");
        assert!(advice.iter().all(|sentence| sentence.contains(words)), "{variables:?}: {advice:?}");
    }
}

#[test]
fn a_deployed_service_has_an_issuer_that_others_can_trust() {
    let lambda = [("AWS_LAMBDA_FUNCTION_NAME", "verify"), ("SIGNING_KEYS_SECRET_ID", "keys")];
    let with = |issuer| read(&[&lambda[..], &[("ISSUER", issuer)]].concat());
    assert!(with("https://login.example/auth").is_ok());
    let refusal = with("http://login.example").unwrap_err().to_string();
    assert!(refusal.starts_with("ISSUER must begin with https://") && refusal.lines().count() == 1, "{refusal}");
    for issuer in ["https://localhost", "https://127.0.0.1:8443", "https://[::1]", "https://0.0.0.0"] {
        let refusal = with(issuer).unwrap_err().to_string();
        assert!(refusal.contains("not an address of one machine") && refusal.lines().count() == 1, "{refusal}");
    }
}

#[test]
fn a_function_without_keys_starts_on_lambda_only_if_it_says_that_it_needs_none() {
    let get = |name: &str| (name == "AWS_LAMBDA_FUNCTION_NAME").then(|| "console".to_owned());
    let refused = Config::read(get).unwrap_err().to_string();
    assert!(refused.contains("SIGNING_KEYS_SECRET_ID"), "{refused}");
    let config = Config::read_without_keys(get).unwrap();
    assert!(!config.key_sources(None).has_secrets());
}

#[test]
fn on_lambda_the_identity_is_the_functions_own_and_elsewhere_the_sdk_finds_one() {
    let given = [
        ("AWS_LAMBDA_FUNCTION_NAME", "login"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("SIGNING_KEYS_SECRET_ID", "keys"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "hunter3"),
    ];
    let config = read(&given).unwrap();
    let identity = config.identity.as_ref().unwrap();
    assert_eq!((identity.region.as_str(), identity.access_key_id.as_str()), ("eu-west-1", "id"));
    assert_eq!((identity.secret_access_key.as_str(), identity.session_token.as_deref()), ("hunter2", Some("hunter3")));
    assert!(!format!("{config:?}").contains("hunter"));
    for missing in ["AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let rest: Vec<_> = given.into_iter().filter(|(name, _)| *name != missing).collect();
        assert!(read(&rest).unwrap().identity.is_none(), "{missing}");
    }
    let with_account: Vec<_> = given.into_iter().chain([("AWS_ACCOUNT_ID", "123456789012")]).collect();
    assert!(read(&with_account).unwrap().identity.is_none());
}
