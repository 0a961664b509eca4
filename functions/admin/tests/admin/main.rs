//! Tests `/admin` from the outside.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod changes;
mod exchange;
mod listing;

use axum::http::Method;
use serde_json::Value;
use shared::testing::{Answer, Call, Service};

const KEY: &str = "an admin's key of 32 characters or more";

async fn service() -> Service {
    let service =
        Service::configured(admin::router(), &[("ADMIN_KEY", "anna:an admin's key of 32 characters or more")]).await;
    service.app().store().mark_listed().await.unwrap();
    service.calls();
    service
}

fn call(service: &Service, method: Method, path: &str) -> Call {
    service.request(method, path).header("x-admin-key", KEY)
}

async fn get(service: &Service, path: &str) -> Answer {
    call(service, Method::GET, path).send().await
}

/// The values of a member in the users of an answer.
fn all<'a>(body: &'a Value, member: &str) -> Vec<&'a str> {
    body["users"].as_array().unwrap().iter().map(|user| user[member].as_str().unwrap()).collect()
}
