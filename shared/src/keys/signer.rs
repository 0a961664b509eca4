//! Signers: whatever signs for the Firebase service account, wherever its private key is.

mod identity;
mod kms;
mod requests;
mod sign_blob;

use std::{sync::Arc, time::Duration};

use jsonwebtoken::Header;
use serde::Serialize;
use tokio::time;

pub use identity::{GoogleCaller, GoogleServers};
pub use kms::Kms;
pub use sign_blob::SignBlob;

use super::RemoteSigner;
use crate::{
    AwsCaller,
    error::Error,
    jose::{jws::VerifyingKey, jwt, rsa::RsaKey},
    time::Timestamp,
};

/// The longest time of a signature by another service, with all that it needs. The answer to a
/// person then comes within three seconds.
const TIME_MAX: Duration = Duration::from_millis(2_500);

/// The holder of a private key, which signs tokens by RS256.
#[derive(Debug)]
pub enum Signer {
    /// A key in the memory of this process.
    Local(RsaKey),
    /// A key that Google holds, used by `signBlob` of the IAM Credentials API.
    Iam(Box<SignBlob>),
    /// A key in AWS KMS.
    Kms(Box<Kms>),
}

/// A signed token, and the public key that verifies it.
pub struct Signed {
    /// The token.
    pub token: String,
    /// The key. It is known from elsewhere than the signature.
    pub key: Arc<VerifyingKey>,
}

/// A signature by another service: its bytes, the key, and the key's name for the log.
struct RemoteSignature {
    bytes: Vec<u8>,
    key: Arc<VerifyingKey>,
    name: String,
}

impl Signer {
    /// The signer of the account `email` that another service is. Nothing is called yet. `aws` is
    /// the identity of this process at AWS.
    pub fn remote(remote: &RemoteSigner, email: &str, aws: Option<AwsCaller>, google: &GoogleServers) -> Self {
        match remote {
            RemoteSigner::Iam(caller) => Self::Iam(Box::new(SignBlob::new(email, caller, aws, google))),
            RemoteSigner::Kms { key_id } => Self::Kms(Box::new(Kms::new(key_id, aws))),
        }
    }

    /// Signs `claims` under `header`. A signature by another service is verified here.
    ///
    /// # Errors
    ///
    /// 500 if the claims cannot be written as JSON or the random source fails. 503 with the cause
    /// in the log, within 2.5 seconds, if another service signs nothing, or signs wrongly.
    pub async fn sign(&self, header: &Header, claims: &impl Serialize, now: Timestamp) -> Result<Signed, Error> {
        let input = jwt::signing_input(header, claims)?;
        let signing = async {
            match self {
                Self::Local(key) => {
                    let bytes = key.sign(input.as_bytes()).map_err(|error| error.to_string())?;
                    let key = key.public_half().verifying().clone();
                    Ok(RemoteSignature { bytes, key, name: "the service account".to_owned() })
                }
                Self::Iam(iam) => iam.sign(input.as_bytes(), now).await,
                Self::Kms(kms) => kms.sign(input.as_bytes(), now).await,
            }
        };
        let signature = self.within(signing).await?;
        if signature.key.verifies(input.as_bytes(), &signature.bytes) {
            return Ok(Signed { token: jwt::signed(input, &signature.bytes), key: signature.key });
        }
        Err(Error::unavailable(format!("a signature by {} does not verify, and is not used", signature.name)))
    }

    /// The public keys whose signatures are the account's.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log if another service does not tell them.
    pub async fn public_keys(&self, now: Timestamp) -> Result<Vec<Arc<VerifyingKey>>, Error> {
        self.within(async {
            match self {
                Self::Local(key) => Ok(vec![key.public_half().verifying().clone()]),
                Self::Iam(iam) => iam.public_keys(now).await,
                Self::Kms(kms) => kms.public_key(now).await.map(|key| vec![key]),
            }
        })
        .await
    }

    /// Gets beforehand what the first signature would wait for.
    ///
    /// # Errors
    ///
    /// 503 with the cause in the log, as for a signature.
    pub async fn prepare(&self, now: Timestamp) -> Result<(), Error> {
        self.within(async {
            match self {
                Self::Local(_) => Ok(()),
                Self::Iam(iam) => iam.prepare(now).await,
                Self::Kms(kms) => kms.public_key(now).await.map(drop),
            }
        })
        .await
    }

    async fn within<T>(&self, asking: impl Future<Output = Result<T, String>>) -> Result<T, Error> {
        let server = match self {
            // Nothing waits for a key in memory.
            Self::Local(_) => return asking.await.map_err(Error::internal),
            Self::Iam(_) => "IAM Credentials",
            Self::Kms(_) => "KMS",
        };
        let answer = time::timeout(TIME_MAX, asking).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("{server} did not answer within {TIME_MAX:?}")));
        answer.map_err(Error::unavailable)
    }
}

#[cfg(test)]
mod tests;
