//! The environment, read once.

mod firebase;
mod signing;

use std::{fmt, path::PathBuf, time::Duration};

pub use firebase::Firebase;
pub use signing::SigningAccount;

use crate::{keys::Source, password::Policy, session::Lives};

/// What OWASP's password storage cheat sheet asks of argon2id at the least.
const ARGON2_MEMORY_KIB_MIN: u64 = 19_456;
const ARGON2_ITERATIONS_MIN: u64 = 2;

/// What a deployment can choose. Each field names its variable and its default; an empty variable counts as unset.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TABLE_NAME`, `latchkey`: the DynamoDB table.
    pub table_name: String,
    /// `SIGNING_KEYS_SECRET_ID`: required on Lambda; locally a file in the data folder.
    pub signing_keys: Option<Source>,
    /// `FIREBASE_…`: the Firebase project.
    pub firebase: Firebase,
    /// `TOKEN_PROFILE`, `firebase` where a service account is configured, else `access`: what `jwt_token` is.
    pub token_profile: Option<TokenProfile>,
    /// `ISSUER`: `iss` of access tokens and base of the discovery document. By default `https://` and the gateway's own
    /// domain; locally `http://127.0.0.1:PORT`.
    pub issuer: Option<String>,
    /// `AUDIENCE`, the issuer: `aud` of access tokens.
    pub audience: Option<String>,
    /// `ACCESS_TOKEN_TTL_SECONDS`, 3600, 60–3600: life of `jwt_token` and `access_token`.
    pub access_token_life: Duration,
    /// `REFRESH_TOKEN_TTL_SECONDS`, 2592000; `REFRESH_TOKEN_IDLE_SECONDS`, 1209600; `REFRESH_REUSE_INTERVAL_SECONDS`, 10, 0–60.
    pub session_lives: Lives,
    /// `CLOCK_SKEW_SECONDS`, 60, 0–300: allowed on every time in a token.
    pub clock_skew: Duration,
    /// `CORS_ALLOWED_ORIGINS`, `*`, comma separated; None is any.
    pub cors_allowed_origins: Option<Vec<String>>,
    /// `REQUIRE_VERIFIED_EMAIL`, false: refuse logins of accounts whose address is not verified.
    pub require_verified_email: bool,
    /// `PASSWORD_MIN_LENGTH`, 8, 8–64; `ARGON2_MEMORY_KIB`, 19456 and up; `ARGON2_ITERATIONS`, 2 and up.
    pub password_policy: Policy,
    /// `LOG_LEVEL`, info: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: String,
    /// `PORT`, 8080: of `latchkey serve`.
    pub port: u16,
    /// `DATA_DIR`, `.latchkey`: where `latchkey serve` keeps its database and keys.
    pub data_dir: PathBuf,
}

/// What `jwt_token` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenProfile {
    /// A Firebase custom token.
    Firebase,
    /// The access token.
    Access,
}

/// What is wrong with the environment: a sentence that names the variable, for each.
#[derive(Debug, PartialEq, Eq)]
pub struct Misconfigured(Vec<String>);

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// Every bad or missing variable, by name.
    pub fn from_env() -> Result<Self, Misconfigured> {
        Self::read(variable)
    }

    /// Reads variables through `get`.
    ///
    /// # Errors
    ///
    /// Every bad or missing variable, by name.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Misconfigured> {
        let mut env = Environment { get, wrong: Vec::new() };
        let on_lambda = env.text("AWS_LAMBDA_FUNCTION_NAME").is_some();
        let signing_keys = env.text("SIGNING_KEYS_SECRET_ID").map(Source::Secret);
        if on_lambda && signing_keys.is_none() {
            env.refuse("SIGNING_KEYS_SECRET_ID", "is required on Lambda: the secret that holds the signing keys");
        }
        let deployed = env.deployed();
        let firebase = Firebase::read(&mut env, deployed);
        let token_profile = env.token_profile();
        // Locally a demo account is made where none is configured.
        if on_lambda && firebase.account.is_none() && token_profile == Some(TokenProfile::Firebase) {
            env.refuse("TOKEN_PROFILE", "is firebase, which needs FIREBASE_SERVICE_ACCOUNT_SECRET_ID");
        }
        let config = Self {
            table_name: env.text("TABLE_NAME").unwrap_or_else(|| "latchkey".to_owned()),
            signing_keys,
            firebase,
            token_profile,
            issuer: env.issuer(),
            audience: env.text("AUDIENCE"),
            access_token_life: env.seconds("ACCESS_TOKEN_TTL_SECONDS", 3_600, 60, 3_600),
            session_lives: Lives {
                absolute: env.seconds("REFRESH_TOKEN_TTL_SECONDS", 2_592_000, 60, 31_536_000),
                idle: env.seconds("REFRESH_TOKEN_IDLE_SECONDS", 1_209_600, 60, 31_536_000),
                reuse_interval: env.seconds("REFRESH_REUSE_INTERVAL_SECONDS", 10, 0, 60),
            },
            clock_skew: env.seconds("CLOCK_SKEW_SECONDS", 60, 0, 300),
            cors_allowed_origins: env.origins(),
            require_verified_email: env.flag("REQUIRE_VERIFIED_EMAIL"),
            password_policy: Policy {
                length_min: env.number("PASSWORD_MIN_LENGTH", 8, 8, 64) as usize,
                memory_kib: env.number("ARGON2_MEMORY_KIB", ARGON2_MEMORY_KIB_MIN, ARGON2_MEMORY_KIB_MIN, 262_144)
                    as u32,
                iterations: env.number("ARGON2_ITERATIONS", ARGON2_ITERATIONS_MIN, ARGON2_ITERATIONS_MIN, 16) as u32,
            },
            log_level: env.log_level(),
            port: env.number("PORT", 8080, 0, u16::MAX.into()) as u16,
            data_dir: env.text("DATA_DIR").unwrap_or_else(|| ".latchkey".to_owned()).into(),
        };
        if env.wrong.is_empty() { Ok(config) } else { Err(Misconfigured(env.wrong)) }
    }
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

struct Environment<G> {
    get: G,
    wrong: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Environment<G> {
    fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn refuse(&mut self, name: &str, why: &str) {
        self.wrong.push(format!("{name} {why}."));
    }

    fn number(&mut self, name: &str, default: u64, min: u64, max: u64) -> u64 {
        match self.text(name).map(|text| text.parse::<u64>()) {
            None => default,
            Some(Ok(number)) if (min..=max).contains(&number) => number,
            Some(_) => {
                self.refuse(name, &format!("must be a whole number from {min} to {max}"));
                default
            }
        }
    }

    fn seconds(&mut self, name: &str, default: u64, min: u64, max: u64) -> Duration {
        Duration::from_secs(self.number(name, default, min, max))
    }

    fn flag(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.refuse(name, "must be true or false");
                false
            }
        }
    }

    /// By which variable this runs on Lambda or Cloud Run, if it does. Local tools imitate Lambda: SAM says so, and cargo-lambda
    /// gives a URL for the address of the runtime, where Lambda gives a bare host and port.
    fn deployed(&self) -> Option<&'static str> {
        let runtime = self.text("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
        let by_local_tool = self.text("AWS_SAM_LOCAL").is_some_and(|value| value == "true")
            || ["http://127.0.0.1:", "http://[::1]:"].iter().any(|local| runtime.starts_with(local));
        let on_lambda = self.text("AWS_LAMBDA_FUNCTION_NAME").is_some() && !by_local_tool;
        let on_cloud_run = self.text("K_SERVICE").is_some();
        on_lambda.then_some("AWS_LAMBDA_FUNCTION_NAME").or_else(|| on_cloud_run.then_some("K_SERVICE"))
    }

    fn token_profile(&mut self) -> Option<TokenProfile> {
        match self.text("TOKEN_PROFILE")?.as_str() {
            "access" => Some(TokenProfile::Access),
            "firebase" => Some(TokenProfile::Firebase),
            _ => {
                self.refuse("TOKEN_PROFILE", "must be firebase or access");
                None
            }
        }
    }

    fn issuer(&mut self) -> Option<String> {
        let issuer = self.text("ISSUER")?;
        if !issuer.starts_with("https://") && !issuer.starts_with("http://") {
            self.refuse("ISSUER", "must be a URL that begins with https://");
        }
        Some(issuer.trim_end_matches('/').to_owned())
    }

    fn origins(&mut self) -> Option<Vec<String>> {
        let text = self.text("CORS_ALLOWED_ORIGINS").filter(|text| text != "*")?;
        let origins: Vec<String> =
            text.split(',').map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase()).collect();
        let is_origin = |origin: &String| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            host.is_some_and(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && b != b'/'))
        };
        if !origins.iter().all(is_origin) {
            self.refuse("CORS_ALLOWED_ORIGINS", "must be * or origins like https://app.example, divided by commas");
        }
        Some(origins)
    }

    fn log_level(&mut self) -> String {
        let level = self.text("LOG_LEVEL").unwrap_or_else(|| "info".to_owned()).to_ascii_lowercase();
        if !["error", "warn", "info", "debug", "trace"].contains(&level.as_str()) {
            self.refuse("LOG_LEVEL", "must be error, warn, info, debug or trace");
        }
        level
    }
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Misconfigured {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, Misconfigured> {
        Config::read(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_any_variable_the_defaults_hold() {
        let config = read(&[]).unwrap();
        assert_eq!(config.table_name, "latchkey");
        assert_eq!(config.token_profile, None);
        assert_eq!((config.port, config.data_dir.to_str()), (8080, Some(".latchkey")));
        assert_eq!(config.access_token_life.as_secs(), 3_600);
        assert_eq!(config.session_lives.absolute.as_secs(), 2_592_000);
        assert_eq!(config.session_lives.idle.as_secs(), 1_209_600);
        assert_eq!(config.session_lives.reuse_interval.as_secs(), 10);
        assert_eq!(config.clock_skew.as_secs(), 60);
        assert_eq!(config.password_policy, Policy { length_min: 8, memory_kib: 19_456, iterations: 2 });
        assert!(config.issuer.is_none() && config.cors_allowed_origins.is_none() && !config.require_verified_email);
    }

    #[test]
    fn an_empty_variable_is_unset() {
        assert_eq!(read(&[("TABLE_NAME", " "), ("ISSUER", ""), ("TOKEN_PROFILE", "")]).unwrap().table_name, "latchkey");
    }

    #[test]
    fn each_bad_value_is_refused_by_its_variables_name() {
        for (name, value) in [
            ("TOKEN_PROFILE", "jwt"),
            ("FIREBASE_TENANT_ID", "my tenant"),
            ("FIREBASE_CERTS_URL", "googleapis.com"),
            ("FIREBASE_CERTS_URL", "http://certs.example/keys"),
            ("FIREBASE_CERTS_URL", "http://127.evil.example/"),
            ("FIREBASE_CERTS_URL", "ftp://127.0.0.1/"),
            ("FIREBASE_AUTH_EMULATOR_HOST", "http://127.0.0.1:9099"),
            ("FIREBASE_AUTH_EMULATOR_HOST", "localhost"),
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
            ("REQUIRE_VERIFIED_EMAIL", "yes"),
            ("PASSWORD_MIN_LENGTH", "7"),
            ("ARGON2_MEMORY_KIB", "1024"),
            ("ARGON2_ITERATIONS", "1"),
            ("LOG_LEVEL", "loud"),
        ] {
            let refusal = read(&[(name, value)]).unwrap_err().to_string();
            assert!(refusal.starts_with(name) && refusal.lines().count() == 1, "{name}={value}: {refusal}");
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
    fn a_service_account_is_one_secret_or_one_text() {
        let firebase = |name: &str| read(&[(name, "{}")]).unwrap().firebase.account.unwrap();
        assert_eq!(firebase("FIREBASE_SERVICE_ACCOUNT"), Source::Text("{}".to_owned()));
        assert_eq!(firebase("FIREBASE_SERVICE_ACCOUNT_SECRET_ID"), Source::Secret("{}".to_owned()));
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
            let emulator = [("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"), ("SIGNING_KEYS_SECRET_ID", "s")];
            read(&[&emulator, others].concat())
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
}
