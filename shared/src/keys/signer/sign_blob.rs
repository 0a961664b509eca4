//! A key that Google holds: `signBlob` of the IAM Credentials API
//! (<https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob>).

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    GoogleCaller, GoogleServers, RemoteSignature, identity,
    requests::{Requests, is_passing, word},
};
use crate::{
    AwsCaller,
    fetch::{Fetched, Leased},
    jose::jws::VerifyingKey,
    keys::google::Certificates,
    time::Timestamp,
};

/// The Google-managed keys of one service account.
pub struct SignBlob {
    email: String,
    caller: GoogleCaller,
    aws: Option<AwsCaller>,
    servers: GoogleServers,
    certificates: Certificates,
    requests: Requests,
    tokens: Leased<Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    key_id: String,
    signed_blob: String,
}

#[derive(Deserialize)]
struct Failed {
    error: Failure,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    reason: String,
}

impl SignBlob {
    /// The keys of the account `email`. Nothing is called yet.
    pub(super) fn new(email: &str, caller: &GoogleCaller, aws: Option<AwsCaller>, servers: &GoogleServers) -> Self {
        // The configuration lets no letter into an address that a URL escapes.
        let certificates = format!("{}/robot/v1/metadata/x509/{email}", servers.certificates);
        Self {
            email: email.to_owned(),
            caller: caller.clone(),
            aws,
            servers: servers.clone(),
            certificates: Certificates::of_service_account(email, certificates.parse().unwrap_or_default()),
            requests: Requests::default(),
            tokens: Leased::default(),
        }
    }

    /// Signs `message`. The key is looked up by its id among the published certificates of the
    /// account. An unknown id makes the service fetch them once more.
    pub(super) async fn sign(&self, message: &[u8], now: Timestamp) -> Result<RemoteSignature, String> {
        let Answered { key_id, signed_blob } = self.sign_blob(message, now).await?;
        let bytes = STANDARD.decode(signed_blob).map_err(|_| "IAM Credentials answered no base64")?;
        let key = self.certificates.key(&key_id, now).await.map_err(|error| error.cause())?;
        let key_id = word_of_id(&key_id);
        let key = key.ok_or_else(|| format!("{} has no certificate of the key {key_id}, which signed", self.email))?;
        Ok(RemoteSignature { bytes, key, name: format!("the key {key_id} of {}", self.email) })
    }

    /// All published keys of the account.
    pub(super) async fn public_keys(&self, now: Timestamp) -> Result<Vec<Arc<VerifyingKey>>, String> {
        self.certificates.all(now).await.map_err(|error| error.cause())
    }

    /// Gets the access token and the certificates.
    pub(super) async fn prepare(&self, now: Timestamp) -> Result<(), String> {
        tokio::try_join!(self.token(now), self.public_keys(now)).map(drop)
    }

    async fn token(&self, now: Timestamp) -> Result<Arc<Zeroizing<String>>, String> {
        let ask = identity::access_token(&self.caller, self.aws.as_ref(), &self.servers, &self.requests, now);
        self.tokens.get(now, |_| true, ask).await
    }

    /// Calls the operation. An access token that was refused is renewed once.
    async fn sign_blob(&self, message: &[u8], now: Timestamp) -> Result<Answered, String> {
        let body = Bytes::from(json!({"payload": STANDARD.encode(message)}).to_string());
        let token = self.token(now).await?;
        let mut answer = self.call(&token, body.clone()).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.tokens.forget(&token).await;
            answer = self.call(&self.token(now).await?, body).await?;
        }
        if answer.status != StatusCode::OK {
            return Err(self.refusal(&answer));
        }
        serde_json::from_slice(&answer.body).map_err(|_| "IAM Credentials answered no signature".to_owned())
    }

    async fn call(&self, token: &str, body: Bytes) -> Result<Fetched, String> {
        let (server, email) = (&self.servers.iam_credentials, &self.email);
        let request = Request::post(format!("{server}/v1/projects/-/serviceAccounts/{email}:signBlob"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(body)
            .map_err(|error| error.to_string())?;
        self.requests.send(request, is_passing).await.map_err(|why| format!("IAM Credentials {why}"))
    }

    /// The cause of a refusal, and the remedy.
    fn refusal(&self, answer: &Fetched) -> String {
        let failed = serde_json::from_slice::<Failed>(&answer.body).ok().map(|failed| failed.error);
        let is_off = failed
            .as_ref()
            .is_some_and(|failure| failure.details.iter().any(|detail| detail.reason == "SERVICE_DISABLED"));
        let (email, status) = (&self.email, answer.status);
        let remedy = match status {
            _ if is_off => ": switch the API iamcredentials.googleapis.com on in the project of the caller".to_owned(),
            StatusCode::FORBIDDEN => format!(
                ": iam.serviceAccounts.signBlob denied: grant the caller roles/iam.serviceAccountTokenCreator on {email}, \
                 in the project of that account"
            ),
            StatusCode::NOT_FOUND => format!(": there is no service account {email}: correct FIREBASE_CLIENT_EMAIL"),
            _ => String::new(),
        };
        let name = failed.map(|failure| word(&failure.status)).unwrap_or_default();
        format!("IAM Credentials answered {} {name}{remedy}", status.as_u16())
    }
}

/// The id of a key, for the log.
fn word_of_id(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

impl fmt::Debug for SignBlob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SignBlob of {}", self.email)
    }
}
