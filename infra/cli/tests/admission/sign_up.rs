//! `SIGN_UP`, against every way to ask for an account.

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{PASSWORD, Service, assert_session_object};

const RULES: [&str; 4] = ["open", "invited", "domains:a.example,münchen.example", "closed"];

/// A way to ask for an account, and the answer under each of [`RULES`].
struct Way {
    email: &'static str,
    password: &'static str,
    key: &'static str,
    answers: [&'static str; 4],
}

const fn way(email: &'static str, password: &'static str, key: &'static str, answers: [&'static str; 4]) -> Way {
    Way { email, password, key, answers }
}

const UNINVITED: &str = "403 invitation_required";
const CLOSED: &str = "403 sign_up_closed";
const FOREIGN: &str = "403 email_domain_not_allowed";

/// The account `known@a.example` was made before, under the key `earlier`, and `known@b.example`
/// under the key `foreign`.
const WAYS: [Way; 12] = [
    way("new@a.example", PASSWORD, "", ["201", UNINVITED, "201", CLOSED]),
    way("NEW@A.EXAMPLE", PASSWORD, "", ["201", UNINVITED, "201", CLOSED]),
    way("new@xn--mnchen-3ya.example", PASSWORD, "", ["201", UNINVITED, "201", CLOSED]),
    way("new@b.example", PASSWORD, "", ["201", UNINVITED, FOREIGN, CLOSED]),
    way("new@sub.a.example", PASSWORD, "", ["201", UNINVITED, FOREIGN, CLOSED]),
    way("new@a.example.evil.example", PASSWORD, "", ["201", UNINVITED, FOREIGN, CLOSED]),
    way("new@a.example", PASSWORD, "fresh", ["201", UNINVITED, "201", CLOSED]),
    way("known@a.example", PASSWORD, "", ["409 email_taken", UNINVITED, "409 email_taken", CLOSED]),
    way("known@a.example", PASSWORD, "earlier", ["201", UNINVITED, "201", CLOSED]),
    way("known@b.example", PASSWORD, "foreign", ["201", UNINVITED, FOREIGN, CLOSED]),
    way(
        "known@b.example",
        "another battery staple",
        "foreign",
        ["409 idempotency_key_reused", UNINVITED, FOREIGN, CLOSED],
    ),
    way("new@b.example", "password", "", ["400 weak_password", UNINVITED, FOREIGN, CLOSED]),
];

async fn create(service: &Service, email: &str, password: &str, key: &str) -> String {
    let call = service.request(Method::POST, "/create-account").header("idempotency-key", key);
    let answer = call.json(json!({"email": email, "password": password})).await;
    let code = answer.body["code"].as_str().unwrap_or_default();
    format!("{} {code}", answer.status.as_u16()).trim_end().to_owned()
}

#[tokio::test(start_paused = true)]
async fn every_way_to_sign_up_meets_the_rule_before_anything_is_read() {
    for (at, rule) in RULES.into_iter().enumerate() {
        for way in &WAYS {
            let open = Service::configured(latchkey::router(), &[]).await;
            assert_eq!(create(&open, "known@a.example", PASSWORD, "earlier").await, "201");
            assert_eq!(create(&open, "known@b.example", PASSWORD, "foreign").await, "201");
            let stored = open.keys_stored().await;
            let service = open.beside(latchkey::router(), &[("SIGN_UP", rule)], None).await;
            let answer = create(&service, way.email, way.password, way.key).await;
            assert_eq!(answer, way.answers[at], "{rule}: {} {} {}", way.email, way.password, way.key);
            if answer.starts_with("403") {
                assert!(service.calls().is_empty());
                assert_eq!(open.keys_stored().await, stored);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_an_account_logs_in_under_every_rule() {
    for rule in RULES {
        let service = Service::configured(latchkey::router(), &[("SIGN_UP", rule)]).await;
        service.account("a@elsewhere.example").await;
        let body = json!({"email": "a@elsewhere.example", "password": PASSWORD});
        let session: Value = service.post("/login", body).await.is(200).body;
        assert_session_object(&session);
        let body = json!({"refresh_token": session["refresh_token"]});
        assert_session_object(&service.post("/refresh", body).await.is(200).body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_no_setting_to_the_person() {
    for rule in &RULES[1..] {
        let service = Service::configured(latchkey::router(), &[("SIGN_UP", rule)]).await;
        let body = json!({"email": "a@elsewhere.example", "password": PASSWORD});
        let answer = service.post("/create-account", body).await.is(403);
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.ends_with('.') && !message.contains(['`', '_']) && !message.contains("SIGN"), "{message}");
    }
}
