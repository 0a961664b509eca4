//! Tests forged tokens: every key with every kind of token, every algorithm that a header can name,
//! and keys inside a header.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod keys;
mod shared_secret;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use shared::{
    jose::kind::CUSTOM_TOKEN_AUDIENCE,
    testing::{Google, Reply, Service, id_token_claims, service_account},
};
use tokio::net::TcpListener;

use keys::{Signer, own_kid, part};

const SECRET: &str = "a shared secret of more than 32 bytes";
const GOOGLES_KID: &str = "0e5a1c";
const ALGORITHMS: [&str; 12] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"];

struct Deployment {
    service: Service,
    _google: Google,
    session: Value,
    uid: String,
}

impl Deployment {
    /// A deployment that accepts every kind of token, and an account with a session.
    async fn new() -> Self {
        let google = Google::start(Reply::certificates(&[(0, GOOGLES_KID)])).await;
        let url = google.url();
        let variables = [
            ("FIREBASE_CERTS_URL", url.as_str()),
            ("FIREBASE_SERVICE_ACCOUNT", service_account()),
            ("JWT_SHARED_SECRET", SECRET),
            ("API_KEY", "a server's key of 32 characters or more"),
        ];
        let service = Service::configured(verify::router(), &variables).await;
        let user = service.account("a@b.de").await;
        let session = service.session(&user).await;
        Self { service, _google: google, session, uid: user.id }
    }

    async fn status(&self, token: &str) -> u16 {
        self.service.post("/verify", json!({"token": token})).await.status.as_u16()
    }

    /// Fails if one of these tokens is accepted. Returns the number of tokens.
    async fn refuses(&self, tokens: impl IntoIterator<Item = (String, String)>) -> usize {
        let mut tried = 0;
        for (name, token) in tokens {
            assert_eq!(self.status(&token).await, 401, "{name}");
            tried += 1;
        }
        tried
    }

    /// Each kind's name, header without an algorithm, and claims.
    fn kinds(&self) -> [(&'static str, Value, Value); 4] {
        let now = self.service.now().seconds();
        let access = keys::claims(self.session["access_token"].as_str().unwrap());
        let custom = json!({
            "iss": "latchkey@demo-latchkey.iam.gserviceaccount.com", "sub": "latchkey@demo-latchkey.iam.gserviceaccount.com",
            "aud": CUSTOM_TOKEN_AUDIENCE, "iat": now, "exp": now + 600, "uid": self.uid,
        });
        [
            ("access", json!({"typ": "at+jwt", "kid": own_kid()}), access),
            ("id", json!({"typ": "JWT", "kid": GOOGLES_KID}), id_token_claims(&self.uid, self.service.now())),
            ("custom", json!({"typ": "JWT"}), custom),
            ("shared", json!({"typ": "JWT"}), json!({"user_id": self.uid, "iat": now, "exp": now + 600})),
        ]
    }
}

fn with_algorithm(header: &Value, algorithm: impl Into<Value>) -> Value {
    let mut header = header.clone();
    header["alg"] = algorithm.into();
    header
}

#[tokio::test(start_paused = true)]
async fn only_three_combinations_of_key_kind_and_algorithm_are_accepted() {
    let deployment = Deployment::new().await;
    let mut accepted = BTreeSet::new();
    let mut tried = 0;
    for (signer_name, signer) in keys::all_signers() {
        for (kind, header, claims) in deployment.kinds() {
            for algorithm in ALGORITHMS {
                for kid in [None, Some(own_kid()), Some(GOOGLES_KID.to_owned())] {
                    let mut header = with_algorithm(&header, algorithm);
                    if let Some(kid) = kid {
                        header["kid"] = kid.into();
                    }
                    tried += 1;
                    if deployment.status(&signer.sign(algorithm, &header, &claims)).await == 200 {
                        accepted.insert(format!("{signer_name} {kind} {algorithm}"));
                    }
                }
            }
        }
    }
    println!("{tried} tokens, accepted: {accepted:?}");
    let right = ["own access RS256", "google id RS256", "shared secret shared HS256"];
    assert_eq!(accepted, right.map(str::to_owned).into());
}

#[tokio::test(start_paused = true)]
async fn a_public_key_in_whatever_encoding_is_no_shared_secret() {
    let deployment = Deployment::new().await;
    let kinds = deployment.kinds();
    let tokens = keys::encodings_of_public_keys().into_iter().flat_map(|(name, bytes)| {
        let kinds = kinds.clone();
        ["HS256", "HS384", "HS512", "RS256"].into_iter().flat_map(move |algorithm| {
            let (name, signer) = (name.clone(), Signer::Secret(bytes.clone()));
            kinds.clone().into_iter().map(move |(kind, header, claims)| {
                let token = signer.sign(algorithm, &with_algorithm(&header, algorithm), &claims);
                (format!("{name} as the secret of {algorithm}, {kind}"), token)
            })
        })
    });
    let tried = deployment.refuses(tokens).await;
    println!("{tried} tokens");
    assert!(tried >= 25 * 4 * 4, "{tried}");
}

/// The word `none` in every mix of upper and lower case, and other ways to name no algorithm.
fn no_algorithms() -> Vec<Value> {
    let spelt = (0..16_u8).map(|large| {
        let letters = "none".chars().enumerate();
        letters.map(|(index, c)| if large >> index & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect::<String>()
    });
    let others = ["", " ", "none ", " none", "no\u{0}ne", "ｎｏｎｅ", "null", "undefined", "NONE\n"].map(str::to_owned);
    let mut all: Vec<Value> = spelt.chain(others).map(Value::from).collect();
    all.extend([json!(null), json!(false), json!(0), json!([]), json!({}), json!(["RS256"]), json!(["none", "RS256"])]);
    all
}

#[tokio::test(start_paused = true)]
async fn no_spelling_of_none_is_accepted_with_or_without_a_signature() {
    let deployment = Deployment::new().await;
    let mut tokens = Vec::new();
    for (kind, header, claims) in deployment.kinds() {
        let right = match kind {
            "access" => Signer::own(),
            "id" => Signer::Rsa(keys::googles_key()),
            _ => Signer::Secret(SECRET.as_bytes().to_vec()),
        };
        let mut headers: Vec<Value> =
            no_algorithms().into_iter().map(|algorithm| with_algorithm(&header, algorithm)).collect();
        headers.push(header.clone());
        for header in headers {
            let input = format!("{}.{}", part(&header), part(&claims));
            let genuine = right.signature(input.as_bytes());
            for (what, signature) in [("no", String::new()), ("a made-up", "c2ln".to_owned()), ("the right", genuine)] {
                tokens.push((format!("{kind} with {header} and {what} signature"), format!("{input}.{signature}")));
            }
        }
    }
    let tried = deployment.refuses(tokens).await;
    println!("{tried} tokens");
    assert!(tried >= 300, "{tried}");
}

#[tokio::test(start_paused = true)]
async fn keys_that_a_header_brings_along_are_never_used_and_never_fetched() {
    let deployment = Deployment::new().await;
    // A verifier that follows a URL of the header would connect here.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let visits = Arc::new(AtomicUsize::new(0));
    let counted = visits.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let attacker = Signer::attacker();
    let jwk = attacker.jwk("attacker");
    let brought = [
        json!({"jwk": jwk}),
        json!({"jku": url}),
        json!({"x5u": url}),
        json!({"x5c": ["AAAA"], "x5t": "AAAA", "x5t#S256": "AAAA"}),
        json!({"jwk": jwk, "jku": url, "x5u": url, "x5c": ["AAAA"]}),
        json!({"iss": url, "jku": url}),
    ];
    let mut tokens = Vec::new();
    for (kind, header, claims) in deployment.kinds() {
        for brought in &brought {
            for kid in [None, Some("attacker"), Some(url.as_str()), Some("../../keys"), Some("' OR 1=1 --")] {
                let mut header = with_algorithm(&header, "RS256");
                header.as_object_mut().unwrap().extend(brought.as_object().unwrap().clone());
                if let Some(kid) = kid {
                    header["kid"] = kid.into();
                }
                tokens.push((format!("{kind}: {header}"), attacker.sign("RS256", &header, &claims)));
                let header = with_algorithm(&header, "HS256");
                tokens.push((format!("{kind}: {header}"), attacker.sign("HS256", &header, &claims)));
            }
        }
        // The same URL in the claims.
        let mut elsewhere = claims.clone();
        elsewhere["iss"] = url.clone().into();
        let header = with_algorithm(&header, "RS256");
        tokens.push((format!("{kind} issued by {url}"), attacker.sign("RS256", &header, &elsewhere)));
    }
    let tried = deployment.refuses(tokens).await;
    println!("{tried} tokens, {} connections", visits.load(Ordering::Relaxed));
    assert!(tried > 200, "{tried}");
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn the_right_token_is_accepted_as_its_kind() {
    let deployment = Deployment::new().await;
    assert_eq!(deployment.session["user"]["id"], deployment.uid.as_str());
    for (kind, header, claims) in deployment.kinds() {
        let (signer, algorithm, expected) = match kind {
            "access" => (Signer::own(), "RS256", "access_token"),
            "id" => (Signer::Rsa(keys::googles_key()), "RS256", "firebase_id_token"),
            "shared" => (Signer::Secret(SECRET.as_bytes().to_vec()), "HS256", "shared_secret"),
            _ => continue,
        };
        let token = signer.sign(algorithm, &with_algorithm(&header, algorithm), &claims);
        let body = deployment.service.post("/verify", json!({"token": token})).await.is(200).body;
        assert_eq!((body["kind"].as_str(), body["uid"].as_str()), (Some(expected), Some(deployment.uid.as_str())));
    }
}
