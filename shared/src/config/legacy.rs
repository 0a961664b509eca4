//! The system that people come from, which checks the passwords that nobody could export.

use http::Uri;

use super::{
    Environment,
    mail::{called_url, webhook_secret},
};
use crate::keys::Source;

/// The login at the system that people come from.
#[derive(Clone, Debug, Default)]
pub struct LegacyLogin {
    /// Names the URL that checks the password of an address without an account. Has no default, and
    /// nothing is asked without it. Accepts a URL that begins with `https://`, or with `http://` on
    /// the same machine. Read from `LEGACY_LOGIN_URL`. A right password makes the account here. A
    /// failed login then takes two and a half seconds, whoever it is of.
    pub url: Option<Uri>,
    /// Names the secret that signs the calls of that URL. Has no default. Accepts the name or the
    /// ARN of a secret. Read from `LEGACY_LOGIN_SECRET_ID`. Required with `LEGACY_LOGIN_URL`.
    ///
    /// Holds that secret itself. Has no default. Accepts `whsec_` and 24 to 64 bytes in base64.
    /// Read from `LEGACY_LOGIN_SECRET`. The signature is that of Standard Webhooks.
    pub secret: Option<Source>,
}

impl LegacyLogin {
    pub(super) fn read(env: &mut Environment) -> Self {
        let url = called_url(env, "LEGACY_LOGIN_URL");
        let secret = webhook_secret(env, "LEGACY_LOGIN_SECRET_ID", "LEGACY_LOGIN_SECRET");
        if url.is_some() && secret.is_none() {
            let why = "is required with LEGACY_LOGIN_URL, or LEGACY_LOGIN_SECRET on a laptop";
            env.refuse("LEGACY_LOGIN_SECRET_ID", why);
        }
        Self { url, secret }
    }
}
