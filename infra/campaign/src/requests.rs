//! Requests to a service in this process. A request can be sent repeatedly, as a retrying client
//! does.

use std::{net::IpAddr, time::Duration};

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Answer, PASSWORD, Service};

/// A request to one endpoint.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    time_limit: Option<Duration>,
    ip: Option<IpAddr>,
}

impl Request {
    /// Posts JSON.
    pub fn post(path: &str, body: Value) -> Self {
        Self {
            method: Method::POST,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Some(body),
            time_limit: None,
            ip: None,
        }
    }

    /// Gets a path.
    pub fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), headers: Vec::new(), body: None, time_limit: None, ip: None }
    }

    /// Logs in with [`PASSWORD`].
    pub fn login(email: &str) -> Self {
        Self::post("/login", json!({"email": email, "password": PASSWORD}))
    }

    /// Creates an account with [`PASSWORD`].
    pub fn create(email: &str) -> Self {
        Self::post("/create-account", json!({"email": email, "password": PASSWORD, "name": "James"}))
    }

    /// Refreshes a session.
    pub fn refresh(session: &Value) -> Self {
        Self::post("/refresh", json!({"refresh_token": session["refresh_token"]}))
    }

    /// Logs a session out.
    pub fn logout(session: &Value) -> Self {
        Self::post("/logout", json!({"refresh_token": session["refresh_token"]}))
    }

    /// Reads the profile.
    pub fn me(session: &Value) -> Self {
        Self::get("/me").with_access_token(session)
    }

    /// Verifies the access token, and checks that the session is not revoked.
    pub fn check_revoked(session: &Value) -> Self {
        Self::get("/verify?check_revoked=true").with_access_token(session)
    }

    /// Changes the profile.
    pub fn change_profile(session: &Value, body: Value) -> Self {
        Self { method: Method::PATCH, ..Self::post("/me", body) }.with_access_token(session)
    }

    /// Changes the password.
    pub fn change_password(session: &Value, current: &str, new: &str) -> Self {
        Self::post("/me/password", json!({"current_password": current, "new_password": new})).with_access_token(session)
    }

    /// Deletes the account.
    pub fn delete_account(session: &Value, password: &str) -> Self {
        Self { method: Method::DELETE, ..Self::post("/me", json!({"password": password})) }.with_access_token(session)
    }

    /// Adds the access token of a session.
    pub fn with_access_token(self, session: &Value) -> Self {
        let token = session["access_token"].as_str().unwrap_or_default().to_owned();
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds an `Idempotency-Key`.
    pub fn with_idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key.to_owned())
    }

    /// Sets the time limit of the request; `None` keeps the default.
    pub fn with_time_limit(self, time_limit: Option<Duration>) -> Self {
        Self { time_limit, ..self }
    }

    /// Sends the request from this IP address.
    pub fn with_ip(self, ip: IpAddr) -> Self {
        Self { ip: Some(ip), ..self }
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sends the request.
    pub async fn send(&self, service: &Service) -> Answer {
        let mut call = service.request(self.method.clone(), &self.path);
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        if let Some(ip) = self.ip {
            call = call.from(ip);
        }
        if let Some(time) = self.time_limit {
            call = call.within(time);
        }
        match &self.body {
            Some(body) => call.json(body.clone()).await,
            None => call.send().await,
        }
    }
}
