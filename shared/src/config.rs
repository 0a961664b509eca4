//! The configuration of a deployment, read once from the environment: one file for each concern.
//!
//! The doc of a field has the meaning, the default, the accepted values and the variable.
//! `docs/configuration.md` is made from these docs.

mod accounts;
mod admin;
mod advice;
mod app_urls;
mod cloud_run;
mod environment;
mod events;
mod federation;
mod firebase;
mod http;
mod identity_providers;
mod keys;
mod legacy;
mod mail;
pub mod names;
mod origins;
mod platform;
mod serve;
mod signer;
mod signing;
mod telemetry;
mod tokens;
mod values;

use std::fmt;

pub use accounts::{Accounts, EmailSignIn};
pub use admin::AdminAccess;
pub use app_urls::{AppUrls, ContinueUrl};
use environment::Environment;
pub use events::EventWebhook;
pub use federation::Federation;
pub use firebase::{Firebase, FirebaseSync};
pub use http::{Http, ProxySecret};
pub use keys::KeySettings;
pub use legacy::LegacyLogin;
pub use mail::{MailBy, MailSettings};
use platform::Platform;
pub use serve::Serve;
pub use signing::{SigningAccount, looks_like_path};
pub use telemetry::{LogForm, Telemetry};
pub use tokens::Tokens;

use crate::{
    aws::Identity,
    keys::{KeyLifetimes, KeySources, Source, TokenProfile, signer::GoogleServers},
    token::access::Issuer,
};

/// The choices of a deployment. An empty variable counts as unset.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names the DynamoDB table. Defaults to `latchkey`. Accepts the name of a table. Read from
    /// `TABLE_NAME`.
    pub table_name: String,
    /// The keys.
    pub keys: KeySettings,
    /// The Firebase project.
    pub firebase: Firebase,
    /// Tokens and sessions.
    pub tokens: Tokens,
    /// Accounts and passwords.
    pub accounts: Accounts,
    /// Access to `/admin` beside the admin keys.
    pub admin: AdminAccess,
    /// The URL of the service, the proxy before it, and the web apps that may call it.
    pub http: Http,
    /// The mails.
    pub mail: MailSettings,
    /// The webhook that is told of events of accounts.
    pub event_webhook: EventWebhook,
    /// The system that people come from.
    pub legacy_login: LegacyLogin,
    /// The log and the metrics.
    pub telemetry: Telemetry,
    /// The server in one process, `latchkey serve`.
    pub serve: Serve,
    /// Whether this runs on Cloud Run.
    pub on_cloud_run: bool,
    /// The region and the credentials on Lambda. `None` where the SDK looks for them itself.
    pub identity: Option<Identity>,
    /// AWS credentials on Cloud Run.
    pub federation: Option<Federation>,
    /// A sentence for each setting that has no effect beside the others.
    pub advice: Vec<String>,
}

/// A wrong environment: a sentence for each variable that is bad or missing.
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

    /// Reads the process's environment for a process that neither signs nor verifies anything. It
    /// needs no secret.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_env_without_keys() -> Result<Self, Misconfigured> {
        Self::read_without_keys(variable)
    }

    /// The issuer at `url`, with the configured audience. Without `AUDIENCE` the audience is the
    /// URL.
    pub fn issuer_at(&self, url: String) -> Issuer {
        Issuer { audience: self.http.audience.clone().unwrap_or_else(|| url.clone()), url }
    }

    /// Whether the service has a URL of this machine, and none at which others reach it.
    pub fn is_of_one_machine(&self) -> bool {
        let urls = [&self.http.issuer, &self.mail.public_url];
        urls.into_iter().flatten().all(|url| http::is_of_one_machine(url))
    }

    /// The lifetimes of the keys and of all that they sign.
    pub fn key_lifetimes(&self) -> KeyLifetimes {
        self.keys.lifetimes(&self.tokens)
    }

    /// The sources of the keys: the key set from `signing_keys`, and what this configuration names
    /// besides.
    pub fn key_sources(&self, signing_keys: impl Into<Option<Source>>) -> KeySources {
        KeySources {
            signing_keys: signing_keys.into(),
            refresh_keys: self.keys.refresh_keys.clone(),
            public_keys: self.keys.public_keys.clone(),
            firebase: self.firebase.key_source(),
            shared_secret: self.keys.shared_secret.clone(),
            api_key: self.keys.api_key.clone(),
            admin_key: self.keys.admin_key.clone(),
            proof_key: self.keys.proof_key.clone(),
            mail: self.mail.secret().cloned(),
            event_webhook: self.event_webhook.secret.clone(),
            legacy_login: self.legacy_login.secret.clone(),
            token_profile: self.tokens.profile,
            lifetimes: self.key_lifetimes(),
            aws: None,
            google: GoogleServers::default(),
        }
    }

    /// Whether `jwt_token` is a Firebase custom token once there is a service account.
    pub fn wants_firebase(&self) -> bool {
        matches!(self.tokens.profile, None | Some(TokenProfile::Firebase))
    }

    /// Reads variables through `get`.
    ///
    /// # Errors
    ///
    /// Every bad or missing variable, by name.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Misconfigured> {
        Self::of(Environment::new(&get))
    }

    /// Reads variables through `get`, as [`Config::from_env_without_keys`] does.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn read_without_keys(get: impl Fn(&str) -> Option<String>) -> Result<Self, Misconfigured> {
        let mut env = Environment::new(&get);
        env.needs_keys = false;
        Self::of(env)
    }

    fn of(mut env: Environment<'_>) -> Result<Self, Misconfigured> {
        cloud_run::refuse_placeholders(&mut env);
        let tokens = Tokens::read(&mut env);
        let keys = KeySettings::read(&mut env, &tokens);
        let firebase = Firebase::read(&mut env);
        tokens.check_profile(&mut env, &keys, &firebase);
        let accounts = Accounts::read(&mut env);
        let config = Self {
            table_name: table_name(&mut env),
            keys,
            firebase,
            tokens,
            admin: AdminAccess::read(&mut env, &accounts.roles),
            accounts,
            http: Http::read(&mut env),
            mail: MailSettings::read(&mut env),
            event_webhook: EventWebhook::read(&mut env),
            legacy_login: LegacyLogin::read(&mut env),
            telemetry: Telemetry::read(&mut env),
            serve: Serve::read(&mut env),
            on_cloud_run: env.platform.on_cloud_run,
            identity: platform::identity(&env),
            federation: Federation::read(&mut env),
            advice: Vec::new(),
        };
        cloud_run::check(&mut env, &config);
        let config = Self { advice: advice::of(&env, &config), ..config };
        env.done(config)
    }
}

fn table_name(env: &mut Environment) -> String {
    let what = "the name or the ARN of a table: 3 to 255 letters, digits and . - _";
    env.checked("TABLE_NAME", is_table_name, what).unwrap_or_else(|| "latchkey".to_owned())
}

/// Whether DynamoDB accepts this name of a table (API reference, CreateTable), or an ARN.
fn is_table_name(text: &str) -> bool {
    let fits = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let of_arn = text.strip_prefix("arn:").and_then(|arn| arn.split_once(":table/")).map(|(_, name)| name);
    let name = of_arn.unwrap_or(text);
    (3..=255).contains(&name.len()) && fits(name)
}

/// The settings that somebody set, and their values. A secret has no value here.
pub fn settings() -> Vec<(&'static str, Option<String>)> {
    let set = names::variables().filter_map(|name| Some((name, variable(name)?)));
    let shown = set.filter_map(|(name, value)| {
        let value = values::plain(&value).to_owned();
        (!value.is_empty()).then(|| (name, names::may_be_shown(name).then_some(value)))
    });
    shown.collect()
}

/// A sentence for each variable of the process that is nearly the name of a setting.
pub fn nearly_right() -> Vec<String> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    names::nearly_right(std::env::vars_os().map(|(name, value)| (text(name), text(value))))
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
