//! Dry runs: a builder learns the answer of each call, and nothing comes of it.

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Service, assert_session_object};

const CODE: &str = "012345";

/// The calls that mail and those that complete them, with a body that each accepts. `true` stands
/// for a call of somebody who is logged in.
fn calls() -> [(&'static str, bool, Value); 8] {
    let challenge = "A".repeat(43);
    let code = json!({"challenge": challenge, "code": CODE});
    [
        ("/password/forgot", false, json!({"email": "james@yopmail.com"})),
        ("/password/reset", false, json!({"challenge": challenge, "code": CODE, "new_password": super::NEW_PASSWORD})),
        ("/login/email", false, json!({"email": "james@yopmail.com"})),
        ("/login/email/complete", false, code.clone()),
        ("/me/email/verify", true, json!({})),
        ("/me/email/verify/complete", true, code.clone()),
        ("/me/email", true, json!({"new_email": "ann@yopmail.com", "password": "any word"})),
        ("/me/email/complete", true, code),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_each_call_answers_an_example_and_leaves_the_table_alone() {
    // Even where mails are off: the answer is an example.
    for variables in [&[("MAIL", "off")][..], &[("EMAIL_SIGN_IN", "sign_up")]] {
        let service = Service::configured(email::router(), variables).await;
        let user = service.account("james@yopmail.com").await;
        let session = service.session(&user).await;
        let before = service.records().await;
        for (path, is_logged_in, body) in calls() {
            service.calls();
            let call = service.request(Method::POST, path).header("x-dry-run", "true");
            let call = if is_logged_in { call.bearer(&session["access_token"]) } else { call };
            let answer = call.json(body).await.is(200).body;
            match path {
                "/password/reset" | "/login/email/complete" | "/me/email/complete" => assert_session_object(&answer),
                "/me/email/verify/complete" => assert_eq!(answer["email_verified"], true),
                _ => assert_eq!(answer["challenge"].as_str().map(str::len), Some(43), "{path}: {answer}"),
            }
            // Whoever is logged in is looked up, as ever.
            let reads = if is_logged_in { &["BatchGetItem"][..] } else { &[] };
            assert_eq!(service.calls(), reads, "{path}");
        }
        assert_eq!(service.records().await, before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_mistakes_and_asks_who_calls_as_the_call_itself_does() {
    let service = super::service().await;
    for (path, is_logged_in, _) in calls() {
        let call = service.request(Method::POST, path).header("x-dry-run", "TRUE");
        let body = json!({"code": "12", "new_password": "short"});
        match is_logged_in {
            true => call.json(body).await.refused(401, "token_missing"),
            false => call.json(body).await.refused(400, "invalid_request"),
        };
    }
    for text in ["false", "", "1"] {
        let call = service.request(Method::POST, "/password/forgot").header("x-dry-run", text);
        call.json(json!({"email": format!("james{text}@yopmail.com")})).await.is(200);
    }
    assert_eq!(service.proofs().await.len(), 3, "no such header, no dry run");
}
