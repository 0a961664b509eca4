//! Stand-ins for the services that sign for a service account: Google's Security Token Service and
//! IAM Credentials, and AWS KMS. Each checks the caller, has faults, and counts its calls.

mod google_cloud;
mod kms;
mod signature_v4;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use axum::{
    Json,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

pub use google_cloud::GoogleCloud;
pub use kms::FakeKms;

use super::PROJECT;
use crate::{
    AwsCaller,
    keys::{FirebaseAccount, KeySources, RemoteAccount, RemoteSigner, signer::GoogleCaller},
};

/// The region of the caller.
const REGION: &str = "eu-central-1";
const ACCESS_KEY_ID: &str = "ASIAOFTHEROLE";
/// The secret key and the session token of the caller, which are in no log.
pub const AWS_SECRETS: [&str; 2] = ["secret-access-key-of-the-role", "session-token-of-the-role"];
/// The service account whose tokens are signed.
pub const SIGNING_EMAIL: &str = "signer@demo-latchkey.iam.gserviceaccount.com";
/// The identity provider that knows the caller.
const PROVIDER: &str =
    "//iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/latchkey/providers/aws-account";

/// A fault of a service that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerFault {
    /// The caller lacks the permission.
    Denied,
    /// The caller has made too many requests.
    Throttled,
    /// Each call gets this status.
    Status(u16),
    /// No call gets an answer.
    Silence,
    /// The answer is no JSON.
    Garbage,
    /// The signature is by another key than the answer says.
    WrongKey,
    /// The key that the answer names is not published.
    UnknownKey,
}
use SignerFault as Fault;

/// The identity at AWS of each caller here. KMS is at `endpoint`.
fn aws_caller(endpoint: Option<&str>) -> AwsCaller {
    let [secret, session] = AWS_SECRETS.map(str::to_owned);
    let credentials = Credentials::new(ACCESS_KEY_ID, secret, Some(session), None, "test");
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials));
    let aws = match endpoint {
        Some(url) => aws.endpoint_url(url).build(),
        None => aws.build(),
    };
    AwsCaller::of(&aws).expect("a region and credentials")
}

/// Makes `sources` sign by this service.
fn sign_by(sources: &mut KeySources, signer: RemoteSigner, aws: Option<AwsCaller>) {
    let (email, project_id) = (SIGNING_EMAIL.to_owned(), PROJECT.to_owned());
    sources.firebase = Some(FirebaseAccount::Remote(RemoteAccount { email, project_id, signer }));
    sources.aws = aws;
}

/// The signer of a caller by its role at AWS.
fn by_role() -> RemoteSigner {
    RemoteSigner::Iam(GoogleCaller::Aws { provider: PROVIDER.to_owned() })
}

type Shared<T> = Arc<Mutex<T>>;

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error in Google's form (<https://google.aip.dev/193>).
fn google_error(status: u16, name: &str) -> Response {
    let message = "a sentence that may quote the request";
    let details = [json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED"})];
    answer(status, &json!({"error": {"code": status, "message": message, "status": name, "details": details}}))
}

fn answer(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
