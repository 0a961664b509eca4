//! Requests with secrets to every endpoint, in the right fields and in wrong ones.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    testing::{certificate, id_token_claims},
    time::Timestamp,
};

use super::secrets::Canaries;
use crate::{
    client::{Answer, Client},
    process::Process,
};

mod accounts;
mod misplaced;
mod tokens;

/// A client that records error answers.
pub struct RecordingClient {
    client: Client,
    api_key: String,
    /// The headers and bodies of all answers of 400 and above.
    pub bodies: String,
    /// The number of answers by status.
    pub answers: BTreeMap<u16, usize>,
}

impl RecordingClient {
    /// A client of this server that knows the API key.
    pub fn new(process: &Process, api_key: &str) -> Self {
        let (client, api_key) = (process.client(), api_key.to_owned());
        Self { client, api_key, bodies: String::new(), answers: BTreeMap::new() }
    }

    /// Sends every request once, with new secrets.
    pub async fn round(&mut self, canaries: &mut Canaries) {
        let number = self.answers.values().sum::<usize>();
        let email = format!("round{number}@example.com");
        let session = self.account(canaries, &email).await;
        self.accounts(canaries, &email).await;
        self.refreshes(canaries, &session).await;
        self.verifications(canaries, &session).await;
        self.shared_secret_tokens(canaries).await;
        self.misplaced_secrets(canaries).await;
        self.own_account(canaries, &format!("own{number}@example.com")).await;
    }

    /// Posts JSON.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[], body.to_string()).await
    }

    /// Sends a request, and records an error answer.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let mut request = self.client.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.client.send(request, body.into()).await.expect("an answer");
        *self.answers.entry(answer.status).or_default() += 1;
        if answer.status >= 400 {
            self.bodies.push_str(&format!("{:?} {}\n", answer.headers, answer.text));
        }
        answer
    }

    /// Creates an account, and adds the tokens of its sessions to the canaries.
    pub async fn account(&mut self, canaries: &mut Canaries, email: &str) -> Answer {
        let password = canaries.secret("right password");
        let created = self.post("/create-account", &json!({"email": email, "password": password})).await;
        keep_session(canaries, &created);
        let login = self.post("/login", &json!({"email": email, "password": password})).await;
        keep_session(canaries, &login);
        created
    }
}

/// Adds the tokens of a session to the canaries.
fn keep_session(canaries: &mut Canaries, session: &Answer) {
    for (kind, name) in
        [("refresh token", "refresh_token"), ("access token", "access_token"), ("custom token", "jwt_token")]
    {
        canaries.keep(kind, &session.text_of(name));
    }
}

/// The token with another last character, and so with an invalid signature.
fn changed(token: &str) -> String {
    token.strip_suffix(char::is_alphanumeric).unwrap_or(token).to_owned() + "_"
}

/// A Firebase ID token with changed claims.
fn id_token(changes: Value) -> String {
    let now: Timestamp = latchkey::deployment::now();
    let mut claims = id_token_claims("u", now);
    if let (Value::Object(claims), Value::Object(changes)) = (&mut claims, changes) {
        claims.extend(changes);
    }
    certificate(0).id_token("kid", &claims).as_str().expect("a token").to_owned()
}
