//! The environment, read once.

mod cloud_run;
mod environment;
mod federation;
mod firebase;
mod signing;

use std::{fmt, path::PathBuf, time::Duration};

use environment::Environment;
pub use federation::Federation;
pub use firebase::Firebase;
pub use signing::{SigningAccount, looks_like_path};

use crate::{
    account::session::SessionLifetimes,
    keys::{FirebaseAccount, KeyLifetimes, KeySources, KeyUse, Source, TokenProfile, api_key::ApiKeys, shared_secret::SharedSecrets},
    password::Policy,
    token::{access::Issuer, report::Expectations},
};

/// What a deployment can choose. Each field names its variable and its default; an empty variable counts as unset.
#[derive(Clone, Debug)]
pub struct Config {
    /// `TABLE_NAME`, `latchkey`: the DynamoDB table.
    pub table_name: String,
    /// `SIGNING_KEYS_SECRET_ID` (a secret's id; required on Lambda) or `SIGNING_KEYS_FILE` (a path; one of them is required on Cloud
    /// Run); else a file in the data folder.
    pub signing_keys: Option<Source>,
    /// `FIREBASE_…`: the Firebase project.
    pub firebase: Firebase,
    /// `SHARED_SECRET_ID` (a secret's id), `JWT_SHARED_SECRET` (the secret, or several, one a line) or `JWT_SHARED_SECRET_FILE` (a
    /// path), none: signs and verifies HS256 tokens.
    pub shared_secret: Option<Source>,
    /// `API_KEY_SECRET_ID` (a secret's id), `API_KEY` (the key, or several, one a line) or `API_KEY_FILE` (a path), none: by which
    /// trusted servers are known.
    pub api_key: Option<Source>,
    /// `KEYS_TTL_SECONDS`, 300, 1–3600: how old what was loaded from a secret or a file may get; the key set, 50 seconds at the
    /// most.
    pub keys_ttl: Duration,
    /// `JWKS_MAX_AGE_SECONDS`, 300, 1–86400: for how long others may keep the published keys.
    pub jwks_max_age: Duration,
    /// `KEYS_OVERLAP_SECONDS`, 7200, to 30 days and no less than the lives of a published key and of a token ask for: how long after
    /// its successor signs the key of access tokens is taken.
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
    pub session_lifetimes: SessionLifetimes,
    /// `CLOCK_SKEW_SECONDS`, 60, 0–300: allowed on every time in a token.
    pub clock_skew: Duration,
    /// `CORS_ALLOWED_ORIGINS`, `*`, comma separated; None is any.
    pub cors_allowed_origins: Option<Vec<String>>,
    /// `REQUIRE_VERIFIED_EMAIL`, false: refuse accounts whose address is not verified, at `/login` and `/verify`.
    pub require_verified_email: bool,
    /// `PASSWORD_MIN_LENGTH`, 8, 8–64; `ARGON2_MEMORY_KIB`, 19456 and up; `ARGON2_ITERATIONS`, 2 and up.
    pub password_policy: Policy,
    /// `RATE_LIMITS`, `on`: whether failures and new accounts are counted; `off` is for load tests, and refused on Lambda and Cloud
    /// Run.
    pub rate_limits: bool,
    /// Whether this runs on Cloud Run, which sets `K_SERVICE`.
    pub on_cloud_run: bool,
    /// `AWS_ROLE_ARN`, none; on Cloud Run alone, and unless `AWS_WEB_IDENTITY_TOKEN_FILE` is set: as whom AWS is asked.
    pub federation: Option<Federation>,
    /// `LOG_LEVEL`, info: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: String,
    /// `METRICS_NAMESPACE`, `Latchkey`: where CloudWatch keeps the metrics of the functions.
    pub metrics_namespace: String,
    /// `PORT`, 8080: of `latchkey serve`.
    pub port: u16,
    /// `DATA_DIR`, `.latchkey`: where `latchkey serve` keeps its database and keys.
    pub data_dir: PathBuf,
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

    /// The issuer at `url`, with the configured audience. Without `AUDIENCE` the audience is the URL.
    pub fn issuer_at(&self, url: String) -> Issuer {
        Issuer { audience: self.audience.clone().unwrap_or_else(|| url.clone()), url }
    }

    /// How long what concerns keys lasts.
    pub fn key_lifetimes(&self) -> KeyLifetimes {
        KeyLifetimes {
            ttl: self.keys_ttl,
            jwks_max_age: self.jwks_max_age,
            overlap: self.keys_overlap,
            access_token_life: self.access_token_life,
            refresh_token_life: self.session_lifetimes.absolute,
            skew: self.clock_skew,
        }
    }

    /// The sources of the keys: the key set from `signing_keys`, and what this configuration names besides.
    pub fn key_sources(&self, signing_keys: Source) -> KeySources {
        let Firebase { account, client_email, project_id, is_demo, .. } = self.firebase.clone();
        KeySources {
            signing_keys,
            firebase: account.map(|source| FirebaseAccount { source, client_email, project_id, is_demo }),
            shared_secret: self.shared_secret.clone(),
            api_key: self.api_key.clone(),
            token_profile: self.token_profile,
            lifetimes: self.key_lifetimes(),
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
        let mut env = Environment::new(get);
        let on_lambda = env.text("AWS_LAMBDA_FUNCTION_NAME").is_some();
        let signing_keys = [env.secret("SIGNING_KEYS_SECRET_ID"), env.file("SIGNING_KEYS_FILE")];
        let signing_keys = env.only(signing_keys);
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
        let shared_secret = [
            env.secret("SHARED_SECRET_ID"),
            env.value("JWT_SHARED_SECRET", |text| SharedSecrets::parse(&text).map(|_| Source::Text(text))),
            env.file("JWT_SHARED_SECRET_FILE"),
        ];
        let shared_secret = env.only(shared_secret);
        let api_key = [
            env.secret("API_KEY_SECRET_ID"),
            env.value("API_KEY", |text| ApiKeys::parse(&text).map(|_| Source::Text(text))),
            env.file("API_KEY_FILE"),
        ];
        let on_cloud_run = env.text("K_SERVICE").is_some();
        if token_profile == Some(TokenProfile::SharedSecret) && shared_secret.is_none() {
            env.refuse(
                "TOKEN_PROFILE",
                "is shared_secret, which needs SHARED_SECRET_ID, JWT_SHARED_SECRET or JWT_SHARED_SECRET_FILE",
            );
        }
        let mut config = Self {
            table_name: env.text("TABLE_NAME").unwrap_or_else(|| "latchkey".to_owned()),
            signing_keys,
            firebase,
            shared_secret,
            api_key: env.only(api_key),
            keys_ttl: env.seconds("KEYS_TTL_SECONDS", 300, 1, 3_600),
            jwks_max_age: env.seconds("JWKS_MAX_AGE_SECONDS", 300, 1, 86_400),
            keys_overlap: Duration::ZERO,
            token_profile,
            issuer: env.issuer(),
            audience: env.text("AUDIENCE"),
            access_token_life: env.seconds("ACCESS_TOKEN_TTL_SECONDS", 3_600, 60, 3_600),
            session_lifetimes: env.session_lifetimes(),
            clock_skew: env.seconds("CLOCK_SKEW_SECONDS", 60, 0, 300),
            cors_allowed_origins: env.origins(),
            require_verified_email: env.flag("REQUIRE_VERIFIED_EMAIL"),
            password_policy: env.password_policy(),
            rate_limits: env.rate_limits(deployed),
            on_cloud_run,
            federation: if on_cloud_run { Federation::read(&mut env) } else { None },
            log_level: env.log_level(),
            metrics_namespace: env.metrics_namespace(),
            port: env.number("PORT", 8080, 0, u16::MAX.into()) as u16,
            data_dir: env.text("DATA_DIR").unwrap_or_else(|| ".latchkey".to_owned()).into(),
        };
        // Less, and a rotation would end tokens before their time.
        let least = (config.key_lifetimes().lead() + config.key_lifetimes().margin(KeyUse::Access)).as_secs();
        config.keys_overlap = env.seconds("KEYS_OVERLAP_SECONDS", least.max(7_200), least, 2_592_000);
        if on_cloud_run {
            cloud_run::check(&mut env, &config);
        }
        if env.wrong.is_empty() { Ok(config) } else { Err(Misconfigured(env.wrong)) }
    }
}

impl From<&Config> for Expectations {
    fn from(config: &Config) -> Self {
        Self {
            shared_secret: config.shared_secret.is_some(),
            emulated: config.firebase.emulator_host.is_some(),
            skew: config.clock_skew,
            verified_email: config.require_verified_email,
        }
    }
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Misconfigured {}

#[cfg(test)]
mod tests;
