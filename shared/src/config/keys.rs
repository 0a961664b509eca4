//! The keys: their sources, and the times for which they are kept.

use std::time::Duration;

use super::{Environment, Tokens};
use crate::{
    keys::shared_secret::SharedSecrets,
    keys::{
        KeyLifetimes, KeyUse, Source,
        admin_key::{self, AdminKeys},
        api_key::{ApiKeys, key_in},
        guessable, secret_lines, something_else,
    },
};

/// The sources of the keys, and the times for which keys are kept. Secrets are in AWS Secrets
/// Manager, in a file or in a variable. Variables for the same key exclude each other.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// Names the secret with the whole key set, which signs access and refresh tokens. Has no
    /// default. Accepts the name or the ARN of a secret. Read from `SIGNING_KEYS_SECRET_ID`. Lambda
    /// requires this variable or one of a part of the set. Cloud Run requires this variable or
    /// `SIGNING_KEYS_FILE`.
    ///
    /// Names the file with the key set. Defaults to `signing-keys.json` in the data folder on a
    /// laptop. Accepts a path. Read from `SIGNING_KEYS_FILE`.
    pub signing_keys: Option<Source>,
    /// Names the secret with the keys of refresh tokens, a part of the key set. Has no default.
    /// Accepts the name or the ARN of a secret. Read from `REFRESH_KEYS_SECRET_ID`. A process that
    /// has the whole set reads no part; a rotation writes the part.
    pub refresh_keys: Option<Source>,
    /// Names the secret with the public keys, a part of the key set. Has no default. Accepts the
    /// name or the ARN of a secret. Read from `PUBLIC_KEYS_SECRET_ID`. A process that has the whole
    /// set reads no part; a rotation writes the part.
    pub public_keys: Option<Source>,
    /// Names the secret with the shared secret, which signs and verifies HS256 tokens. Has no
    /// default. Accepts the name or the ARN of a secret. Read from `SHARED_SECRET_ID`.
    ///
    /// Holds the shared secret itself. Has no default. Accepts 32 bytes or more. Read from
    /// `JWT_SHARED_SECRET`. Up to 8 shared secrets may be given, one a line. The first one signs,
    /// and each one verifies.
    ///
    /// Names the file with the shared secret. Has no default. Accepts a path. Read from
    /// `JWT_SHARED_SECRET_FILE`.
    pub shared_secret: Option<Source>,
    /// Names the secret with the API keys, which trusted servers show. Has no default. Accepts the
    /// name or the ARN of a secret. Read from `API_KEY_SECRET_ID`.
    ///
    /// Holds the API keys themselves. Has no default. Accepts up to 8 lines `name:scope,scope:key`.
    /// Read from `API_KEY`. The scopes are `forward` and `encode`. A key has 32 characters or more.
    /// A key alone in its line has no name and both scopes.
    ///
    /// Names the file with the API keys. Has no default. Accepts a path. Read from `API_KEY_FILE`.
    pub api_key: Option<Source>,
    /// Names the secret with the admin keys, which open `/admin`. Has no default, and `/admin` is
    /// off without one. Accepts the name or the ARN of a secret. Read from `ADMIN_KEY_SECRET_ID`.
    ///
    /// Holds the admin keys themselves. Has no default. Accepts up to 8 lines `name:key`. Read from
    /// `ADMIN_KEY`. A key has 32 characters or more. The name is in the log.
    ///
    /// Names the file with the admin keys. Has no default. Accepts a path. Read from
    /// `ADMIN_KEY_FILE`.
    pub admin_key: Option<Source>,
    /// Names the secret with the key of mailed codes and links. Has no default. Accepts the name or
    /// the ARN of a secret. Read from `PROOF_KEY_SECRET_ID`. The secret has one to 8 keys, one a
    /// line, each of 32 bytes or more. The first key makes codes and links, and each one opens
    /// them.
    ///
    /// Names the file with that key. Defaults to `proof-key` in the data folder on a laptop.
    /// Accepts a path. Read from `PROOF_KEY_FILE`.
    pub proof_key: Option<Source>,
    /// Limits the age of a loaded secret or file. Defaults to 300. Accepts 1 to 3600. Read from
    /// `KEYS_TTL_SECONDS`. The key set is read again after 50 seconds at the latest.
    pub ttl: Duration,
    /// Limits the time for which others may keep the published keys. Defaults to 300. Accepts 1 to
    /// 86400 (a day). Read from `JWKS_MAX_AGE_SECONDS`.
    pub jwks_max_age: Duration,
    /// Sets the time for which a superseded key of access tokens is accepted. Defaults to 7200, or
    /// the least value if that is more. Accepts the least value to 2592000 (30 days). Read from
    /// `KEYS_OVERLAP_SECONDS`. The least value is the time of a rotation and the life of a token.
    /// In numbers: twice `KEYS_TTL_SECONDS` (50 at the most), `JWKS_MAX_AGE_SECONDS`,
    /// `ACCESS_TOKEN_TTL_SECONDS`, `CLOCK_SKEW_SECONDS` and 10 seconds together.
    pub overlap: Duration,
}

impl KeySettings {
    /// The lifetimes of `tokens` are part of the least overlap.
    pub(super) fn read(env: &mut Environment, tokens: &Tokens) -> Self {
        let mut keys = Self {
            signing_keys: signing_keys(env),
            refresh_keys: env.secret("REFRESH_KEYS_SECRET_ID").1,
            public_keys: env.secret("PUBLIC_KEYS_SECRET_ID").1,
            shared_secret: shared_secret(env),
            api_key: api_key(env),
            admin_key: admin_key(env),
            proof_key: proof_key(env),
            ttl: env.seconds("KEYS_TTL_SECONDS", 300, 1, 3_600),
            jwks_max_age: env.seconds("JWKS_MAX_AGE_SECONDS", 300, 1, 86_400),
            overlap: Duration::ZERO,
        };
        keys.check_documents(env);
        // A shorter overlap would let a rotation end tokens before they expire.
        let lifetimes = keys.lifetimes(tokens);
        let least = (lifetimes.lead() + lifetimes.margin(KeyUse::Access)).as_secs();
        keys.overlap = env.seconds("KEYS_OVERLAP_SECONDS", least.max(7_200), least, 2_592_000);
        keys
    }

    /// Refuses a process without keys, and one document in two roles.
    fn check_documents(&self, env: &mut Environment) {
        let documents = [&self.signing_keys, &self.refresh_keys, &self.public_keys];
        let mut given = documents.into_iter().flatten();
        let needs_keys = env.needs_keys && env.platform.on_lambda;
        if needs_keys && self.proof_key.is_none() && documents.iter().all(|source| source.is_none()) {
            let why = "is required on Lambda: the secret that holds the signing keys. A function that signs nothing \
                       needs only REFRESH_KEYS_SECRET_ID, PUBLIC_KEYS_SECRET_ID or PROOF_KEY_SECRET_ID";
            env.refuse("SIGNING_KEYS_SECRET_ID", why);
        }
        while let Some(source) = given.next() {
            if given.clone().any(|other| other == source) {
                env.refuse("SIGNING_KEYS_SECRET_ID", "and the variables of its parts must name different secrets");
            }
        }
    }

    /// The lifetimes of the keys and of all that they sign.
    pub(super) fn lifetimes(&self, tokens: &Tokens) -> KeyLifetimes {
        KeyLifetimes {
            ttl: self.ttl,
            jwks_max_age: self.jwks_max_age,
            overlap: self.overlap,
            access_token_life: tokens.access_token_life,
            refresh_token_life: tokens.session_lifetimes.absolute,
            skew: tokens.clock_skew,
        }
    }
}

fn signing_keys(env: &mut Environment) -> Option<Source> {
    let sources = [env.secret("SIGNING_KEYS_SECRET_ID"), env.file("SIGNING_KEYS_FILE")];
    env.only(sources)
}

fn proof_key(env: &mut Environment) -> Option<Source> {
    let sources = [env.secret("PROOF_KEY_SECRET_ID"), env.file("PROOF_KEY_FILE")];
    env.only(sources)
}

fn shared_secret(env: &mut Environment) -> Option<Source> {
    let sources = [
        env.secret("SHARED_SECRET_ID"),
        env.value("JWT_SHARED_SECRET", |text| {
            let parse = |text: &str| SharedSecrets::parse(text).map(drop);
            secret_text(text, "shared_secret", "secret", |line| line, parse)
        }),
        env.file("JWT_SHARED_SECRET_FILE"),
    ];
    env.only(sources)
}

/// Secrets that somebody wrote into a variable. `part` is the secret in a line.
///
/// # Errors
///
/// A phrase that follows the variable's name, and quotes nothing: as of `parse`, or one of the
/// secrets could be guessed, or is something else.
fn secret_text(
    text: String,
    member: &str,
    what: &str,
    part: fn(&str) -> &str,
    parse: impl Fn(&str) -> Result<(), String>,
) -> Result<Source, String> {
    let lines = secret_lines(&text, member)?;
    let has = |why: &str| format!("has a {what} that {why}");
    if let Some(why) = lines.iter().find_map(|line| something_else(part(line))) {
        return Err(has(why));
    }
    parse(&text)?;
    match lines.iter().find_map(|line| guessable(part(line))) {
        Some(why) => Err(has(why)),
        None => Ok(Source::Text(text)),
    }
}

fn api_key(env: &mut Environment) -> Option<Source> {
    let sources = [
        env.secret("API_KEY_SECRET_ID"),
        env.value("API_KEY", |text| secret_text(text, "api_key", "key", key_in, |text| ApiKeys::parse(text).map(drop))),
        env.file("API_KEY_FILE"),
    ];
    env.only(sources)
}

fn admin_key(env: &mut Environment) -> Option<Source> {
    let parse = |text: &str| AdminKeys::parse(text).map(drop);
    let sources = [
        env.secret("ADMIN_KEY_SECRET_ID"),
        env.value("ADMIN_KEY", |text| secret_text(text, "admin_key", "key", admin_key::key_in, parse)),
        env.file("ADMIN_KEY_FILE"),
    ];
    env.only(sources)
}
