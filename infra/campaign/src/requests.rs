//! Requests that can be sent more than once, as a client that tries again sends them.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Answer, PASSWORD, Service};

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    within: Option<Duration>,
}

impl Request {
    /// A POST of JSON.
    pub fn post(path: &str, body: Value) -> Self {
        Self { method: Method::POST, path: path.to_owned(), headers: Vec::new(), body: Some(body), within: None }
    }

    /// A request without a body.
    pub fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), headers: Vec::new(), body: None, within: None }
    }

    /// A login with the password of every account that the service makes for tests.
    pub fn login(email: &str) -> Self {
        Self::post("/login", json!({"email": email, "password": PASSWORD}))
    }

    /// A create of an account with that password.
    pub fn create(email: &str) -> Self {
        Self::post("/create-account", json!({"email": email, "password": PASSWORD, "name": "James"}))
    }

    /// A refresh with the token of a session object.
    pub fn refresh(session: &Value) -> Self {
        Self::post("/refresh", json!({"refresh_token": session["refresh_token"]}))
    }

    /// A logout with the token of a session object.
    pub fn logout(session: &Value) -> Self {
        Self::post("/logout", json!({"refresh_token": session["refresh_token"]}))
    }

    /// The profile of whoever has this session.
    pub fn me(session: &Value) -> Self {
        Self::get("/me").by(session)
    }

    /// Whether the access token of a session is good, and the session too.
    pub fn verify_live(session: &Value) -> Self {
        Self::get("/verify?check_revoked=true").by(session)
    }

    /// A change of the profile.
    pub fn change(session: &Value, body: Value) -> Self {
        Self { method: Method::PATCH, ..Self::post("/me", body) }.by(session)
    }

    /// A change of the password.
    pub fn change_password(session: &Value, current: &str, new: &str) -> Self {
        Self::post("/me/password", json!({"current_password": current, "new_password": new})).by(session)
    }

    /// The end of an account.
    pub fn delete(session: &Value, password: &str) -> Self {
        Self { method: Method::DELETE, ..Self::post("/me", json!({"password": password})) }.by(session)
    }

    /// With the access token of a session.
    pub fn by(self, session: &Value) -> Self {
        let token = session["access_token"].as_str().unwrap_or_default().to_owned();
        self.header("authorization", format!("Bearer {token}"))
    }

    /// With an `Idempotency-Key`.
    pub fn under(self, key: &str) -> Self {
        self.header("idempotency-key", key.to_owned())
    }

    /// With only so much time, if less than usual.
    pub fn within(self, within: Option<Duration>) -> Self {
        Self { within, ..self }
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sends it.
    pub async fn send(&self, service: &Service) -> Answer {
        let mut call = service.request(self.method.clone(), &self.path);
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        if let Some(time) = self.within {
            call = call.within(time);
        }
        match &self.body {
            Some(body) => call.json(body.clone()).await,
            None => call.send().await,
        }
    }
}
