//! Tests tokens across the endpoints and the tool: each place that accepts a token says the same.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agreement;
mod numbers;
mod places;
mod secrets;

use axum::http::Method;
use serde_json::json;
use shared::testing::{Answer, Service};

const API_KEY: &str = "a server's key of 32 characters or more";
const SECRET: &str = "a shared secret of more than 32 bytes";

/// A service that signs tokens with a shared secret.
async fn shared_secret_service() -> Service {
    Service::configured(latchkey::router(), &[("JWT_SHARED_SECRET", SECRET), ("API_KEY", API_KEY)]).await
}

/// Sends a body as it stands to `/jwt/encode`.
async fn encode(service: &Service, body: String) -> Answer {
    let call = service.request(Method::POST, "/jwt/encode").header("x-api-key", API_KEY);
    call.header("content-type", "application/json").body(body).send().await
}

async fn verify(service: &Service, token: &str) -> Answer {
    service.post("/verify", json!({"token": token})).await
}

async fn decode(service: &Service, token: &str) -> Answer {
    service.post("/jwt/decode", json!({"token": token})).await
}
