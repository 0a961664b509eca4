//! The identity of this process at Google, without a key of Google: an access token for the
//! identity that the platform gives.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header, uri::Authority};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::requests::{Requests, is_passing, word};
use crate::{AwsCaller, fetch::Fetched, time::Timestamp};

/// The grant of RFC 8693 section 2.1.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The kind of token that is asked for (RFC 8693 section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The kind of token that is shown: a request to AWS that is signed and not sent.
const SIGNED_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";
/// The permission that is asked for: the operations of the IAM Credentials API.
const SCOPE: &str = "https://www.googleapis.com/auth/iam";
/// The header that ties the signed request to one identity provider. A request that somebody
/// copies serves nowhere else.
const TARGET: &str = "x-goog-cloud-target-resource";
/// The time before its end at which a token is renewed.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);
/// The path of the access token at the metadata server.
const METADATA_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// The identity by which this process calls Google.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoogleCaller {
    /// The role at AWS, by workload identity federation (<https://google.aip.dev/auth/4117>).
    Aws {
        /// The identity provider, `//iam.googleapis.com/projects/…/providers/…`.
        provider: String,
    },
    /// The service account of Cloud Run, by the metadata server at this host.
    Metadata {
        /// The host, with a port or without one.
        host: Authority,
    },
}

/// The servers of Google that a signer asks, each as a URL without a path.
#[derive(Clone, Debug)]
pub struct GoogleServers {
    /// The Security Token Service.
    pub sts: String,
    /// The IAM Credentials API.
    pub iam_credentials: String,
    /// The certificates of service accounts.
    pub certificates: String,
}

impl Default for GoogleServers {
    fn default() -> Self {
        Self {
            sts: "https://sts.googleapis.com".to_owned(),
            iam_credentials: "https://iamcredentials.googleapis.com".to_owned(),
            certificates: "https://www.googleapis.com".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: Zeroizing<String>,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

/// A request to AWS that is signed and not sent. Google sends it, and learns whose it is.
#[derive(Serialize)]
struct SignedRequest<'a> {
    url: &'a str,
    method: &'a str,
    headers: Vec<Header<'a>>,
}

#[derive(Serialize)]
struct Header<'a> {
    key: &'a str,
    value: &'a str,
}

/// Asks for an access token, and for the time until it is renewed.
///
/// # Errors
///
/// A phrase for the log.
pub(super) async fn access_token(
    caller: &GoogleCaller,
    aws: Option<&AwsCaller>,
    servers: &GoogleServers,
    requests: &Requests,
    now: Timestamp,
) -> Result<(Zeroizing<String>, Duration), String> {
    let granted = match caller {
        GoogleCaller::Metadata { host } => of_metadata(host, requests).await?,
        GoogleCaller::Aws { provider } => {
            let aws = aws.ok_or("there are no credentials of AWS, or no AWS_REGION, to sign in to Google with")?;
            federated(provider, aws, servers, requests, now).await?
        }
    };
    Ok((granted.access_token, Duration::from_secs(granted.expires_in).saturating_sub(RENEWED_BEFORE)))
}

async fn of_metadata(host: &Authority, requests: &Requests) -> Result<Granted, String> {
    let request = Request::get(format!("http://{host}{METADATA_PATH}")).header("metadata-flavor", "Google");
    let request = request.body(Bytes::new()).map_err(|error| error.to_string())?;
    let answer = requests.send(request, is_passing).await;
    let answer = answer.map_err(|why| format!("Google's metadata server {why}"))?;
    if answer.status != StatusCode::OK {
        let status = answer.status.as_u16();
        return Err(format!("Google's metadata server answered {status}: does the service run as a service account?"));
    }
    read(&answer, "Google's metadata server")
}

async fn federated(
    provider: &str,
    aws: &AwsCaller,
    servers: &GoogleServers,
    requests: &Requests,
    now: Timestamp,
) -> Result<Granted, String> {
    let shown = signed_request(provider, aws, now).await?;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", GRANT)
        .append_pair("audience", provider)
        .append_pair("scope", SCOPE)
        .append_pair("requested_token_type", ACCESS_TOKEN)
        .append_pair("subject_token_type", SIGNED_REQUEST)
        .append_pair("subject_token", &shown)
        .finish();
    let request = Request::post(format!("{}/v1/token", servers.sts))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form))
        .map_err(|error| error.to_string())?;
    let answer = requests.send(request, is_passing).await;
    let answer = answer.map_err(|why| format!("Google's Security Token Service {why}"))?;
    if answer.status == StatusCode::OK {
        return read(&answer, "Google's Security Token Service");
    }
    let denied = serde_json::from_slice::<Denied>(&answer.body).map(|denied| word(&denied.error)).unwrap_or_default();
    let hint = match denied.as_str() {
        "invalid_target" => ": FIREBASE_WORKLOAD_IDENTITY_PROVIDER names no provider of an identity pool",
        "invalid_grant" => ": the provider is of another AWS account, or AWS refuses the role's credentials",
        "unauthorized_client" => ": the condition of the identity provider does not admit this role",
        _ => "",
    };
    Err(format!("Google's Security Token Service answered {} {denied}{hint}", answer.status.as_u16()))
}

/// A `GetCallerIdentity` that is signed for one identity provider and not sent, as JSON in
/// percent-encoding.
async fn signed_request(provider: &str, aws: &AwsCaller, now: Timestamp) -> Result<Zeroizing<String>, String> {
    let region = aws.region();
    let url = format!("https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
    let request = Request::builder().method(Method::POST).uri(&url).header(TARGET, provider);
    let mut request = request.body(Bytes::new()).map_err(|error| error.to_string())?;
    aws.sign(&mut request, "sts", region, now).await?;
    let headers = request.headers().iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some(Header { key: name.as_str(), value })
    });
    let signed = SignedRequest { url: &url, method: "POST", headers: headers.collect() };
    let json = Zeroizing::new(serde_json::to_string(&signed).map_err(|error| error.to_string())?);
    Ok(Zeroizing::new(utf8_percent_encode(&json, NON_ALPHANUMERIC).to_string()))
}

fn read(answer: &Fetched, server: &str) -> Result<Granted, String> {
    serde_json::from_slice(&answer.body).map_err(|_| format!("{server} answered no access token"))
}
