//! Google: the Security Token Service, IAM Credentials, the certificates of a service account, and
//! the metadata server of Cloud Run.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    Fault, PROVIDER, REGION, SIGNING_EMAIL, Shared, answer, aws_caller, by_role, google_error, lock, sign_by,
    signature_v4::Signed, text,
};
use crate::{
    keys::{
        KeySources, RemoteSigner,
        signer::{GoogleCaller, GoogleServers},
    },
    testing::certificate,
    time::Timestamp,
};

/// The life of an access token, in seconds.
const LIFE_SECONDS: i64 = 3_600;
/// The beginning of each access token. None is in a log.
const TOKEN: &str = "ya29.d.federated-token-";

/// The servers of Google, on one local port.
pub struct GoogleCloud {
    address: SocketAddr,
    state: Shared<Cloud>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Cloud {
    now: Option<Timestamp>,
    /// The access tokens, each with its end.
    tokens: BTreeMap<String, Timestamp>,
    /// The index and the id of the key that signs. The key is published unless the fault says so.
    key: usize,
    published: BTreeSet<usize>,
    sts_fault: Option<Fault>,
    iam_fault: Option<Fault>,
    certificates_fault: Option<Fault>,
    granted: usize,
    signed: usize,
    fetched: usize,
    /// The reasons for which requests were refused.
    refused: Vec<String>,
}

impl Cloud {
    fn now(&self) -> Timestamp {
        self.now.expect("the time is set")
    }

    fn grant(&mut self) -> Response {
        self.granted += 1;
        let token = format!("{TOKEN}{}", self.granted);
        let end = Timestamp::from_seconds(self.now().seconds() + LIFE_SECONDS);
        self.tokens.insert(token.clone(), end);
        let kind = "urn:ietf:params:oauth:token-type:access_token";
        let body = json!({
            "access_token": token, "issued_token_type": kind, "token_type": "Bearer", "expires_in": LIFE_SECONDS,
        });
        answer(200, &body)
    }

    fn refuse(&mut self, why: String, error: &str) -> Response {
        self.refused.push(why);
        answer(400, &json!({"error": error, "error_description": "a sentence that may quote the request"}))
    }
}

impl GoogleCloud {
    /// Starts the servers. Their time is `now`, and one key is published.
    pub async fn start(now: Timestamp) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Shared::new(Cloud { now: Some(now), published: [0].into(), ..Cloud::default() }.into());
        let router = Router::new()
            .route("/v1/token", post(exchange))
            .route("/v1/projects/-/serviceAccounts/{operation}", post(sign_blob))
            .route("/robot/v1/metadata/x509/{email}", get(certificates))
            .route("/computeMetadata/v1/instance/service-accounts/default/token", get(metadata))
            .with_state(state.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, state, server }
    }

    /// Makes `sources` sign by these servers, for a role at AWS.
    pub fn signs(&self, sources: &mut KeySources) {
        sign_by(sources, by_role(), Some(aws_caller(None)));
        sources.google = self.servers();
    }

    /// Makes `sources` sign by these servers, for a service on Cloud Run.
    pub fn signs_on_cloud_run(&self, sources: &mut KeySources) {
        let host = self.address.to_string().parse().expect("a host");
        sign_by(sources, RemoteSigner::Iam(GoogleCaller::Metadata { host }), None);
        sources.google = self.servers();
    }

    fn servers(&self) -> GoogleServers {
        let base = format!("http://{}", self.address);
        GoogleServers { sts: base.clone(), iam_credentials: base.clone(), certificates: base }
    }

    /// Sets the time of the servers.
    pub fn travel_to(&self, now: Timestamp) {
        lock(&self.state).now = Some(now);
    }

    /// Signs with the key of this index from now on, which is published.
    pub fn rotates_to(&self, key: usize) {
        let mut state = lock(&self.state);
        state.key = key;
        state.published.insert(key);
    }

    /// Voids each access token.
    pub fn revokes_tokens(&self) {
        lock(&self.state).tokens.clear();
    }

    /// The faults of the Security Token Service, of IAM Credentials and of the certificates from
    /// now on.
    pub fn fails(&self, sts: Option<Fault>, iam: Option<Fault>, certificates: Option<Fault>) {
        let mut state = lock(&self.state);
        (state.sts_fault, state.iam_fault, state.certificates_fault) = (sts, iam, certificates);
    }

    /// The access tokens that were granted, the signatures that were made, and the fetches of
    /// certificates.
    pub fn counts(&self) -> [usize; 3] {
        let state = lock(&self.state);
        [state.granted, state.signed, state.fetched]
    }

    /// The reasons for which requests were refused.
    pub fn refused(&self) -> Vec<String> {
        lock(&self.state).refused.clone()
    }

    /// The beginning of each access token, which is in no log.
    pub const fn token() -> &'static str {
        TOKEN
    }
}

impl Drop for GoogleCloud {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn of_fault(fault: Fault) -> Response {
    match fault {
        Fault::Denied => google_error(403, "PERMISSION_DENIED"),
        Fault::Throttled => google_error(429, "RESOURCE_EXHAUSTED"),
        Fault::Status(status) => google_error(status, "INTERNAL"),
        Fault::Silence => std::future::pending().await,
        Fault::Garbage | Fault::WrongKey | Fault::UnknownKey => {
            "<html>Sign in to the hotel's network</html>".into_response()
        }
    }
}

/// The exchange of a signed request for an access token (RFC 8693).
async fn exchange(State(state): State<Shared<Cloud>>, body: String) -> Response {
    let fault = lock(&state).sts_fault;
    match fault {
        Some(Fault::Denied) => return lock(&state).refuse("denied".to_owned(), "unauthorized_client"),
        Some(fault) => return of_fault(fault).await,
        None => {}
    }
    let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mut state = lock(&state);
    match check_exchange(&form, state.now()) {
        Ok(()) => state.grant(),
        Err(why) => state.refuse(why, "invalid_grant"),
    }
}

fn check_exchange(form: &BTreeMap<String, String>, now: Timestamp) -> Result<(), String> {
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", PROVIDER),
        ("scope", "https://www.googleapis.com/auth/iam"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request"),
    ];
    for (name, value) in expected {
        if form.get(name).map(String::as_str) != Some(value) {
            return Err(format!("another {name}"));
        }
    }
    let token = form.get("subject_token").ok_or("no subject_token")?;
    let json = percent_encoding::percent_decode_str(token).decode_utf8().map_err(|error| error.to_string())?;
    let request: Value = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    let host = format!("sts.{REGION}.amazonaws.com");
    let query = "Action=GetCallerIdentity&Version=2011-06-15";
    if request["url"] != format!("https://{host}?{query}") {
        return Err("another URL".to_owned());
    }
    let pairs = request["headers"].as_array().ok_or("no headers")?.iter();
    let pair = |header: &Value| Some((header["key"].as_str()?.to_lowercase(), header["value"].as_str()?.to_owned()));
    let headers: BTreeMap<String, String> = pairs.filter_map(pair).collect();
    let target = "x-goog-cloud-target-resource";
    if headers.get("host") != Some(&host) || headers.get(target).map(String::as_str) != Some(PROVIDER) {
        return Err("another host, or another target".to_owned());
    }
    let method = request["method"].as_str().unwrap_or_default();
    Signed { method, query, headers, body: b"" }.check("sts", &[target], now)
}

/// Google's metadata server, which only a request with its header may ask.
async fn metadata(State(state): State<Shared<Cloud>>, headers: HeaderMap) -> Response {
    let fault = lock(&state).sts_fault;
    match fault {
        Some(fault) => of_fault(fault).await,
        None if text(&headers, "metadata-flavor") == "Google" => lock(&state).grant(),
        None => answer(403, &json!({})),
    }
}

async fn sign_blob(
    State(state): State<Shared<Cloud>>,
    Path(operation): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    assert_eq!(operation, format!("{SIGNING_EMAIL}:signBlob"));
    let fault = lock(&state).iam_fault;
    if let Some(fault) = fault.filter(|fault| !matches!(fault, Fault::WrongKey | Fault::UnknownKey)) {
        return of_fault(fault).await;
    }
    let mut state = lock(&state);
    let bearer = text(&headers, header::AUTHORIZATION.as_str()).strip_prefix("Bearer ").unwrap_or_default();
    if state.tokens.get(bearer).is_none_or(|end| state.now() >= *end) {
        return google_error(401, "UNAUTHENTICATED");
    }
    state.signed += 1;
    let payload = STANDARD.decode(body["payload"].as_str().expect("a payload")).expect("base64");
    let (key, id) = match fault {
        Some(Fault::WrongKey) => (state.key + 1, state.key),
        Some(_) => (state.key, 7),
        None => (state.key, state.key),
    };
    let signature = certificate(key).sign_bytes(&payload);
    answer(200, &json!({"keyId": format!("key-{id}"), "signedBlob": STANDARD.encode(signature)}))
}

async fn certificates(State(state): State<Shared<Cloud>>, Path(email): Path<String>) -> Response {
    assert_eq!(email, SIGNING_EMAIL);
    let fault = lock(&state).certificates_fault;
    if let Some(fault) = fault {
        return of_fault(fault).await;
    }
    let mut state = lock(&state);
    state.fetched += 1;
    let keys = state.published.iter().map(|key| (format!("key-{key}"), Value::from(certificate(*key).pem())));
    ([(header::CACHE_CONTROL, "public, max-age=21600")], Json(Value::Object(keys.collect()))).into_response()
}
