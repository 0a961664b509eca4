//! AWS KMS, with one key.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{Fault, REGION, Shared, answer, aws_caller, lock, sign_by, signature_v4::Signed, text};
use crate::{
    keys::{KeySources, RemoteSigner},
    testing::certificate,
    time::Timestamp,
};

/// The alias of the key that signs.
const ALIAS: &str = "alias/latchkey-firebase";

/// The API of KMS, on a local port.
pub struct FakeKms {
    address: SocketAddr,
    state: Shared<Keys>,
    server: JoinHandle<()>,
}

struct Keys {
    now: Timestamp,
    /// The index of the key that the alias names.
    key: usize,
    fault: Option<Fault>,
    calls: Vec<String>,
}

impl FakeKms {
    /// Starts at this time.
    pub async fn start(now: Timestamp) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Shared::new(Keys { now, key: 0, fault: None, calls: Vec::new() }.into());
        let router = Router::new().route("/", post(call)).with_state(state.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, state, server }
    }

    /// Makes `sources` sign by this KMS.
    pub fn signs(&self, sources: &mut KeySources) {
        let signer = RemoteSigner::Kms { key_id: ALIAS.to_owned() };
        sign_by(sources, signer, Some(aws_caller(Some(&format!("http://{}", self.address)))));
    }

    /// Sets the time of the service.
    pub fn travel_to(&self, now: Timestamp) {
        lock(&self.state).now = now;
    }

    /// Lets the alias name the key of this index from now on.
    pub fn rotates_to(&self, key: usize) {
        lock(&self.state).key = key;
    }

    /// Fails so from now on, or no more.
    pub fn fails(&self, fault: Option<Fault>) {
        lock(&self.state).fault = fault;
    }

    /// The operations since the last call of this method.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.state).calls)
    }
}

impl Drop for FakeKms {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn refuse(status: u16, kind: &str) -> Response {
    answer(status, &json!({"__type": kind, "message": "a sentence that may quote the request"}))
}

async fn call(State(state): State<Shared<Keys>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = text(&headers, "x-amz-target").to_owned();
    let operation = target.strip_prefix("TrentService.").expect("an operation of KMS").to_owned();
    let (fault, now) = {
        let mut state = lock(&state);
        state.calls.push(operation.clone());
        (state.fault, state.now)
    };
    match fault {
        Some(Fault::Denied) => return refuse(400, "AccessDeniedException"),
        Some(Fault::Throttled) => return refuse(400, "ThrottlingException"),
        Some(Fault::Status(status)) => return refuse(status, "KMSInternalException"),
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Garbage) => return "<html>Sign in to the hotel's network</html>".into_response(),
        Some(Fault::WrongKey | Fault::UnknownKey) | None => {}
    }
    let pairs = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()));
    let signed = Signed { method: "POST", query: "", headers: pairs.collect(), body: &body };
    if let Err(why) = signed.check("kms", &["x-amz-target", "content-type"], now) {
        return refuse(400, &format!("InvalidSignatureException: {why}"));
    }
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    lock(&state).answer(&operation, &body)
}

impl Keys {
    fn answer(&self, operation: &str, body: &Value) -> Response {
        let arn = |key: usize| format!("arn:aws:kms:{REGION}:123456789012:key/{key}");
        let name = body["KeyId"].as_str().expect("a key");
        let key = if name == ALIAS { Some(self.key) } else { (0..3).find(|key| arn(*key) == name) };
        let Some(key) = key else { return refuse(400, "NotFoundException") };
        match operation {
            "GetPublicKey" => {
                answer(200, &json!({"KeyId": arn(key), "PublicKey": STANDARD.encode(certificate(key).public_key())}))
            }
            "Sign" => {
                assert_eq!(
                    (&body["MessageType"], &body["SigningAlgorithm"]),
                    (&json!("RAW"), &json!("RSASSA_PKCS1_V1_5_SHA_256"))
                );
                let message = STANDARD.decode(body["Message"].as_str().expect("a message")).expect("base64");
                let by = if self.fault == Some(Fault::WrongKey) { key + 1 } else { key };
                let signature = certificate(by).sign_bytes(&message);
                answer(200, &json!({"KeyId": arn(key), "Signature": STANDARD.encode(signature)}))
            }
            other => panic!("nobody looked at {other} here"),
        }
    }
}
