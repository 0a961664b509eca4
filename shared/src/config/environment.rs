//! Variables, read one by one, with everything that is wrong with them.

use std::time::Duration;

use super::looks_like_path;
use crate::{
    account::session::SessionLifetimes,
    keys::{Source, TokenProfile},
    password::Policy,
};

/// What OWASP's password storage cheat sheet asks of argon2id at the least.
const ARGON2_MEMORY_KIB_MIN: u64 = 19_456;
const ARGON2_ITERATIONS_MIN: u64 = 2;

/// The longest ARN of a secret is shorter: its name has at most 512 characters.
const SECRET_ID_BYTES_MAX: usize = 640;

/// A variable's name, and where what it names is, if it is set.
pub(super) type Named = (&'static str, Option<Source>);

/// Variables by their names, and a sentence for each that is bad or missing.
pub(super) struct Environment<G> {
    get: G,
    pub(super) wrong: Vec<String>,
}

impl<G: Fn(&str) -> Option<String>> Environment<G> {
    pub(super) fn new(get: G) -> Self {
        Self { get, wrong: Vec::new() }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(super) fn refuse(&mut self, name: &str, why: &str) {
        self.wrong.push(format!("{name} {why}."));
    }

    /// A value that is told back in messages, so that nothing that is secret may be taken for it.
    pub(super) fn checked(&mut self, name: &str, fits: fn(&str) -> bool, what: &str) -> Option<String> {
        let text = self.text(name)?;
        if !fits(&text) {
            self.refuse(name, &format!("must be {what}"));
        }
        Some(text)
    }

    /// A secret in Secrets Manager, by the variable with its name or ARN.
    pub(super) fn secret(&mut self, name: &'static str) -> Named {
        let id = self.checked(name, is_secret_id, "the name or the ARN of a secret, not what is in it");
        (name, id.map(Source::Secret))
    }

    /// A secret in a variable; `read` says what is wrong with the text.
    pub(super) fn value(&mut self, name: &'static str, read: impl FnOnce(String) -> Result<Source, String>) -> Named {
        (name, self.text(name).and_then(|text| read(text).map_err(|why| self.refuse(name, &why)).ok()))
    }

    /// A secret in a file, such as a mounted one, by the variable with its path.
    pub(super) fn file(&mut self, name: &'static str) -> Named {
        let path =
            self.checked(name, looks_like_path, "the path of a file, such as /secrets/a/key.json, not what is in it");
        (name, path.map(|path| Source::File(path.into())))
    }

    /// The one of them that is set. Which of two counts would be anybody's guess.
    pub(super) fn only<const N: usize>(&mut self, sources: [Named; N]) -> Option<Source> {
        let mut set = sources.into_iter().filter_map(|(name, source)| Some((name, source?)));
        let (first, source) = set.next()?;
        for (name, _) in set {
            self.refuse(name, &format!("and {first} exclude each other"));
        }
        Some(source)
    }

    pub(super) fn number(&mut self, name: &str, default: u64, min: u64, max: u64) -> u64 {
        match self.text(name).map(|text| text.parse::<u64>()) {
            None => default,
            Some(Ok(number)) if (min..=max).contains(&number) => number,
            Some(_) => {
                self.refuse(name, &format!("must be a whole number from {min} to {max}"));
                default
            }
        }
    }

    pub(super) fn seconds(&mut self, name: &str, default: u64, min: u64, max: u64) -> Duration {
        Duration::from_secs(self.number(name, default, min, max))
    }

    pub(super) fn session_lifetimes(&mut self) -> SessionLifetimes {
        SessionLifetimes {
            absolute: self.seconds("REFRESH_TOKEN_TTL_SECONDS", 2_592_000, 60, 31_536_000),
            idle: self.seconds("REFRESH_TOKEN_IDLE_SECONDS", 1_209_600, 60, 31_536_000),
            reuse_interval: self.seconds("REFRESH_REUSE_INTERVAL_SECONDS", 10, 0, 60),
        }
    }

    pub(super) fn password_policy(&mut self) -> Policy {
        Policy {
            length_min: self.number("PASSWORD_MIN_LENGTH", 8, 8, 64) as usize,
            memory_kib: self.number("ARGON2_MEMORY_KIB", ARGON2_MEMORY_KIB_MIN, ARGON2_MEMORY_KIB_MIN, 262_144) as u32,
            iterations: self.number("ARGON2_ITERATIONS", ARGON2_ITERATIONS_MIN, ARGON2_ITERATIONS_MIN, 16) as u32,
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
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
    pub(super) fn deployed(&self) -> Option<&'static str> {
        let runtime = self.text("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
        let by_local_tool = self.text("AWS_SAM_LOCAL").is_some_and(|value| value == "true")
            || ["http://127.0.0.1:", "http://[::1]:"].iter().any(|local| runtime.starts_with(local));
        let on_lambda = self.text("AWS_LAMBDA_FUNCTION_NAME").is_some() && !by_local_tool;
        let on_cloud_run = self.text("K_SERVICE").is_some();
        on_lambda.then_some("AWS_LAMBDA_FUNCTION_NAME").or_else(|| on_cloud_run.then_some("K_SERVICE"))
    }

    pub(super) fn token_profile(&mut self) -> Option<TokenProfile> {
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

    pub(super) fn issuer(&mut self) -> Option<String> {
        let issuer = self.text("ISSUER")?;
        if !issuer.starts_with("https://") && !issuer.starts_with("http://") {
            self.refuse("ISSUER", "must be a URL that begins with https://");
        }
        Some(issuer.trim_end_matches('/').to_owned())
    }

    pub(super) fn origins(&mut self) -> Option<Vec<String>> {
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

    pub(super) fn rate_limits(&mut self, deployed: Option<&'static str>) -> bool {
        let on = match self.text("RATE_LIMITS").as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(_) => {
                self.refuse("RATE_LIMITS", "must be on or off");
                true
            }
        };
        if let Some(by) = deployed.filter(|_| !on) {
            self.refuse(
                "RATE_LIMITS",
                &format!("is off, which lets everybody guess, and {by} says that this is deployed"),
            );
        }
        on
    }

    pub(super) fn log_level(&mut self) -> String {
        let level = self.text("LOG_LEVEL").unwrap_or_else(|| "info".to_owned()).to_ascii_lowercase();
        if !["error", "warn", "info", "debug", "trace"].contains(&level.as_str()) {
            self.refuse("LOG_LEVEL", "must be error, warn, info, debug or trace");
        }
        level
    }

    pub(super) fn metrics_namespace(&mut self) -> String {
        let what = "a namespace of CloudWatch: 1 to 255 letters, digits and . - _ / # :, and not one of AWS's own";
        self.checked("METRICS_NAMESPACE", is_namespace, what).unwrap_or_else(|| "Latchkey".to_owned())
    }
}

/// As the API reference of CloudWatch has it (PutMetricData, Namespace).
fn is_namespace(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#:".contains(&byte);
    text.len() <= 255 && text.bytes().all(fits) && !text.starts_with("AWS/")
}

fn is_secret_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@:-".contains(&byte);
    text.len() <= SECRET_ID_BYTES_MAX && text.bytes().all(fits)
}
