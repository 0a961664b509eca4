//! A key in AWS KMS: `Sign` and `GetPublicKey`
//! (<https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html>).
//!
//! The SDK's client for KMS would be a further crate in each function that logs somebody in, for
//! two operations. Both are one signed request with JSON, by crates that the functions have.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use x509_cert::{der::Decode, spki::SubjectPublicKeyInfoOwned};

use super::{
    RemoteSignature,
    requests::{self, Requests, word},
};
use crate::{
    AwsCaller,
    error::Error,
    fetch::{Fetched, Leased},
    jose::jws::VerifyingKey,
    keys::google::rsa_key,
    time::Timestamp,
};

/// RS256, in the words of KMS.
const ALGORITHM: &str = "RSASSA_PKCS1_V1_5_SHA_256";
/// The longest message that KMS hashes itself, in bytes. A custom token has a fifth of that.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// One key in KMS.
pub struct Kms {
    key_id: String,
    aws: Option<AwsCaller>,
    requests: Requests,
    /// The public half, asked for once in a process, with the ARN of its key. An alias may name
    /// another key later.
    public: Leased<PublicHalf>,
}

struct PublicHalf {
    arn: String,
    key: Arc<VerifyingKey>,
    /// `RSAPublicKey` (RFC 8017 section A.1.1).
    der: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SignAnswer {
    key_id: String,
    signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetPublicKeyAnswer {
    key_id: String,
    public_key: String,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(rename = "__type")]
    kind: String,
}

impl Kms {
    /// The key with this ARN, id or alias. Nothing is called yet.
    pub fn new(key_id: &str, aws: Option<AwsCaller>) -> Self {
        Self { key_id: key_id.to_owned(), aws, requests: Requests::default(), public: Leased::default() }
    }

    /// A signature of `message` by RSASSA-PKCS1-v1_5 with SHA-256, which is verified.
    ///
    /// # Errors
    ///
    /// 503 with the cause: KMS does not sign, or signs wrongly.
    pub async fn signature(&self, message: &[u8], now: Timestamp) -> Result<Vec<u8>, Error> {
        let RemoteSignature { bytes, key, name } = self.sign(message, now).await.map_err(Error::unavailable)?;
        match key.verifies(message, &bytes) {
            true => Ok(bytes),
            false => Err(Error::unavailable(format!("a signature by {name} does not verify"))),
        }
    }

    /// The public half as `RSAPublicKey` in DER (RFC 8017 section A.1.1).
    ///
    /// # Errors
    ///
    /// 503 with the cause: KMS does not tell it, or the key is no RSA key.
    pub async fn rsa_public_key(&self, now: Timestamp) -> Result<Vec<u8>, Error> {
        let half = self.public.get(now, |_| true, self.get_public_key(&self.key_id, now)).await;
        half.map(|half| half.der.clone()).map_err(Error::unavailable)
    }

    /// Signs `message`. KMS makes the digest itself.
    pub(super) async fn sign(&self, message: &[u8], now: Timestamp) -> Result<RemoteSignature, String> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(format!("KMS signs no message of more than {MESSAGE_BYTES_MAX} bytes"));
        }
        let body = json!({
            "KeyId": self.key_id, "Message": STANDARD.encode(message), "MessageType": "RAW", "SigningAlgorithm": ALGORITHM,
        });
        let SignAnswer { key_id, signature } = self.call("Sign", &body, now).await?;
        let bytes = STANDARD.decode(signature).map_err(|_| "KMS answered no base64")?;
        let key = self.public_half(&key_id, now).await?;
        Ok(RemoteSignature { bytes, key, name: format!("the KMS key {key_id}") })
    }

    /// The public half of the configured key.
    pub(super) async fn public_key(&self, now: Timestamp) -> Result<Arc<VerifyingKey>, String> {
        let half = self.public.get(now, |_| true, self.get_public_key(&self.key_id, now)).await?;
        Ok(half.key.clone())
    }

    /// The public half of the key that signed.
    async fn public_half(&self, arn: &str, now: Timestamp) -> Result<Arc<VerifyingKey>, String> {
        let half = self.public.get(now, |half| half.arn == arn, self.get_public_key(arn, now)).await?;
        Ok(half.key.clone())
    }

    async fn get_public_key(&self, key_id: &str, now: Timestamp) -> Result<(PublicHalf, Duration), String> {
        let answer: GetPublicKeyAnswer = self.call("GetPublicKey", &json!({"KeyId": key_id}), now).await?;
        let flawed = |why: &str| format!("the KMS key {} {why}: it must be an RSA key for RS256", answer.key_id);
        let der = STANDARD.decode(&answer.public_key).map_err(|_| flawed("is not in base64"))?;
        let info = SubjectPublicKeyInfoOwned::from_der(&der).map_err(|_| flawed("cannot be read"))?;
        let key = rsa_key(&info).map_err(|flaw| flawed(flaw.phrase()))?;
        let der = info.subject_public_key.raw_bytes().to_vec();
        Ok((PublicHalf { arn: answer.key_id, key: Arc::new(key), der }, Duration::MAX))
    }

    async fn call<T: DeserializeOwned>(&self, operation: &str, body: &Value, now: Timestamp) -> Result<T, String> {
        let aws = self.aws.as_ref().ok_or("there are no credentials of AWS, or no AWS_REGION, to call KMS with")?;
        // The ARN of a key names its region.
        let region = self.key_id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).unwrap_or(aws.region());
        let mut request = Request::post(aws.kms(region)?)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body(Bytes::from(body.to_string()))
            .map_err(|error| error.to_string())?;
        aws.sign(&mut request, "kms", region, now).await?;
        let answer = self.requests.send(request, is_passing).await;
        let answer = answer.map_err(|why| format!("KMS {why}"))?;
        if answer.status != StatusCode::OK {
            return Err(refusal(operation, &answer));
        }
        serde_json::from_slice(&answer.body).map_err(|_| format!("KMS answered {operation} with something else"))
    }
}

/// The name of the error in an answer, without its namespace.
fn kind(answer: &Fetched) -> String {
    let failed = serde_json::from_slice::<Failed>(&answer.body).map(|failed| failed.kind).unwrap_or_default();
    word(failed.rsplit('#').next().unwrap_or_default())
}

fn is_passing(answer: &Fetched) -> bool {
    requests::is_passing(answer) || kind(answer) == "ThrottlingException"
}

fn refusal(operation: &str, answer: &Fetched) -> String {
    let name = kind(answer);
    let remedy = match name.as_str() {
        "AccessDeniedException" => {
            format!(": kms:{operation} denied: allow it to this role, in its policy or the key's")
        }
        "NotFoundException" => ": there is no such key: correct FIREBASE_KMS_KEY_ID".to_owned(),
        "DisabledException" | "KMSInvalidStateException" => ": enable the key again".to_owned(),
        "InvalidKeyUsageException" => ": the key must be of the kind RSA_2048, for signatures".to_owned(),
        _ => String::new(),
    };
    format!("KMS answered {} {name}{remedy}", answer.status.as_u16())
}

impl fmt::Debug for Kms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Kms {}", self.key_id)
    }
}
