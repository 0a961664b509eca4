//! The access token of the service account: asked for once, renewed in time, and never sent
//! elsewhere.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::{
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use shared::{
    firebase::{Fit, IdentityToolkit, Rights, ToolkitError},
    keys::service_account::ServiceAccount,
    testing::service_account,
    time::Timestamp,
};
use tokio::net::TcpListener;

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

/// Google: the endpoint of tokens, and the API.
#[derive(Clone, Default)]
pub struct Google(Arc<Mutex<Asked>>);

#[derive(Default)]
pub struct Asked {
    /// The bodies of the requests for a token.
    grants: Vec<String>,
    /// The tokens that the API was called with.
    bearers: Vec<String>,
    /// Whether the first token was revoked.
    is_revoked: bool,
    denies: bool,
    /// Whether the Cloud Resource Manager is off.
    denies_tests: bool,
}

impl Google {
    /// The bodies of the requests for a token.
    pub fn grants(&self) -> Vec<String> {
        self.0.lock().unwrap().grants.clone()
    }

    pub async fn start(&self) -> IdentityToolkit {
        let base = self.serve().await;
        IdentityToolkit::at(&base, &format!("{base}/token"))
    }

    /// The URL of both.
    async fn serve(&self) -> String {
        let router = Router::new()
            .route("/token", post(token))
            .route("/v1/projects/{project}/{operation}", post(update))
            .route("/v1/projects/{operation}", post(test_permissions))
            .with_state(self.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        base
    }
}

async fn token(State(Google(asked)): State<Google>, body: String) -> (StatusCode, Json<Value>) {
    let mut asked = asked.lock().unwrap();
    asked.grants.push(body);
    if asked.denies {
        let body = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
        return (StatusCode::BAD_REQUEST, Json(body));
    }
    let token = format!("token {}", asked.grants.len());
    (StatusCode::OK, Json(json!({"access_token": token, "expires_in": 3_599, "token_type": "Bearer"})))
}

async fn update(State(Google(asked)): State<Google>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let mut asked = asked.lock().unwrap();
    let bearer = headers["authorization"].to_str().unwrap().to_owned();
    let is_refused = asked.is_revoked && bearer == "Bearer token 1";
    asked.bearers.push(bearer);
    match is_refused {
        true => (StatusCode::UNAUTHORIZED, Json(json!({"error": {"code": 401, "message": "UNAUTHENTICATED"}}))),
        false => (StatusCode::OK, Json(json!({"users": []}))),
    }
}

/// An account that may change users and make keys of accounts.
async fn test_permissions(
    State(Google(asked)): State<Google>,
    Path(operation): Path<String>,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    assert_eq!(operation, "demo-latchkey:testIamPermissions");
    let denies = asked.lock().unwrap().denies_tests;
    if denies {
        return (StatusCode::FORBIDDEN, Json(json!({"error": {"code": 403, "status": "PERMISSION_DENIED"}})));
    }
    let has = ["firebaseauth.users.update", "iam.serviceAccountKeys.create"];
    let asked = body["permissions"].as_array().unwrap().iter().filter_map(Value::as_str);
    (StatusCode::OK, Json(json!({"permissions": asked.filter(|right| has.contains(right)).collect::<Vec<_>>()})))
}

pub async fn find(toolkit: &IdentityToolkit, account: &ServiceAccount, now: Timestamp) -> Result<(), ToolkitError> {
    toolkit.users(account, &account.project_id, now).unwrap().find(&["a"]).await.map(drop)
}

pub fn part(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

#[tokio::test]
async fn the_request_for_a_token_is_signed_by_the_service_account_and_asks_for_the_users_alone() {
    let (google, account) = (Google::default(), ServiceAccount::parse(service_account()).unwrap());
    find(&google.start().await, &account, NOW).await.unwrap();
    let grant = google.0.lock().unwrap().grants[0].clone();
    let signed = grant.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    let (input, signature) = signed.unwrap().rsplit_once('.').unwrap();
    let file: Value = serde_json::from_str(service_account()).unwrap();
    let pem: String = file["private_key"].as_str().unwrap().lines().filter(|line| !line.starts_with('-')).collect();
    let key = KeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    public.verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    assert_eq!(part(header), json!({"alg": "RS256", "typ": "JWT", "kid": "demo"}));
    let claims = part(claims);
    assert_eq!(claims["iss"], file["client_email"]);
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/identitytoolkit");
    assert!(claims["aud"].as_str().unwrap().ends_with("/token"));
    assert_eq!((claims["iat"].as_i64(), claims["exp"].as_i64()), (Some(NOW.seconds()), Some(NOW.seconds() + 3_600)));
}

#[tokio::test]
async fn one_token_serves_all_calls_until_five_minutes_before_its_end() {
    let (google, account) = (Google::default(), ServiceAccount::parse(service_account()).unwrap());
    let toolkit = google.start().await;
    let calls = (0..50).map(|_| find(&toolkit, &account, NOW));
    for outcome in futures_util::future::join_all(calls).await {
        outcome.unwrap();
    }
    find(&toolkit, &account, NOW + Duration::from_secs(3_298)).await.unwrap();
    assert_eq!(google.0.lock().unwrap().grants.len(), 1);
    find(&toolkit, &account, NOW + Duration::from_secs(3_299)).await.unwrap();
    assert_eq!(google.0.lock().unwrap().grants.len(), 2);
}

#[tokio::test]
async fn a_token_that_the_api_refuses_is_renewed_once() {
    let (google, account) = (Google::default(), ServiceAccount::parse(service_account()).unwrap());
    let toolkit = google.start().await;
    find(&toolkit, &account, NOW).await.unwrap();
    google.0.lock().unwrap().is_revoked = true;
    find(&toolkit, &account, NOW).await.unwrap();
    assert_eq!(google.0.lock().unwrap().bearers, ["Bearer token 1", "Bearer token 1", "Bearer token 2"]);
}

#[tokio::test]
async fn a_key_that_google_deleted_is_told_by_the_word_of_its_endpoint() {
    let (google, account) = (Google::default(), ServiceAccount::parse(service_account()).unwrap());
    let toolkit = google.start().await;
    google.0.lock().unwrap().denies = true;
    let refused = find(&toolkit, &account, NOW).await.unwrap_err();
    let why = "the token endpoint answered 400 invalid_grant".to_owned();
    assert_eq!(refused, ToolkitError::Unavailable(why));
    assert!(google.0.lock().unwrap().bearers.is_empty());
}

#[tokio::test]
async fn the_rights_of_the_account_are_asked_with_a_token_that_reads_alone() {
    let (google, account) = (Google::default(), ServiceAccount::parse(service_account()).unwrap());
    let base = google.serve().await;
    let tokens = format!("{base}/token");
    let ask = || Rights::of(&account, "demo-latchkey", Some((&base, &tokens)), NOW);
    let rights = ask().await.unwrap();
    assert_eq!(rights.fit(true), Fit::TooMany(vec!["make keys of service accounts"]));
    let grant = google.grants().remove(0);
    let claims = part(grant.split("assertion=").nth(1).unwrap().split('.').nth(1).unwrap());
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform.read-only");
    google.0.lock().unwrap().denies_tests = true;
    let why = ask().await.unwrap_err();
    assert!(why.ends_with("answered 403: the API cloudresourcemanager.googleapis.com may be off"), "{why}");
}
