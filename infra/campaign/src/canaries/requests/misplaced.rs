//! Secrets in wrong places: other fields and headers, queries, unreadable bodies.

use axum::http::Method;
use serde_json::json;

use super::RecordingClient;
use crate::canaries::secrets::Canaries;

/// The endpoints that read a body.
const PATHS: [&str; 6] = ["/create-account", "/login", "/refresh", "/logout", "/verify", "/jwt/decode"];

impl RecordingClient {
    /// Sends secrets by every mistake that a client may make.
    pub async fn misplaced_secrets(&mut self, canaries: &mut Canaries) {
        for path in PATHS {
            self.unreadable(canaries, path).await;
        }
        for field in ["email", "username", "role_id", "id", "name"] {
            let secret = canaries.secret("secret in a wrong field");
            self.post("/login", &json!({field: secret})).await;
            self.post("/create-account", &json!({field: secret, secret.clone(): field})).await;
            self.post("/create-account", &json!({"email": {field: secret}, "password": [secret]})).await;
        }
        self.headers(canaries).await;
        for path in ["/login", "/nowhere", "/refresh", "/me"] {
            let query = format!("{path}?password={}", canaries.secret("secret in a query"));
            self.send(Method::GET, &query, &[], "").await;
            self.send(Method::POST, &query, &[], "").await;
        }
        // A client that builds URLs by hand may put a token into the path.
        self.send(Method::GET, &format!("/verify/{}", canaries.path()), &[], "").await;
    }

    async fn unreadable(&mut self, canaries: &mut Canaries, path: &str) {
        let mut secret = || canaries.secret("secret in a body that cannot be read");
        let bodies = [
            format!(r#"{{"email": "a@b.de", "password": "{}"#, secret()),
            format!(r#"{{"password": "{}", "password": "a"}}"#, secret()),
            format!(r#"{{"{}": 1, "email": a@b.de}}"#, secret()),
            format!(r#"{{"token": "{}\u0000"}}"#, secret()),
            format!(r#"{{"token": "{}\uD800"}}"#, secret()),
            format!(r#"{}"{}"{}"#, "[".repeat(40), secret(), "]".repeat(40)),
            secret(),
        ];
        for body in bodies {
            self.send(Method::POST, path, &[], body).await;
        }
        let mut invalid = format!(r#"{{"refresh_token": "{}"#, secret()).into_bytes();
        invalid.extend(b"\xff\"}");
        self.send(Method::POST, path, &[], invalid).await;
        let large = json!({"password": secret().repeat(500)}).to_string();
        self.send(Method::POST, path, &[], large).await;
        let form = [("content-type", "application/x-www-form-urlencoded")];
        for body in [
            format!("password={}&password=a", secret()),
            format!("{{\"password\": \"{}\"}}", secret()),
            format!("email={}&token=%ff", secret()),
        ] {
            self.send(Method::POST, path, &form, body).await;
        }
        let body = json!({"token": secret()}).to_string();
        self.send(Method::POST, path, &[("content-type", "text/plain")], body.clone()).await;
        self.send(Method::PUT, path, &[], body).await;
    }

    async fn headers(&mut self, canaries: &mut Canaries) {
        for (name, scheme) in [
            ("authorization", "Basic "),
            ("authorization", "Bearer "),
            ("authorization", ""),
            ("x-api-key", ""),
            ("x-password", ""),
            ("cookie", "session="),
            ("content-type", "text/"),
            ("accept", "application/problem+json, "),
            ("origin", "https://"),
            ("referer", "https://example.com/?token="),
            ("user-agent", ""),
        ] {
            let value = format!("{scheme}{}", canaries.secret("secret in a header"));
            for (method, path) in [
                (Method::GET, "/me"),
                (Method::POST, "/login"),
                (Method::POST, "/jwt/encode"),
                (Method::OPTIONS, "/me"),
            ] {
                self.send(method, path, &[(name, &value)], r#"{"a": 1}"#).await;
            }
        }
        let long = canaries.secret("long idempotency key").repeat(8);
        let body =
            json!({"email": "long-key@example.com", "password": canaries.secret("password of a refused create")});
        self.send(Method::POST, "/create-account", &[("idempotency-key", &long)], body.to_string()).await;
    }
}
