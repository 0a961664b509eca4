//! An emulator of Google: keys, their certificates, signed ID tokens, and a certificate endpoint
//! with faults.

mod reply;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use x509_cert::{
    Certificate,
    der::{Decode, Encode},
};

pub use reply::{Delivery, Reply};

use super::Steps;
use crate::{jose::rsa::RsaKey, time::Timestamp};

/// The Firebase project of every test.
pub const PROJECT: &str = "demo-latchkey";
/// The number of keys.
const KEYS: usize = 3;

/// A key with its certificate.
pub struct Certified {
    private: String,
    key: RsaKey,
    certificate: Vec<u8>,
}

/// One of three keys of all tests in this process. Generating an RSA key takes longer than most
/// tests.
pub fn certificate(index: usize) -> &'static Certified {
    static POOL: [OnceLock<Certified>; KEYS] = [const { OnceLock::new() }; KEYS];
    POOL[index].get_or_init(Certified::generate)
}

impl Certified {
    fn generate() -> Self {
        let text = RsaKey::generate().expect("a key");
        let der = pem::parse(&text).expect("PEM text").into_contents();
        let pair = KeyPair::try_from(der).expect("a key of PKCS#8");
        let certificate = CertificateParams::default().self_signed(&pair).expect("a certificate").der().to_vec();
        Self { key: RsaKey::from_pem(&text).expect("a key"), private: text, certificate }
    }

    /// The X.509 certificate as PEM text.
    pub fn pem(&self) -> String {
        pem::encode(&pem::Pem::new("CERTIFICATE", self.certificate.clone()))
    }

    /// The private key as PEM text.
    pub fn private_key(&self) -> &str {
        &self.private
    }

    /// The public half as a JWK.
    pub fn jwk(&self, kid: &str) -> Value {
        serde_json::to_value(self.key.public_half().jwk(kid)).expect("JSON")
    }

    /// Signs a token with this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(header.to_string(), claims.to_string())
    }

    /// Signs a token of raw texts, which need not be valid JSON.
    pub fn sign_text(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.key.sign(input.as_bytes()).expect("a signature");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The signature of these bytes by RS256.
    pub fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.key.sign(bytes).expect("a signature")
    }

    /// The public half, as SubjectPublicKeyInfo in DER.
    pub fn public_key(&self) -> Vec<u8> {
        let certificate = Certificate::from_der(&self.certificate).expect("a certificate");
        certificate.tbs_certificate().subject_public_key_info().to_der().expect("DER")
    }

    /// Signs an ID token with this key id.
    pub fn id_token(&self, kid: &str, claims: &Value) -> Value {
        self.sign(&id_token_header(kid), claims).into()
    }
}

/// The header of an ID token.
pub fn id_token_header(kid: &str) -> Value {
    json!({"alg": "RS256", "kid": kid, "typ": "JWT"})
}

/// The claims of an ID token that is valid at `now`. The user signed in with a custom token ten
/// minutes before.
pub fn id_token_claims(uid: &str, now: Timestamp) -> Value {
    let now = now.seconds();
    json!({
        "iss": format!("https://securetoken.google.com/{PROJECT}"),
        "aud": PROJECT,
        "auth_time": now - 600,
        "user_id": uid,
        "sub": uid,
        "iat": now - 30,
        "exp": now + 3_570,
        "firebase": {"identities": {}, "sign_in_provider": "custom"},
    })
}

/// A token without a signature, as the Firebase Auth emulator makes them.
pub fn unsigned(header: &Value, claims: &Value) -> Value {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    json!(format!("{}.{}.", part(header), part(claims)))
}

/// The certificate endpoint, on a local port.
pub struct Google {
    address: SocketAddr,
    state: Arc<State>,
    server: Option<JoinHandle<()>>,
    /// Moves a paused clock while somebody may wait for an answer.
    _steps: Option<Arc<Steps>>,
}

struct State {
    reply: Mutex<Reply>,
    fetches: AtomicUsize,
}

impl Google {
    /// Starts an endpoint with this reply.
    pub async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State { reply: Mutex::new(reply), fetches: AtomicUsize::new(0) });
        let mut google = Self { address, state, server: None, _steps: Steps::of_paused_clock() };
        google.listen(listener);
        google
    }

    /// The URL of the endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/robot/v1/metadata/x509", self.address)
    }

    /// The number of requests since the last call of this method. A refused connection does not
    /// count.
    pub fn fetches(&self) -> usize {
        self.state.fetches.swap(0, Ordering::Relaxed)
    }

    /// Sets the reply from now on. Answers in progress keep the earlier reply.
    pub async fn answers(&mut self, reply: Reply) {
        let refuses = reply.delivery == Delivery::Refused;
        *self.state.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
        if let Some(server) = self.server.take_if(|_| refuses) {
            server.abort();
            // The port is free once the task has ended.
            let _ = server.await;
        } else if self.server.is_none() {
            self.listen(TcpListener::bind(self.address).await.expect("the same port"));
        }
    }

    fn listen(&mut self, listener: TcpListener) {
        if self.state.reply().delivery != Delivery::Refused {
            self.server = Some(tokio::spawn(serve(listener, self.state.clone())));
        }
    }
}

impl State {
    fn reply(&self) -> Reply {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        state.fetches.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(answer(stream, state.reply()));
    }
}

async fn answer(stream: TcpStream, reply: Reply) {
    // The client may close the connection at any time.
    let _ = reply.send(stream).await;
}
