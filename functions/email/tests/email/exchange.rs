//! A login by the ID token of another provider.

mod linking;
mod tokens;

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Answer, Google, PROJECT, Reply, Service, certificate, id_token_claims};

const KID: &str = "0e5a1c";
const CLIENT: &str = "web.apps.googleusercontent.com";
const SUBJECT: &str = "113774264463038321964";

/// A deployment with every kind of provider, whose keys are all at one endpoint.
struct Deployment {
    service: Service,
    google: Google,
}

impl Deployment {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let google = Google::start(Reply::jwk_set(&[(0, KID), (1, "4f2b99")])).await;
        let url = google.url();
        let providers = json!([
            {"id": "google", "client_ids": [CLIENT, "android"], "jwks": url},
            {"id": "apple", "client_ids": ["com.acme.app"], "jwks": url},
            {"id": "facebook", "client_ids": ["1234"], "jwks": url},
            {"id": "firebase"},
            {"id": "trusted", "issuer": "https://t.example", "client_ids": ["app"], "jwks": url, "email": "trusted",
             "nonce": "optional"},
            {"id": "acme", "issuer": "https://a.example", "client_ids": ["app"], "jwks": url},
        ])
        .to_string();
        let own = [
            ("IDENTITY_PROVIDERS", providers.as_str()),
            ("FIREBASE_PROJECT_ID", PROJECT),
            ("FIREBASE_CERTS_URL", url.as_str()),
            ("MAIL", "outbox"),
        ];
        let service = Service::configured(email::router(), &[&own, variables].concat()).await;
        Self { service, google }
    }

    /// The claims of a fresh token of this provider, for a person with this address.
    fn claims(&self, provider: &str, email: &str) -> Value {
        let now = self.service.now().seconds();
        let (issuer, audience) = match provider {
            "google" => ("https://accounts.google.com", CLIENT),
            "apple" => ("https://appleid.apple.com", "com.acme.app"),
            "facebook" => ("https://www.facebook.com", "1234"),
            "firebase" => return self.firebase_claims("native-uid", email, "google.com"),
            "trusted" => ("https://t.example", "app"),
            _ => ("https://a.example", "app"),
        };
        let mut claims = json!({
            "iss": issuer, "aud": audience, "sub": SUBJECT, "iat": now - 5, "exp": now + 3_600,
            "email": email, "email_verified": true, "jti": unique(),
        });
        if email.is_empty() {
            claims.as_object_mut().unwrap().remove("email");
        }
        claims
    }

    fn firebase_claims(&self, uid: &str, email: &str, provider: &str) -> Value {
        let mut claims = id_token_claims(uid, self.service.now());
        claims["firebase"]["sign_in_provider"] = json!(provider);
        claims["email_verified"] = json!(true);
        claims["jti"] = json!(unique());
        if !email.is_empty() {
            claims["email"] = json!(email);
        }
        claims
    }

    async fn exchange(&self, provider: &str, claims: &Value) -> Answer {
        self.send(json!({"provider": provider, "id_token": signed(claims)})).await
    }

    async fn send(&self, body: Value) -> Answer {
        self.service.post("/exchange", body).await
    }

    async fn link(&self, session: &Value, provider: &str, claims: &Value) -> Answer {
        let call = self.service.request(Method::POST, "/exchange").bearer(&session["access_token"]);
        call.json(json!({"provider": provider, "id_token": signed(claims), "link": true})).await
    }
}

fn signed(claims: &Value) -> Value {
    certificate(0).id_token(KID, claims)
}

/// A text of its own for each token, so that no two are the same.
fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("token-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
