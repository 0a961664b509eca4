//! Whoever asks for a mail learns nothing of the address.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Answer, PASSWORD, Service};

/// Addresses of every kind. Only the first one is nobody's.
const ADDRESSES: [&str; 6] = [
    "nobody@yopmail.com",
    "active@yopmail.com",
    "barred@yopmail.com",
    "proven@yopmail.com",
    "hollow@yopmail.com",
    "noboxy@example.com",
];

/// The endpoints that anybody may ask for a mail, and the settings of each. A code that makes an
/// account is mailed to an address that is nobody's too.
const ENDPOINTS: [(&str, &[(&str, &str)]); 4] = [
    ("/password/forgot", &[]),
    ("/login/email", &[("EMAIL_SIGN_IN", "existing")]),
    ("/login/email", &[("EMAIL_SIGN_IN", "sign_up")]),
    ("/login/email", &[("EMAIL_SIGN_IN", "existing"), ("EMAIL_SIGN_IN_LINK", "true"), ("APP_URLS", APP)]),
];

const APP: &str = "https://app.example";

/// The request for a mail: with the page of the app, where the deployment names an app.
fn asked(email: &str, variables: &[(&str, &str)]) -> Value {
    let has_app = variables.iter().any(|(name, _)| *name == "APP_URLS");
    json!({"email": email, "continue_url": if has_app { APP } else { "" }})
}

async fn service_with_accounts(variables: &[(&str, &str)]) -> Service {
    let service = Service::configured(email::router(), variables).await;
    service.account("active@yopmail.com").await;
    service.account_with("barred@yopmail.com", None, |user| user.disabled = true).await;
    service.account_with("proven@yopmail.com", None, |user| user.email_verified = true).await;
    service.account_with("hollow@yopmail.com", None, |user| user.password_hash = None).await;
    service.account("noboxy@example.com").await;
    service
}

/// The parts of an answer that everybody shares.
fn shape(answer: &Answer) -> (u16, Vec<String>, String) {
    let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort();
    let mut body = answer.body.clone();
    for own in ["challenge", "expires_at", "resend_at", "request_id"] {
        if let Some(value) = body.get_mut(own) {
            *value = json!("");
        }
    }
    (answer.status.as_u16(), names, body.to_string())
}

#[tokio::test(start_paused = true)]
async fn every_address_is_answered_alike_after_the_same_calls_also_where_a_limit_refuses() {
    for (path, variables) in ENDPOINTS {
        let service = service_with_accounts(variables).await;
        service.travel_to_next_hour();
        let mut shapes = Vec::new();
        for email in ADDRESSES {
            let mut of_one = Vec::new();
            for _ in 0..5 {
                service.calls();
                let answer = service.post(path, asked(email, variables)).await;
                of_one.push((shape(&answer), service.calls()));
                service.pass(Duration::from_secs(10));
            }
            service.pass(Duration::from_secs(60));
            let statuses: Vec<u16> = of_one.iter().map(|((status, ..), _)| *status).collect();
            assert_eq!(statuses, [200, 429, 429, 200, 429], "{path} {email}");
            shapes.push(of_one);
        }
        for other in &shapes[1..] {
            assert_eq!(other, &shapes[0], "{path} {variables:?}");
        }
    }
}

/// The bytes of a record, as DynamoDB counts them: names and values.
fn size(record: &std::collections::HashMap<String, AttributeValue>) -> usize {
    let of_value = |value: &AttributeValue| {
        value.as_s().map(String::len).or_else(|_| value.as_n().map(String::len)).unwrap_or_default()
    };
    record.iter().map(|(name, value)| name.len() + of_value(value)).sum()
}

#[tokio::test(start_paused = true)]
async fn a_request_for_nobody_writes_records_of_the_same_sizes() {
    for (path, variables) in ENDPOINTS {
        let service = service_with_accounts(variables).await;
        let mut sizes = Vec::new();
        for email in ADDRESSES {
            let call = service.post(path, asked(email, variables));
            sizes.push(sizes_written(&service, call).await);
        }
        assert_eq!(sizes[0].keys().collect::<Vec<_>>(), ["LIMIT", "MAIL", "PROOF"]);
        for other in &sizes[1..] {
            assert_eq!(other, &sizes[0], "{path} {variables:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_for_another_address_writes_records_of_the_same_sizes_whoever_has_it() {
    let service = service_with_accounts(&[]).await;
    let user = service.account("caller@yopmail.com").await;
    let session = service.session(&user).await;
    let mut sizes = Vec::new();
    for email in ADDRESSES {
        let call = service.request(Method::POST, "/me/email").bearer(&session["access_token"]);
        let call = call.json(json!({"new_email": email, "password": PASSWORD}));
        sizes.push(sizes_written(&service, call).await);
    }
    assert!(sizes[0].contains_key("MAIL") && sizes[0].contains_key("PROOF"), "{sizes:?}");
    for (email, other) in ADDRESSES.iter().zip(&sizes) {
        assert_eq!(other, &sizes[0], "{email}");
    }
}

/// The sizes of the records that a request writes, by the first part of their keys.
async fn sizes_written(service: &Service, call: impl Future<Output = Answer>) -> BTreeMap<String, Vec<usize>> {
    let before = service.keys_stored().await;
    call.await.is(200);
    let written = service.records().await.into_iter().filter(|record| !before.contains(record["pk"].as_s().unwrap()));
    let mut of_kind: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for record in written {
        let kind = record["pk"].as_s().unwrap().split('#').next().unwrap().replace("NULL", "MAIL");
        of_kind.entry(kind).or_default().push(size(&record));
    }
    of_kind.values_mut().for_each(|sizes| sizes.sort_unstable());
    of_kind
}
