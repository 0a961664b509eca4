//! Shared secrets, which sign and verify HS256 tokens.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use crate::{
    error::Error,
    jose::{
        jws::{Flaw, VerifyingKey},
        jwt::Jwt,
    },
    keys::secret_lines,
};

/// The shared secrets of a deployment. The first one signs. There are several while one replaces
/// another.
pub struct SharedSecrets {
    signing: EncodingKey,
    verifying: Vec<VerifyingKey>,
}

impl SharedSecrets {
    /// Reads the secrets, as [`secret_lines`] of `shared_secret`. The bytes of a secret are its
    /// text in UTF-8, as in every JWT library that accepts a text.
    ///
    /// # Errors
    ///
    /// A phrase that follows the name of the source and quotes nothing. A secret under 32 bytes is
    /// refused (RFC 7518 section 3.2): everybody who sees a token could guess it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let secret_lines = secret_lines(text, "shared_secret")?;
        let verifying =
            secret_lines.iter().map(|secret| VerifyingKey::secret(secret.as_bytes())).collect::<Result<_, _>>();
        let first = secret_lines.first().map(|secret| secret.as_bytes()).unwrap_or_default();
        Ok(Self {
            signing: EncodingKey::from_secret(first),
            verifying: verifying.map_err(|flaw: Flaw| format!("has a secret that {}", flaw.phrase()))?,
        })
    }

    /// Signs `claims` by HS256, with the first secret.
    ///
    /// # Errors
    ///
    /// 500 if the claims cannot be written as JSON.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing).map_err(Error::internal)
    }

    /// Whether one of the secrets signed `token`.
    pub fn signed(&self, token: &Jwt) -> bool {
        self.verifying.iter().any(|secret| token.is_signed_by(secret))
    }
}

impl fmt::Debug for SharedSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedSecrets")
    }
}
