//! The addresses and the pages that may call the admin API.

use axum::http::{Method, header};
use serde_json::json;
use shared::testing::{Answer, Service};

use super::{KEY, endpoints, variables};

const PROXY_KEY: &str = "a proxy's key of 32 characters or more";
const ADMINS: &str = "https://admin.example";

async fn service_with(more: &[(&'static str, &'static str)]) -> Service {
    let kept = variables().into_iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    Service::configured(latchkey::router(), &kept.chain(more.iter().copied()).collect::<Vec<_>>()).await
}

#[tokio::test(start_paused = true)]
async fn nobody_calls_from_outside_the_networks_whatever_they_show() {
    let service = service_with(&[("ADMIN_ALLOWED_CIDRS", "192.0.2.0/24,2001:db8::/32")]).await;
    let list = async |address: &str| {
        let call = service.request(Method::GET, "/admin/users").from(address.parse().unwrap());
        call.header("x-admin-key", KEY).send().await
    };
    for inside in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1::1"] {
        list(inside).await.is(200);
    }
    let outside = list("198.51.100.7").await.refused(403, "admin_address_refused");
    let detail = outside.body["detail"].as_str().unwrap();
    assert!(detail.contains("198.51.100.7") && detail.contains("ADMIN_ALLOWED_CIDRS"), "{detail}");
    for (method, path, _) in endpoints(true) {
        for address in ["198.51.100.7", "2001:db9::1"] {
            for key in [KEY, "a wrong key"] {
                let call = service.request(method.clone(), &path).from(address.parse().unwrap());
                let call = call.header("x-forwarded-for", "192.0.2.7").header("x-admin-key", key);
                call.json(json!({})).await.refused(403, "admin_address_refused");
            }
        }
        // Nobody knows where this request comes from.
        let call = service.request(method, &path).header("x-admin-key", KEY);
        call.json(json!({})).await.refused(403, "admin_address_refused");
    }
    let wrong = service.request(Method::GET, "/admin/users").from("192.0.2.7".parse().unwrap());
    wrong.header("x-admin-key", "a wrong key").send().await.refused(401, "invalid_admin_key");
}

/// The address is the one that the limits count by, whether or not anything is counted.
#[tokio::test(start_paused = true)]
async fn the_address_is_told_by_the_proxy_and_by_a_server_with_its_key() {
    let call = async |service: &Service, headers: &[(&str, &str)]| {
        let call = service.request(Method::GET, "/admin/users").from("198.51.100.7".parse().unwrap());
        let call = headers.iter().fold(call, |call, (name, value)| call.header(*name, *value));
        call.header("x-admin-key", KEY).send().await
    };
    for limits in ["on", "off"] {
        let networks = ("ADMIN_ALLOWED_CIDRS", "192.0.2.0/24");
        let keys = ("API_KEY", "gate:forward:a proxy's key of 32 characters or more");
        let service = service_with(&[networks, keys, ("RATE_LIMITS", limits)]).await;
        let inside = ("x-forwarded-for", "192.0.2.7");
        call(&service, &[inside]).await.refused(403, "admin_address_refused");
        call(&service, &[inside, ("x-api-key", PROXY_KEY)]).await.is(200);
        let outside = ("x-forwarded-for", "203.0.113.7");
        call(&service, &[outside, ("x-api-key", PROXY_KEY)]).await.refused(403, "admin_address_refused");

        let service = service_with(&[networks, ("BEHIND_PROXY", "true"), ("RATE_LIMITS", limits)]).await;
        call(&service, &[("x-forwarded-for", "203.0.113.7, 192.0.2.7")]).await.is(200);
        call(&service, &[("x-forwarded-for", "192.0.2.7, 203.0.113.7")]).await.refused(403, "admin_address_refused");
    }
}

/// The headers of CORS in an answer: the allowed origin, and their number.
fn allowed(answer: &Answer) -> (&str, usize) {
    let count = answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).count();
    (answer.header("access-control-allow-origin"), count)
}

#[tokio::test(start_paused = true)]
async fn the_pages_of_the_list_alone_read_answers_of_the_admin_api() {
    let origins = ("ADMIN_ORIGINS", "https://admin.example, http://localhost:3000");
    for others in [None, Some(("CORS_ALLOWED_ORIGINS", "https://app.example"))] {
        let service = service_with(&[&[origins], others.as_slice()].concat()).await;
        let send = async |method: &Method, path: &str, origin: &str| {
            let call = service.request(method.clone(), path).header("origin", origin).header("x-admin-key", KEY);
            let call = call.header("access-control-request-method", "PATCH");
            call.header("access-control-request-headers", "authorization,x-admin-key").send().await
        };
        for (method, path, _) in endpoints(true) {
            let asked = send(&Method::OPTIONS, &path, ADMINS).await.is(200);
            assert_eq!(allowed(&asked).0, ADMINS, "{path}");
            assert!(asked.header("access-control-allow-methods").contains("PATCH"), "{path}");
            assert_eq!(asked.header("access-control-allow-headers"), "authorization,x-admin-key", "{path}");
            let answer = send(&method, &path, ADMINS).await;
            for answer in [&asked, &answer] {
                assert_eq!(answer.headers.get("access-control-allow-credentials"), None, "{path}");
                let varies = answer.headers.get_all(header::VARY).iter().any(|names| {
                    names.to_str().unwrap().split(',').any(|name| name.trim().eq_ignore_ascii_case("origin"))
                });
                assert!(varies, "{path}: a cache would give the answer to another page: {:?}", answer.headers);
            }
            assert_eq!(allowed(&answer).0, ADMINS, "{method} {path}");
            for foreign in ["https://app.example", "https://admin.example.evil.example", "http://admin.example", "null"]
            {
                for method in [&method, &Method::OPTIONS] {
                    assert_eq!(allowed(&send(method, &path, foreign).await), ("", 0), "{method} {path}: {foreign}");
                }
            }
        }
        assert_eq!(allowed(&send(&Method::GET, "/outbox", ADMINS).await), ("", 0));
        let elsewhere = send(&Method::GET, "/health", ADMINS).await;
        assert_eq!(allowed(&elsewhere).0, if others.is_none() { "*" } else { "" });
    }
}
