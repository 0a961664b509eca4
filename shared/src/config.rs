//! The environment, read once.

mod firebase;
mod signing;

use std::{fmt, path::PathBuf, time::Duration};

pub use firebase::Firebase;
pub use signing::{SigningAccount, looks_like_path};

use crate::{
    access::Party,
    api_key::ApiKeys,
    keys::{Source, Times, Use},
    password::Policy,
    session::Lives,
    shared_secret::SharedSecrets,
};

/// What OWASP's password storage cheat sheet asks of argon2id at the least.
const ARGON2_MEMORY_KIB_MIN: u64 = 19_456;
const ARGON2_ITERATIONS_MIN: u64 = 2;

/// The longest ARN of a secret is shorter: its name has at most 512 characters.
const SECRET_ID_BYTES_MAX: usize = 640;

/// What a deployment can choose. Each field names its variable and its default; an empty variable counts as unset.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TABLE_NAME`, `latchkey`: the DynamoDB table.
    pub table_name: String,
    /// `SIGNING_KEYS_SECRET_ID`: required on Lambda; locally a file in the data folder.
    pub signing_keys: Option<Source>,
    /// `FIREBASE_…`: the Firebase project.
    pub firebase: Firebase,
    /// `SHARED_SECRET_ID` (a secret's id) or `JWT_SHARED_SECRET` (the secret, or several, one a line), none: signs and verifies HS256
    /// tokens.
    pub shared_secret: Option<Source>,
    /// `API_KEY_SECRET_ID` (a secret's id) or `API_KEY` (the key, or several, one a line), none: by which trusted servers are known.
    pub api_key: Option<Source>,
    /// `KEYS_TTL_SECONDS`, 300, 1–3600: how old what was loaded from a secret or a file may get; the key set, 50 seconds at the most.
    pub keys_ttl: Duration,
    /// `JWKS_MAX_AGE_SECONDS`, 300, 1–86400: for how long others may keep the published keys.
    pub jwks_max_age: Duration,
    /// `KEYS_OVERLAP_SECONDS`, 7200, to 30 days and no less than the lives of a published key and of a token ask for: how long after its successor signs the key of access tokens is taken.
    pub keys_overlap: Duration,
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
    /// `REQUIRE_VERIFIED_EMAIL`, false: refuse accounts whose address is not verified, at `/login` and `/verify`.
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
    /// A token signed with the shared secret.
    SharedSecret,
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

    /// Whose tokens are made and taken where `issuer` is the issuer: its audience is the configured one, or the issuer.
    pub fn party(&self, issuer: String) -> Party {
        Party { audience: self.audience.clone().unwrap_or_else(|| issuer.clone()), issuer }
    }

    /// How long what concerns keys lasts.
    pub fn key_times(&self) -> Times {
        Times {
            ttl: self.keys_ttl,
            jwks_max_age: self.jwks_max_age,
            overlap: self.keys_overlap,
            access_token_life: self.access_token_life,
            refresh_token_life: self.session_lives.absolute,
            skew: self.clock_skew,
        }
    }

    /// Whether `jwt_token` is a Firebase custom token as soon as there is a service account.
    pub fn wants_firebase(&self) -> bool {
        matches!(self.token_profile, None | Some(TokenProfile::Firebase))
    }

    /// Reads variables through `get`.
    ///
    /// # Errors
    ///
    /// Every bad or missing variable, by name.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Misconfigured> {
        let mut env = Environment { get, wrong: Vec::new() };
        let on_lambda = env.text("AWS_LAMBDA_FUNCTION_NAME").is_some();
        let signing_keys = env.secret_id("SIGNING_KEYS_SECRET_ID").map(Source::Secret);
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
        let shared_secret = env.source("SHARED_SECRET_ID", "JWT_SHARED_SECRET", |text| {
            SharedSecrets::parse(&text).map(|_| Source::Text(text))
        });
        if token_profile == Some(TokenProfile::SharedSecret) && shared_secret.is_none() {
            env.refuse("TOKEN_PROFILE", "is shared_secret, which needs SHARED_SECRET_ID or JWT_SHARED_SECRET");
        }
        let mut config = Self {
            table_name: env.text("TABLE_NAME").unwrap_or_else(|| "latchkey".to_owned()),
            signing_keys,
            firebase,
            shared_secret,
            api_key: env
                .source("API_KEY_SECRET_ID", "API_KEY", |text| ApiKeys::parse(&text).map(|_| Source::Text(text))),
            keys_ttl: env.seconds("KEYS_TTL_SECONDS", 300, 1, 3_600),
            jwks_max_age: env.seconds("JWKS_MAX_AGE_SECONDS", 300, 1, 86_400),
            keys_overlap: Duration::ZERO,
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
        // Less, and a rotation would end tokens before their time.
        let least = (config.key_times().lead() + config.key_times().margin(Use::Access)).as_secs();
        config.keys_overlap = env.seconds("KEYS_OVERLAP_SECONDS", least.max(7_200), least, 2_592_000);
        if env.wrong.is_empty() { Ok(config) } else { Err(Misconfigured(env.wrong)) }
    }
}

fn is_secret_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@:-".contains(&byte);
    text.len() <= SECRET_ID_BYTES_MAX && text.bytes().all(fits)
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

    /// A value that is told back in messages, so that nothing that is secret may be taken for it.
    fn checked(&mut self, name: &str, fits: fn(&str) -> bool, what: &str) -> Option<String> {
        let text = self.text(name)?;
        if !fits(&text) {
            self.refuse(name, &format!("must be {what}"));
        }
        Some(text)
    }

    fn secret_id(&mut self, name: &str) -> Option<String> {
        self.checked(name, is_secret_id, "the name or the ARN of a secret, not what is in it")
    }

    /// A secret that is in Secrets Manager or in a variable; `read` says what is wrong with the text of the latter.
    fn source(&mut self, id: &str, value: &str, read: impl FnOnce(String) -> Result<Source, String>) -> Option<Source> {
        let secret = self.secret_id(id).map(Source::Secret);
        let given = self.text(value).and_then(|text| read(text).map_err(|why| self.refuse(value, &why)).ok());
        if secret.is_some() && given.is_some() {
            self.refuse(value, &format!("and {id} exclude each other"));
        }
        secret.or(given)
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
            "shared_secret" => Some(TokenProfile::SharedSecret),
            _ => {
                self.refuse("TOKEN_PROFILE", "must be firebase, access or shared_secret");
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
mod tests;
