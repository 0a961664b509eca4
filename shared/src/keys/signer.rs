//! Signers: whatever signs a token, wherever its private key is.

use jsonwebtoken::Header;
use serde::Serialize;

use crate::{
    error::Error,
    jose::{jwt, rsa::RsaKey},
};

/// A private key that signs tokens by RS256. Signing is asynchronous, as a key that another service
/// holds signs over the network.
#[derive(Clone, Copy, Debug)]
pub enum Signer<'a> {
    /// A key in the memory of this process.
    Local(&'a RsaKey),
}

impl Signer<'_> {
    /// Signs `claims` under `header`.
    ///
    /// # Errors
    ///
    /// 500 if the claims cannot be written as JSON or the random source fails.
    pub async fn sign(self, header: &Header, claims: &impl Serialize) -> Result<String, Error> {
        match self {
            Self::Local(key) => jwt::sign(header, claims, key),
        }
    }
}
